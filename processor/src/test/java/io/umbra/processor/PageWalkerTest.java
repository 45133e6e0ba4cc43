package io.umbra.processor;

import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.RWU;
import static io.umbra.x86.PageFaultCode.FETCH;
import static io.umbra.x86.PageFaultCode.IMPLICIT;
import static io.umbra.x86.PageFaultCode.PRESENT;
import static io.umbra.x86.PageFaultCode.RESERVED;
import static io.umbra.x86.PageFaultCode.USER;
import static io.umbra.x86.PageFaultCode.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageWalkerTest {
    private static final long PAGE = 0x70_0000;
    private static final long NX = LongModeEntry.NO_EXECUTE;
    private static final long PRESENT_ONLY = LongModeEntry.PRESENT;
    private static final int[] ACCESSES = {0, WRITE, FETCH, USER, USER | WRITE, USER | FETCH, IMPLICIT, IMPLICIT | WRITE
    };

    private final TestMachine shadow = TestMachine.shadow();
    private final TestMachine nested = TestMachine.nested();

    @AfterEach
    void close() {
        shadow.close();
        nested.close();
    }

    private static PageWalker shadowWalker(TestMachine machine, boolean smep, boolean smap) {
        PageWalker walker = new PageWalker(machine.state, machine.memory);
        walker.load(new HardwarePaging.Shadow(machine.root << 12, smep, smap));
        return walker;
    }

    private static PageWalker nestedWalker(TestMachine machine) {
        PageWalker walker = new PageWalker(machine.state, machine.memory);
        walker.load(new HardwarePaging.Nested(4096 - 64 << 12));
        return walker;
    }

    /** The SDM's rule for a present 4 KiB page, stated once more. */
    private static boolean permitted(int access, long rights, boolean smep, boolean smap, boolean ac) {
        boolean userPage = (rights & LongModeEntry.USER) != 0;
        boolean explicitly = (access & IMPLICIT) == 0;
        if ((access & FETCH) != 0) {
            boolean reachable = (access & USER) != 0 ? userPage : !userPage || !smep;
            return reachable && (rights & NX) == 0;
        }
        boolean reachable = (access & USER) != 0 ? userPage : !userPage || !smap || ac && explicitly;
        return reachable && ((access & WRITE) == 0 || (rights & LongModeEntry.WRITABLE) != 0);
    }

    @Test
    void everyCombinationOfRightsAndAccessIsDecidedAsTheManualSays() {
        long[] bits = {LongModeEntry.WRITABLE, LongModeEntry.USER, NX};
        for (int set = 0; set < 8; set++) {
            long rights = PRESENT_ONLY;
            for (int bit = 0; bit < 3; bit++) {
                rights |= (set >> bit & 1) != 0 ? bits[bit] : 0;
            }
            for (int mode = 0; mode < 8; mode++) {
                boolean smep = (mode & 1) != 0;
                boolean smap = (mode & 2) != 0;
                boolean ac = (mode & 4) != 0;
                PageWalker walker = shadowWalker(shadow, smep, smap);
                for (int access : ACCESSES) {
                    shadow.mapTo(PAGE, 99, rights);
                    boolean good = permitted(access, rights, smep, smap, ac);
                    String which = "rights " + Long.toHexString(rights) + " mode " + mode + " access " + access;
                    PageWalker.Outcome outcome = walker.walk(PAGE + 5, access, ac);
                    long after = shadow.memory.readLong(shadow.entry(PAGE, 1));
                    if (good) {
                        assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.MAPPED);
                        assertThat(walker.machineAddress).isEqualTo((99 << 12) + 5);
                        assertThat(LongModeEntry.isAccessed(after)).isTrue();
                        assertThat(LongModeEntry.isDirty(after)).isEqualTo((access & WRITE) != 0);
                    } else {
                        assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
                        assertThat(walker.code).isEqualTo(access | PRESENT);
                        assertThat(after).isEqualTo(LongModeEntry.of(99, rights));
                    }
                }
            }
        }
    }

    @Test
    void rightsAreThoseOfAllLevelsTogether() {
        shadow.mapTo(PAGE, 99, RWU);
        long upper = shadow.entry(PAGE, 2);
        long entry = shadow.memory.readLong(upper);
        PageWalker walker = shadowWalker(shadow, false, false);
        shadow.memory.writeLong(upper, entry & ~LongModeEntry.WRITABLE);
        assertThat(walker.walk(PAGE, WRITE, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        shadow.memory.writeLong(upper, entry & ~LongModeEntry.USER);
        assertThat(walker.walk(PAGE, USER, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        shadow.memory.writeLong(upper, entry | NX);
        assertThat(walker.walk(PAGE, FETCH, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        shadow.memory.writeLong(upper, 0);
        assertThat(walker.walk(PAGE, WRITE, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(WRITE);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void aReservedBitAtAnyLevelIsToldBeforeRights(int level) {
        shadow.mapTo(PAGE, 99, PRESENT_ONLY);
        long place = shadow.entry(PAGE, level);
        long reserved = level == 4 ? LongModeEntry.PAGE_SIZE : 1L << 45;
        shadow.memory.writeLong(place, shadow.memory.readLong(place) | reserved);

        PageWalker walker = shadowWalker(shadow, false, false);
        assertThat(walker.walk(PAGE, USER | WRITE, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(USER | WRITE | PRESENT | RESERVED);
    }

    @Test
    void largePagesReachTheirFrameAndHaveReservedBitsOfTheirOwn() {
        long place = shadow.entry(0x4000_0000L, 2);
        shadow.memory.writeLong(place, LongModeEntry.of(1024, RW | LongModeEntry.PAGE_SIZE));
        PageWalker walker = shadowWalker(shadow, false, false);

        assertThat(walker.walk(0x4012_3456L, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo(0x40_0000 + 0x12_3456);
        assertThat(walker.leafShift).isEqualTo(21);
        assertThat(LongModeEntry.isDirty(shadow.memory.readLong(place))).isTrue();
        shadow.memory.writeLong(place, LongModeEntry.of(1025 + 2, RW | LongModeEntry.PAGE_SIZE));
        assertThat(walker.walk(0x4012_3456L, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | RESERVED);
    }

    @Test
    void aShadowThatNamesNoMemoryIsAFaultOfOurOwn() {
        shadow.mapTo(PAGE, 1 << 20, RW);
        PageWalker walker = shadowWalker(shadow, false, false);

        assertThatThrownBy(() -> walker.walk(PAGE, 0, false)).isInstanceOf(InvariantViolation.class);
    }

    @Test
    void nestedWalksTranslateTablesAndTargetsByTheP2m() {
        PageWalker walker = nestedWalker(nested);

        assertThat(walker.walk(DATA + 7, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo(nested.machineAddress(DATA + 7));
    }

    @Test
    void nestedWalksTellWhichGuestFrameIsMissingOrTooWeak() {
        PageWalker walker = nestedWalker(nested);
        long gfn = nested.map(PAGE, RW);
        nested.memory.writeLong(nested.p2mEntry(gfn), LongModeEntry.of(nested.mfn(gfn), PRESENT_ONLY));

        assertThat(walker.walk(PAGE + 8, 0, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.walk(PAGE + 8, WRITE, false)).isEqualTo(PageWalker.Outcome.NESTED_FAULT);
        assertThat(walker.guestPhysical).isEqualTo((gfn << 12) + 8);
        assertThat(walker.code).isEqualTo(WRITE);
        assertThat(LongModeEntry.isDirty(nested.memory.readLong(nested.entry(PAGE, 1))))
                .isFalse();

        nested.memory.writeLong(nested.p2mEntry(gfn), 0);
        assertThat(walker.walk(PAGE + 8, USER, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.walk(PAGE + 8, FETCH, false)).isEqualTo(PageWalker.Outcome.NESTED_FAULT);
    }

    @Test
    void aTableInAReadOnlyGuestFrameCannotBeMarked() {
        PageWalker walker = nestedWalker(nested);
        nested.map(PAGE, RW);
        long tableGfn = LongModeEntry.frame(nested.memory.readLong(nested.entry(PAGE, 2)));
        nested.memory.writeLong(nested.p2mEntry(tableGfn), LongModeEntry.of(nested.mfn(tableGfn), PRESENT_ONLY));

        assertThat(walker.walk(PAGE, 0, false)).isEqualTo(PageWalker.Outcome.NESTED_FAULT);
        assertThat(walker.guestPhysical >>> 12).isEqualTo(tableGfn);
        assertThat(walker.code & WRITE).isEqualTo(WRITE);
    }

    @Test
    void supervisorWritesPassReadOnlyPagesWithoutWriteProtect() {
        PageWalker walker = nestedWalker(nested);
        nested.map(PAGE, PRESENT_ONLY);
        assertThat(walker.walk(PAGE, WRITE, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        nested.state.cr0 &= ~Cr0.WRITE_PROTECT;
        assertThat(walker.walk(PAGE, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(LongModeEntry.isDirty(nested.memory.readLong(nested.entry(PAGE, 1))))
                .isTrue();
    }

    @Test
    void withoutNoExecuteItsBitIsReservedAndFetchesAreNotTold() {
        PageWalker walker = nestedWalker(nested);
        nested.map(PAGE, RW | NX);
        nested.state.efer &= ~Efer.NO_EXECUTE;
        assertThat(walker.walk(PAGE, FETCH, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | RESERVED);
        nested.state.cr4 |= Cr4.SMEP;
        assertThat(walker.walk(PAGE, FETCH, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | RESERVED | FETCH);
    }

    // ---- two levels and PAE, under a P2M
    // ---------------------------------------------------------------------------------------

    private static void legacy(VcpuState state) {
        state.efer = 0;
        state.cr4 = Cr4.PAGE_SIZE_EXTENSIONS;
    }

    private void guestInt(long gpa, long value) {
        nested.memory.writeInt((nested.mfn(gpa >>> 12) << 12) + (gpa & 4095), (int) value);
    }

    private int guestInt(long gpa) {
        return nested.memory.readInt((nested.mfn(gpa >>> 12) << 12) + (gpa & 4095));
    }

    @Test
    void twoLevelTablesMapSmallAndLargePages() {
        legacy(nested.state);
        nested.state.cr3 = 0x20_0000;
        guestInt(0x20_0000 + 4 * 0x300, 0x20_1007);
        guestInt(0x20_1000 + 4 * 5, 0x20_2003);
        guestInt(0x20_0000 + 4 * 0x301, 0x40_0083);
        PageWalker walker = nestedWalker(nested);

        assertThat(walker.walk(0xC000_5678L, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo((nested.mfn(0x202) << 12) + 0x678);
        assertThat(guestInt(0x20_0000 + 4 * 0x300)).isEqualTo(0x20_1027);
        assertThat(guestInt(0x20_1000 + 4 * 5)).isEqualTo(0x20_2063);
        assertThat(walker.walk(0xC041_2345L, 0, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo((nested.mfn(0x412) << 12) + 0x345);
        assertThat(walker.leafShift).isEqualTo(22);
        assertThat(walker.walk(0xC000_5678L, USER, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(USER | PRESENT);
    }

    @Test
    void aFourMebibytePageHasPhysicalBitsAbove32AndOneReservedBit() {
        legacy(nested.state);
        nested.state.cr3 = 0x20_0000;
        guestInt(0x20_0000, 0x40_0083 | 1 << 13);
        PageWalker walker = nestedWalker(nested);
        assertThat(walker.walk(0x1000, 0, false)).isEqualTo(PageWalker.Outcome.NESTED_FAULT);
        assertThat(walker.guestPhysical).isEqualTo(0x1_0040_1000L);

        guestInt(0x20_0000, 0x40_0083 | 1 << 21);
        assertThat(walker.walk(0x1000, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | RESERVED);
    }

    @Test
    void paeWalksBeginAtTheFourRegisters() {
        legacy(nested.state);
        nested.state.cr4 |= Cr4.PHYSICAL_ADDRESS_EXTENSION;
        MachineMemory memory = nested.memory;
        long tables = nested.mfn(0x200) << 12;
        memory.writeLong(tables + 0x20, 0x20_1001);
        memory.writeLong(tables + 0x38, 0x20_1001);
        memory.writeLong((nested.mfn(0x201) << 12) + 8 * 1, 0x20_2003);
        memory.writeLong((nested.mfn(0x202) << 12) + 8 * 2, 0x20_3003);
        PageWalker walker = nestedWalker(nested);

        assertThat(walker.readPdptes(0x20_0020, nested.state.pdpte)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.walk(0xC020_2111L, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo((nested.mfn(0x203) << 12) + 0x111);
        assertThat(walker.walk(0x4020_2111L, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isZero();
        memory.writeLong((nested.mfn(0x202) << 12) + 8 * 2, 0x20_3003 | 1L << 55);
        assertThat(walker.walk(0xC020_2111L, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | RESERVED);
        memory.writeLong(tables + 0x20, 0x20_1001 | 1 << 5);
        assertThat(walker.readPdptes(0x20_0020, new long[4])).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
    }

    @Test
    void withoutPagingAnAddressIsItsGuestPhysicalSelf() {
        legacy(nested.state);
        nested.state.cr0 &= ~Cr0.PAGING;
        PageWalker walker = nestedWalker(nested);

        assertThat(walker.walk(0x12_3456, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo((nested.mfn(0x123) << 12) + 0x456);
    }

    // ---- shadows of five levels and in PAE format
    // ----------------------------------------------------------------------------------

    /** Each field decides one bit of the answer: the root by the linear address's top nine bits, the rights as told. */
    @Test
    void aFiveLevelShadowBeginsOneTableAbove() {
        long root = shadow.newFrame();
        long linear = 0x00AB_0000_0000_0000L + PAGE;
        long place = (root << 12) + 8L * LongModeEntry.index(linear, 5);
        shadow.memory.writeLong(place, LongModeEntry.of(shadow.root, RWU));
        shadow.mapTo(PAGE, 99, RWU);
        PageWalker walker = new PageWalker(shadow.state, shadow.memory);
        walker.load(new HardwarePaging.Shadow(root << 12, 5, false, false, false));

        assertThat(walker.walk(linear + 3, USER | WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.machineAddress).isEqualTo((99 << 12) + 3);
        assertThat(walker.leafShift).isEqualTo(12);
        assertThat(shadow.memory.readLong(place))
                .isEqualTo(LongModeEntry.of(shadow.root, RWU | LongModeEntry.ACCESSED));
        assertThat(walker.walk(PAGE, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isZero();
        shadow.memory.writeLong(place, LongModeEntry.of(shadow.root, RW));
        assertThat(walker.walk(linear, USER, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(USER | PRESENT);
        shadow.memory.writeLong(place, LongModeEntry.of(shadow.root, RWU | LongModeEntry.PAGE_SIZE));
        assertThat(walker.walk(linear, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | RESERVED);

        walker.load(new HardwarePaging.Shadow(shadow.root << 12, 4, false, false, false));
        assertThat(walker.walk(PAGE, 0, false)).isEqualTo(PageWalker.Outcome.MAPPED);
    }

    @Test
    void everyFieldOfAShadowCounts() {
        PageWalker walker = new PageWalker(shadow.state, shadow.memory);
        shadow.state.pkru = 1 << 2 * 5;
        shadow.mapTo(PAGE, 99, RWU | 5L << 59);
        for (int fields = 0; fields < 8; fields++) {
            boolean smep = (fields & 1) != 0;
            boolean smap = (fields & 2) != 0;
            boolean keys = (fields & 4) != 0;
            walker.load(new HardwarePaging.Shadow(shadow.root << 12, 4, smep, smap, keys));
            assertThat(walker.walk(PAGE, FETCH, false) == PageWalker.Outcome.MAPPED)
                    .isEqualTo(!smep);
            assertThat(walker.walk(PAGE, USER, false) == PageWalker.Outcome.MAPPED)
                    .isEqualTo(!keys);
            assertThat(walker.walk(PAGE, 0, false) == PageWalker.Outcome.MAPPED).isEqualTo(!keys && !smap);
        }
    }

    private PageWalker paeShadow(long[] pdptes, boolean smep, boolean smap) {
        PageWalker walker = new PageWalker(shadow.state, shadow.memory);
        walker.load(new HardwarePaging.PaeShadow(pdptes[0], pdptes[1], pdptes[2], pdptes[3], smep, smap));
        return walker;
    }

    @Test
    void aPaeShadowBeginsAtTheRegistersThatItNames() {
        long[] pdptes = new long[4];
        for (int i = 0; i < 4; i++) {
            long directory = shadow.newFrame();
            long table = shadow.newFrame();
            shadow.memory.writeLong((directory << 12) + 8, LongModeEntry.of(table, RWU));
            shadow.memory.writeLong((table << 12) + 16, LongModeEntry.of(100 + i, RWU));
            pdptes[i] = LongModeEntry.of(directory, 0x1E7); // bits that only a load of the registers looks at
        }
        pdptes[2] &= ~PRESENT_ONLY;
        shadow.state.cr4 = 0;
        shadow.state.efer = 0;
        PageWalker walker = paeShadow(pdptes, false, false);
        for (int i = 0; i < 4; i++) {
            long linear = (long) i << 30 | 0x20_2000 | 7;
            if (i == 2) {
                assertThat(walker.walk(linear, USER, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
                assertThat(walker.code).isEqualTo(USER);
                continue;
            }
            assertThat(walker.walk(linear | 0xFFFF_FFFF_0000_0000L, USER | WRITE, false))
                    .isEqualTo(PageWalker.Outcome.MAPPED);
            assertThat(walker.machineAddress).isEqualTo((100L + i << 12) + 7);
            long table = LongModeEntry.frame(shadow.memory.readLong((pdptes[i] & -4096L) + 8));
            assertThat(shadow.memory.readLong((table << 12) + 16)).isEqualTo(LongModeEntry.of(100 + i, RWU | 0x60));
        }
        assertThat(paeShadow(pdptes, true, false).walk(0x20_2000, FETCH, false))
                .isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(paeShadow(pdptes, false, true).walk(0x20_2000, WRITE, false))
                .isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(paeShadow(pdptes, false, true).walk(0x20_2000, WRITE, true)).isEqualTo(PageWalker.Outcome.MAPPED);
    }

    @Test
    void entriesOfAPaeShadowHaveNxAndReservedBits() {
        long directory = shadow.newFrame();
        PageWalker walker = paeShadow(new long[] {LongModeEntry.of(directory, 1), 0, 0, 0}, false, false);
        shadow.state.pkru = -1;
        shadow.state.cr4 |= Cr4.PROTECTION_KEYS;
        shadow.memory.writeLong(directory << 12, LongModeEntry.of(512, RWU | NX | LongModeEntry.PAGE_SIZE));
        assertThat(walker.walk(0x1234, USER, false)).isEqualTo(PageWalker.Outcome.MAPPED);
        assertThat(walker.leafShift).isEqualTo(21);
        assertThat(walker.machineAddress).isEqualTo((512 << 12) + 0x1234);
        assertThat(walker.walk(0x1234, USER | FETCH, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(USER | FETCH | PRESENT);
        shadow.memory.writeLong(directory << 12, LongModeEntry.of(512, RWU | LongModeEntry.PAGE_SIZE | 1L << 59));
        assertThat(walker.walk(0x1234, USER, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(USER | PRESENT | RESERVED);
    }
}
