package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The walker held against {@link AccessRightsTable}, over every combination of flags. */
class WalkSweepTest {

    private static final long RW = 0x2;
    private static final long US = 0x4;
    private static final long NX = Long.MIN_VALUE;

    private static List<Tables> shapes() {
        return Tables.ofEveryShape();
    }

    /**
     * RW, US and NX at every level times WP, SMEP, SMAP, AC and NXE times every access. Five levels would be 2^15 combinations of flags:
     * there the middle ones are taken to be alike.
     */
    @ParameterizedTest
    @MethodSource("shapes")
    void everyCombinationOfRightsIsDecidedAsTheTableSays(Tables tables) {
        int[] levels = tables.levelsWithRights();
        int varied = Math.min(levels.length, 4);
        for (int flags = 0; flags < 1 << 3 * varied; flags++) {
            boolean writable = true;
            boolean user = true;
            boolean noExecute = false;
            for (int i = 0; i < levels.length; i++) {
                int here = flags >>> 3 * Math.min(i, varied - 1);
                writable &= (here & 1) != 0;
                user &= (here & 2) != 0;
                noExecute |= (here & 4) != 0;
                tables.clear(levels[i], RW | US | NX);
                tables.set(levels[i], ((here & 1) != 0 ? RW : 0) | ((here & 2) != 0 ? US : 0));
                tables.set(levels[i], (here & 4) != 0 && tables.mode != PagingMode.TWO_LEVEL ? NX : 0);
            }
            noExecute &= tables.mode != PagingMode.TWO_LEVEL;
            for (int controls = 0; controls < 32; controls++) {
                check(tables, writable, user, noExecute, controls);
            }
        }
    }

    private static void check(Tables tables, boolean writable, boolean user, boolean noExecute, int controls) {
        boolean wp = (controls & 1) != 0;
        boolean smep = (controls & 2) != 0;
        boolean smap = (controls & 4) != 0;
        boolean ac = (controls & 8) != 0;
        boolean nxe = (controls & 16) != 0;
        control(tables, wp, smep, smap, ac, nxe);
        PagingRegisters registers = tables.registers();
        for (int access : Tables.ACCESSES) {
            int expected = noExecute && !nxe
                    ? 0x9
                    : AccessRightsTable.permits(access, user, writable, noExecute, wp, smep, smap, ac) ? -1 : 0x1;
            boolean reportsFetch = smep || nxe && tables.mode != PagingMode.TWO_LEVEL;
            int code = expected < 0 ? -1 : expected | access & (reportsFetch ? 0x16 : 0x6);
            Walk walk = DefinitionWalker.walk(registers, tables.memory, tables.linear, access, false);
            int actual = walk instanceof Walk.Fault fault ? fault.code() : -1;
            if (actual != code) {
                fail("%s: code %x, not %x\n%s"
                        .formatted(
                                tables,
                                actual,
                                code,
                                DefinitionWalker.explain(registers, tables.memory, tables.linear, access)));
            }
        }
    }

    private static void control(Tables tables, boolean wp, boolean smep, boolean smap, boolean ac, boolean nxe) {
        tables.cr0 = wp ? tables.cr0 | Cr0.WRITE_PROTECT : tables.cr0 & ~Cr0.WRITE_PROTECT;
        tables.cr4 = smep ? tables.cr4 | Cr4.SMEP : tables.cr4 & ~Cr4.SMEP;
        tables.cr4 = smap ? tables.cr4 | Cr4.SMAP : tables.cr4 & ~Cr4.SMAP;
        tables.efer = nxe ? tables.efer | Efer.NO_EXECUTE : tables.efer & ~Efer.NO_EXECUTE;
        tables.alignmentCheck = ac;
    }

