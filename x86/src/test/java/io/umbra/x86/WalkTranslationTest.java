package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Where the definition says that an address leads. */
class WalkTranslationTest {

    private static List<Tables> shapes() {
        return Tables.ofEveryShape();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void everyShapeLeadsToItsPage(Tables tables) {
        PageSize size = tables.mode.pageSize(tables.leafLevel);
        assertThat(tables.walk(Tables.READ))
                .isEqualTo(new Walk.Mapped(tables.expectedPhysical(), size, true, true, true));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void absentEntryAtAnyLevelFaultsThereWithoutP(Tables tables) {
        for (int level = tables.leafLevel; level <= tables.mode.levels(); level++) {
            long entry = tables.get(level);
            tables.put(level, entry & ~1L);
            assertThat(tables.walk(Tables.USER | Tables.WRITE)).isEqualTo(new Walk.Fault(0x6, level));
            tables.put(level, entry);
        }
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void nothingOfAnAbsentEntryIsLookedAt(Tables tables) {
        tables.put(tables.leafLevel, ~1L);
        assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0, tables.leafLevel));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void rightsAreWhatAllLevelsGrantTogether(Tables tables) {
        for (int level : tables.levelsWithRights()) {
            long entry = tables.get(level);
            tables.put(level, entry & ~LongModeEntry.WRITABLE);
            assertThat(tables.walk(Tables.READ)).isEqualTo(mapped(tables, false, true, true));
            tables.put(level, entry & ~LongModeEntry.USER);
            assertThat(tables.walk(Tables.READ)).isEqualTo(mapped(tables, true, false, true));
            if (tables.mode != PagingMode.TWO_LEVEL) {
                tables.put(level, entry | LongModeEntry.NO_EXECUTE);
                assertThat(tables.walk(Tables.READ)).isEqualTo(mapped(tables, true, true, false));
            }
            tables.put(level, entry);
        }
    }

    private static Walk mapped(Tables tables, boolean writable, boolean user, boolean executable) {
        PageSize size = tables.mode.pageSize(tables.leafLevel);
        return new Walk.Mapped(tables.expectedPhysical(), size, writable, user, executable);
    }

    @Test
    void withoutPagingLinearIsPhysicalAndEverythingIsPermitted() {
        Tables tables = Tables.of(PagingMode.NONE, 1);
        tables.cr0 = Cr0.PROTECTION | Cr0.WRITE_PROTECT;
        tables.cr4 = Cr4.SMEP | Cr4.SMAP;
        tables.linear = 0x5_1234_5678L;
        for (int access : Tables.ACCESSES) {
            assertThat(tables.access(access))
                    .isEqualTo(new Walk.Mapped(0x1234_5678L, PageSize.SIZE_4K, true, true, true));
        }
        assertThat(tables.memory.writes()).isZero();
    }

    @Test
    void nonCanonicalAddressIsNotAPageFault() {
        Tables four = Tables.of(PagingMode.FOUR_LEVEL, 1);
        Tables five = Tables.of(PagingMode.FIVE_LEVEL, 1);
        for (int access : Tables.ACCESSES) {
            four.linear = 0x0000_8000_0000_0000L;
            assertThat(four.access(access)).isEqualTo(new Walk.NonCanonical());
            four.linear = 0xFFFF_7FFF_FFFF_FFFFL;
            assertThat(four.access(access)).isEqualTo(new Walk.NonCanonical());
            five.linear = 0x0100_0000_0000_0000L;
            assertThat(five.access(access)).isEqualTo(new Walk.NonCanonical());
            five.linear = 0x0000_8000_0000_0000L;
            assertThat(five.access(access)).as("canonical with 57 bits").isInstanceOf(Walk.Fault.class);
        }
    }

    @Test
    void outsideLongModeTheUpperHalfOfAnAddressIsIgnored() {
        for (PagingMode mode : List.of(PagingMode.TWO_LEVEL, PagingMode.PAE)) {
            Tables tables = Tables.of(mode, 1);
            Walk plain = tables.walk(Tables.READ);
            tables.linear |= 0xABCD_0000_0000_0000L;
            assertThat(tables.walk(Tables.READ)).isEqualTo(plain).isInstanceOf(Walk.Mapped.class);
        }
    }

    @Test
    void twoLevelPagingIgnoresTheUpperHalfOfCr3() {
        Tables tables = Tables.of(PagingMode.TWO_LEVEL, 1);
        tables.cr3 |= 0xFFFF_FFFF_0000_0000L;
        assertThat(tables.walk(Tables.READ)).isEqualTo(mapped(tables, true, true, true));
    }

    @Test
    void tableOutsideRamReadsAsAbsent() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.put(3, 0x0123_4567_8000L | 0x7);
        tables.maxPhysicalAddress = 52;
        assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0, 2));
    }

    @Test
    void paeWalksTheRegistersAndNotWhatCr3PointsAt() {
        Tables tables = Tables.of(PagingMode.PAE, 1);
        tables.cr3 = 0x7000;
        assertThat(tables.permits(Tables.READ)).isTrue();
        tables.pdpte[3] = 0;
        tables.memory.putLong(0x7018, 0x2001);
        assertThat(tables.walk(Tables.READ)).isEqualTo(new Walk.Fault(0, 3));
    }

    @Test
    void paePointersCarryNoRights() {
        Tables tables = Tables.of(PagingMode.PAE, 1);
        assertThat(tables.pdpte[3] & (LongModeEntry.WRITABLE | LongModeEntry.USER))
                .isZero();
        assertThat(tables.permits(Tables.USER | Tables.WRITE)).isTrue();
    }

    @Test
    void psWithoutPseIsIgnored() {
        Tables tables = Tables.of(PagingMode.TWO_LEVEL, 1);
        tables.set(2, LongModeEntry.PAGE_SIZE);
        tables.cr4 = 0;
        assertThat(tables.walk(Tables.READ)).isEqualTo(mapped(tables, true, true, true));
    }

    @Test
    void largePagesOfPaeAndLongModeDoNotNeedPse() {
        assertThat(Tables.of(PagingMode.PAE, 2).cr4 & Cr4.PAGE_SIZE_EXTENSIONS).isZero();
        assertThat(Tables.of(PagingMode.PAE, 2).permits(Tables.READ)).isTrue();
        assertThat(Tables.of(PagingMode.FOUR_LEVEL, 2).permits(Tables.READ)).isTrue();
    }

    @Test
    void pse36PageLiesAbove4Gigabytes() {
        Tables tables = Tables.of(PagingMode.TWO_LEVEL, 2);
        tables.set(2, 0xA5L << 13);
        assertThat(tables.walk(Tables.READ))
                .isEqualTo(new Walk.Mapped(
                        0xA5_0000_0000L + tables.expectedPhysical(), PageSize.SIZE_4M, true, true, true));
    }

    @Test
    void patBitsAreNoAddressBits() {
        for (Tables tables : Tables.ofEveryShape()) {
            tables.set(tables.leafLevel, tables.leafLevel == 1 ? LongModeEntry.PAT : LongModeEntry.LARGE_PAT);
            assertThat(tables.walk(Tables.READ)).as(tables.toString()).isEqualTo(mapped(tables, true, true, true));
        }
    }

    @Test
    void bitsForSoftwareAndCachingAreIgnored() {
        for (Tables tables : Tables.ofEveryShape()) {
            for (int level = tables.leafLevel; level <= tables.mode.levels(); level++) {
                tables.set(level, 0xE18);
                if (tables.mode.isLong()) {
                    tables.set(level, 0x7FF0_0000_0000_0000L | LongModeEntry.GLOBAL);
                }
            }
            assertThat(tables.walk(Tables.READ)).as(tables.toString()).isEqualTo(mapped(tables, true, true, true));
        }
    }

    @Test
    void machineMemoryCanBeWalkedItself() {
        try (MachineMemory machine = new MachineMemory(8)) {
            Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
            byte[] content = tables.memory.content();
            machine.write(0, content, 0, content.length);
            PhysicalMemory memory = PhysicalMemory.of(machine);
            assertThat(DefinitionWalker.walk(tables.registers(), memory, tables.linear, Tables.WRITE, true))
                    .isEqualTo(mapped(tables, true, true, true));
            assertThat(machine.readLong(tables.address(1)) & 0x60).isEqualTo(0x60);
            assertThat(memory.readLong(8 * 4096)).isZero();
            assertThat(memory.readInt(8 * 4096)).isZero();
            assertThat(memory.compareAndSetLong(8 * 4096, 0, 1)).isFalse();
            assertThat(memory.compareAndSetInt(8 * 4096, 0, 1)).isFalse();
        }
    }

    @Test
    void whatIsNoAccessIsRefused() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        for (int access : new int[] {
            PageFaultCode.PRESENT,
            PageFaultCode.RESERVED,
            PageFaultCode.PROTECTION_KEY,
            Tables.WRITE | Tables.FETCH,
            Tables.IMPLICIT | Tables.USER,
            Tables.IMPLICIT | Tables.FETCH,
            1 << 17
        }) {
            assertThatThrownBy(() -> tables.walk(access)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void registersAreThoseOfTheProcessorsState() {
        VcpuState state = new VcpuState();
        state.cr0 = 0x8001_0001L;
        state.cr3 = 0x5000;
        state.cr4 = 0x20;
        state.efer = 0x800;
        state.pdpte[2] = 0x6001;
        state.rflags |= RFlags.ALIGNMENT_CHECK;
        assertThat(PagingRegisters.of(state, 40, true, false))
                .isEqualTo(new PagingRegisters(
                        0x8001_0001L, 0x5000, 0x20, 0x800, List.of(0L, 0L, 0x6001L, 0L), true, 0, 40, true, false));
    }

    @Test
    void registersThatNoProcessorHasAreRefused() {
        Tables tables = Tables.of(PagingMode.PAE, 1);
        tables.maxPhysicalAddress = 31;
        assertThatThrownBy(tables::registers).isInstanceOf(IllegalArgumentException.class);
        tables.maxPhysicalAddress = 53;
        assertThatThrownBy(tables::registers).isInstanceOf(IllegalArgumentException.class);
        tables.maxPhysicalAddress = 52;
        tables.pdpte = new long[3];
        assertThatThrownBy(tables::registers).isInstanceOf(IllegalArgumentException.class);
    }
}