    /** Each level fine, absent, reserved, or both; no right granted anywhere, so that the order of the checks shows. */
    @ParameterizedTest
    @MethodSource("shapes")
    void theFirstBadEntryFromTheRootDecidesBeforeAnyRight(Tables tables) {
        int levels = tables.mode.levels() - tables.leafLevel + 1;
        long[] fine = new long[6];
        for (int level = tables.leafLevel; level <= tables.mode.levels(); level++) {
            fine[level] = tables.get(level) & ~(RW | US);
        }
        for (int states = 0; states < 1 << 2 * levels; states++) {
            int badLevel = 0;
            boolean absent = false;
            for (int level = tables.leafLevel; level <= tables.mode.levels(); level++) {
                int state = states >>> 2 * (level - tables.leafLevel) & 3;
                long reserved = (state & 2) != 0 ? reservedBit(tables, level) : 0;
                tables.put(level, fine[level] & ((state & 1) != 0 ? ~1L : -1L) | reserved);
                if ((state & 1) != 0 || reserved != 0) {
                    badLevel = level;
                    absent = (state & 1) != 0;
                }
            }
            for (int access : Tables.ACCESSES) {
                int reported = access & (tables.mode == PagingMode.TWO_LEVEL ? 0x6 : 0x16);
                Walk walk = tables.walk(access);
                if (badLevel != 0) {
                    assertThat(walk).isEqualTo(new Walk.Fault(reported | (absent ? 0 : 0x9), badLevel));
                } else if (walk instanceof Walk.Fault fault) {
                    assertThat(fault).isEqualTo(new Walk.Fault(reported | 0x1, tables.leafLevel));
                }
            }
        }
    }

    /** A bit that is reserved in the entry, or 0 where the entry has none. */
    private static long reservedBit(Tables tables, int level) {
        return tables.mode != PagingMode.TWO_LEVEL ? 1L << 51 : level == 2 && tables.leafLevel == 2 ? 1L << 21 : 0;
    }

    /** Every state of A at each level and of D, with and without rights. */
    @ParameterizedTest
    @MethodSource("shapes")
    void accessedAndDirtyAreSetIfAndOnlyIfTheAccessIsPermitted(Tables tables) {
        int[] levels = tables.levelsWithRights();
        for (int rights = 0; rights < 4; rights++) {
            tables.clear(tables.leafLevel, RW | US).set(tables.leafLevel, rights << 1);
            for (int marks = 0; marks < 1 << levels.length + 1; marks++) {
                for (int access : Tables.ACCESSES) {
                    checkMarks(tables, levels, marks, access);
                }
            }
        }
    }

    private static void checkMarks(Tables tables, int[] levels, int marks, int access) {
        for (int i = 0; i < levels.length; i++) {
            tables.clear(levels[i], 0x20).set(levels[i], (marks >>> i & 1) << 5);
        }
        tables.clear(tables.leafLevel, 0x40).set(tables.leafLevel, (marks >>> levels.length & 1) << 6);
        byte[] before = tables.memory.content();
        Walk foretold = tables.walk(access);
        assertThat(tables.memory.content()).isEqualTo(before);
        assertThat(tables.access(access)).isEqualTo(foretold);
        byte[] after = tables.memory.content();
        if (foretold instanceof Walk.Mapped) {
            for (int level : levels) {
                before[(int) tables.address(level)] |= 0x20;
            }
            before[(int) tables.address(tables.leafLevel)] |= (byte) ((access & Tables.WRITE) != 0 ? 0x40 : 0);
        }
        if (!Arrays.equals(before, after)) {
            fail("%s, access %x, marks %x: %s", tables, access, marks, foretold);
        }
    }

    /** AD, WD, WP and the two rights that protection keys look at, for every access. */
    @Test
    void protectionKeysRefuseWhatTheManualSaysAndNothingElse() {
        for (int bits = 0; bits < 64; bits++) {
            boolean accessDisable = (bits & 1) != 0;
            boolean writeDisable = (bits & 2) != 0;
            boolean wp = (bits & 4) != 0;
            boolean user = (bits & 8) != 0;
            boolean writable = (bits & 16) != 0;
            boolean smap = (bits & 32) != 0;
            Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).withCr4(Cr4.PROTECTION_KEYS);
            control(tables, wp, false, smap, false, true);
            tables.clear(1, RW | US).set(1, (user ? US : 0) | (writable ? RW : 0) | 6L << 59);
            tables.pkru = bits << 12 & 3 << 12 | 0x0F0F_0F0F & ~(3 << 12);
            for (int access : Tables.ACCESSES) {
                boolean data = (access & Tables.FETCH) == 0;
                boolean write = (access & Tables.WRITE) != 0;
                boolean byUser = (access & Tables.USER) != 0;
                boolean keyed = data && user && (accessDisable || writeDisable && write && (wp || byUser));
                boolean refused =
                        keyed || !AccessRightsTable.permits(access, user, writable, false, wp, false, smap, false);
                int expected = refused ? access & 0x16 | 0x1 | (keyed ? 0x20 : 0) : -1;
                assertThat(tables.code(access))
                        .as("bits %x access %x", bits, access)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void theTablesRowsExcludeEachOther() {
        AccessRightsTable.checkRowsAreDisjoint();
    }
}
