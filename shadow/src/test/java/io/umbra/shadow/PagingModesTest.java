package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.DEVICE;
import static io.umbra.shadow.SmallGuest.FETCH;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.LARGE;
import static io.umbra.shadow.SmallGuest.NX;
import static io.umbra.shadow.SmallGuest.P;
import static io.umbra.shadow.SmallGuest.PS;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.RW;
import static io.umbra.shadow.SmallGuest.US;
import static io.umbra.shadow.SmallGuest.USER;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the engine does in each of the guest's paging modes. */
class PagingModesTest {
    private static final long PAGE = 0x1000;
    private static final long ALIAS = 0x2000;
    private static final long FOUR_MIB = 0x40_0000;
    private static final long GIB = 0x4000_0000;
    private static final long ABOVE_4_GIB = 0x10_0000;
    private static final int PROTECTION = PageFaultCode.PRESENT;

    private SmallGuest guest = new SmallGuest();

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private void use(PagingMode mode) {
        guest.close();
        guest = new SmallGuest(mode);
    }

    private int poolPages() {
        return guest.engine.tables.pool.used();
    }

    // ---- sizes and levels

    @ParameterizedTest
    @CsvSource({"NONE, 4", "TWO_LEVEL, 6", "PAE, 2", "FOUR_LEVEL, 4", "FIVE_LEVEL, 5"})
    void onePageTakesAShadowOfEachTableOnItsPath(PagingMode mode, int pages) {
        use(mode);
        if (mode != PagingMode.NONE) {
            guest.map(PAGE, 30, KERNEL);
        }
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(poolPages()).isEqualTo(pages);
    }

    @Test
    void directoryOfTwoLevelPagingTakesFourPagesAndATableTwo() {
        use(PagingMode.TWO_LEVEL);
        assertThat(poolPages()).isEqualTo(4);
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(poolPages()).isEqualTo(6);
        guest.map(FOUR_MIB, 31, KERNEL);
        guest.touch(FOUR_MIB, READ);
        assertThat(poolPages()).isEqualTo(8);
    }

    @Test
    void fourPagesOfADirectoryAreTheFourRootsOfHardware() {
        use(PagingMode.TWO_LEVEL);
        ShadowPage root = guest.root();
        assertThat(guest.hardware.loaded())
                .isEqualTo(new HardwarePaging.PaeShadow(
                        root.pageOf(0).mfn << 12 | P,
                        root.pageOf(512).mfn << 12 | P,
                        root.pageOf(1024).mfn << 12 | P,
                        root.pageOf(1536).mfn << 12 | P,
                        false,
                        false));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 0x3F_F000, 0x7FE0_1000L, 0x8000_0000L, 0xFFFF_F000L})
    void upperHalfOfATableIsInTheSecondPageOfItsShadow(long linear) {
        use(PagingMode.TWO_LEVEL);
        guest.map(linear, 30, KERNEL);
        assertThat(guest.touch(linear, WRITE)).isEqualTo(Fixed.FIXUP);
        ShadowPage table = guest.shadow(linear, 1);
        int index = (int) (linear >>> 12) & 0x3FF;
        long inPage = guest.memory.readLong((table.pageOf(index).mfn << 12) + (index & 511) * 8L);
        assertThat(LongModeEntry.frame(inPage)).isEqualTo(guest.mfn(30));
        ShadowPage directory = guest.root();
        int slot = (int) (linear >>> 22) * 2;
        assertThat(LongModeEntry.frame(guest.engine.tables.entry(directory, slot)))
                .isEqualTo(table.mfn);
        assertThat(LongModeEntry.frame(guest.engine.tables.entry(directory, slot + 1)))
                .isEqualTo(table.pageOf(512).mfn);
    }

    /** As when a saved state is taken over: control registers change without a write that the engine hears of. */
    @Test
    void registersSetFromOutsideCountFromTheReset() {
        use(PagingMode.FOUR_LEVEL);
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        long cr4 = guest.state.cr4;
        long efer = guest.state.efer;
        guest.state.cr0 &= ~Cr0.PAGING;
        guest.state.efer = 0;
        guest.state.cr4 = 0;
        guest.engine.reset(0);
        guest.engine.audit();
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(PAGE, READ)).isEqualTo(guest.mfn(PAGE >>> 12) << 12);
        guest.state.cr0 |= Cr0.PAGING;
        guest.state.efer = efer;
        guest.state.cr4 = cr4;
        guest.engine.reset(0);
        guest.engine.audit();
        guest.touch(PAGE, WRITE);
        assertThat(guest.hardware.translate(PAGE, READ)).isEqualTo(guest.mfn(30) << 12);
    }

    @Test
    void fiveLevelsTranslateAddressesOf57Bits() {
        use(PagingMode.FIVE_LEVEL);
        long low = 0x00AB_CDEF_0123_4000L;
        long high = 0xFF12_3456_789A_B000L;
        guest.map(low, 30, KERNEL);
        guest.map(high, 31, KERNEL);
        assertThat(guest.touch(low, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(high, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(low, READ)).isEqualTo(guest.mfn(30) << 12);
        assertThat(guest.hardware.translate(high, READ)).isEqualTo(guest.mfn(31) << 12);
        assertThat(guest.root().type).isEqualTo(ShadowType.L5_64);
    }

    @Test
    void emulatedAccessReachesAddressesOf57Bits() {
        use(PagingMode.FIVE_LEVEL);
        long linear = 0x00AB_CDEF_0123_4000L;
        long table = guest.map(linear, 30, KERNEL);
        guest.map(linear + PAGE, table, KERNEL);
        guest.store(linear + PAGE + 0x30, LongModeEntry.of(31, KERNEL), READ);
        assertThat(guest.entry(table, 6)).isEqualTo(LongModeEntry.of(31, KERNEL));
        assertThat(guest.count(Counter.EMULATE)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE"})
    void addressZeroFollowsTheLastOf32Bits(PagingMode mode) {
        use(mode);
        long last = 0xFFFF_F000L;
        long table = guest.map(last, 30, KERNEL);
        guest.pokeFor(table, last, 1, LongModeEntry.of(table, KERNEL | A | D));
        guest.map(0, 31, KERNEL);
        long lastFourBytes = guest.memory.readInt(guest.mfn(table) << 12 | 0xFFC) & 0xFFFF_FFFFL;
        guest.store(last | 0xFFC, 0x2222_2222_0000_0000L | lastFourBytes, READ);
        assertThat(guest.count(Counter.EMULATE)).isPositive();
        assertThat(guest.memory.readInt(guest.mfn(31) << 12)).isEqualTo(0x2222_2222);
    }

    @Test
    void faultBehindTheLastOf32BitsIsAtAddressZero() {
        use(PagingMode.TWO_LEVEL);
        long last = 0xFFFF_F000L;
        long table = guest.map(last, 30, KERNEL);
        guest.pokeFor(table, last, 1, LongModeEntry.of(table, KERNEL));
        assertThatThrownBy(() -> guest.store(last | 0xFFC, 0, READ))
                .isInstanceOfSatisfying(
                        LinearMemory.Fault.class,
                        fault -> assertThat(fault.linear).isZero());
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void walkGoesThroughTheP2mAtEachStep(PagingMode mode) {
        use(mode);
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        long moved = guest.allocator.allocate();
        guest.memory.copyFrame(guest.mfn(table), moved);
        guest.memory.zeroFrame(guest.mfn(table));
        guest.p2m.set(table, 1, moved, P2mType.RAM);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(PAGE, READ)).isEqualTo(guest.mfn(30) << 12);
    }

    // ---- large pages

    @Test
    void fourMibPageTakesAtMost1024Leaves() {
        use(PagingMode.TWO_LEVEL);
        long table = guest.map(0, 0, KERNEL, 2);
        guest.touch(30L << 12, READ);
        guest.touch(LARGE + 7 << 12, READ);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        assertThat(guest.shadow(0, 1).type).isEqualTo(ShadowType.FL1_32);
        assertThat(poolPages()).isEqualTo(6);
        assertThat(guest.hardware.translate(30L << 12, READ)).isEqualTo(guest.mfn(30) << 12);
        assertThat(guest.hardware.translate(LARGE + 7 << 12, READ)).isEqualTo(guest.mfn(LARGE + 7) << 12);
        guest.touch(30L << 12, WRITE);
        assertThat(guest.entryFor(table, 0, 2)).isEqualTo(KERNEL | PS | A | D);
        assertThat(guest.touch(LARGE + 7 << 12, WRITE)).isEqualTo(Fixed.SPURIOUS);
        assertThat(guest.touch(DEVICE << 12, READ)).isEqualTo(Emulate.MMIO);
    }

    @Test
    void withoutPageSizeExtensionsBit7OfADirectoryIsIgnored() {
        use(PagingMode.TWO_LEVEL);
        guest.pokeFor(0, FOUR_MIB, 1, LongModeEntry.of(30, KERNEL));
        guest.pokeFor(0, FOUR_MIB + PAGE, 1, LongModeEntry.of(31, KERNEL));
        guest.pokeFor(ROOT, FOUR_MIB, 2, LongModeEntry.of(0, KERNEL | PS));
        guest.registers.cr4(guest.state.cr4 & ~Cr4.PAGE_SIZE_EXTENSIONS);
        guest.touch(FOUR_MIB, READ);
        assertThat(guest.hardware.translate(FOUR_MIB, READ)).isEqualTo(guest.mfn(30) << 12);
        guest.registers.cr4(guest.state.cr4 | Cr4.PAGE_SIZE_EXTENSIONS);
        guest.touch(FOUR_MIB + 0x1_4000, READ);
        assertThat(guest.hardware.translate(FOUR_MIB + 0x1_4000, READ)).isEqualTo(guest.mfn(20) << 12);
        guest.registers.cr4(guest.state.cr4 & ~Cr4.PAGE_SIZE_EXTENSIONS);
        guest.touch(FOUR_MIB + PAGE, READ);
        assertThat(guest.hardware.translate(FOUR_MIB + PAGE, READ)).isEqualTo(guest.mfn(31) << 12);
    }

    @Test
    void fourMibPageMayLieAbove4Gib() {
        use(PagingMode.TWO_LEVEL);
        guest.p2m.set(ABOVE_4_GIB + 5, 1, guest.allocator.allocate(), P2mType.RAM);
        guest.p2m.set(ABOVE_4_GIB + 1023, 1, guest.allocator.allocate(), P2mType.RAM);
        guest.map(FOUR_MIB, ABOVE_4_GIB, KERNEL, 2);
        assertThat(guest.touch(FOUR_MIB + 0x5000, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(FOUR_MIB + 0x3F_F000, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(FOUR_MIB + 0x5000, READ)).isEqualTo(guest.mfn(ABOVE_4_GIB + 5) << 12);
        assertThat(guest.hardware.translate(FOUR_MIB + 0x3F_F000, READ)).isEqualTo(guest.mfn(ABOVE_4_GIB + 1023) << 12);
        assertThat(guest.touch(FOUR_MIB, READ)).isEqualTo(Emulate.MMIO);
    }

    @Test
    void bit21OfAFourMibPageIsReserved() {
        use(PagingMode.TWO_LEVEL);
        guest.map(FOUR_MIB, 0, KERNEL | 1L << 21, 2);
        assertThat(guest.touch(FOUR_MIB, READ)).isEqualTo(new GuestFault(PROTECTION | PageFaultCode.RESERVED));
    }

    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"FOUR_LEVEL", "FIVE_LEVEL"})
    void gibibytePageMapsItsFirstMiddleAndLastFrame(PagingMode mode) {
        use(mode);
        guest.p2m.set(0x2_0000, 1, guest.allocator.allocate(), P2mType.RAM);
        guest.p2m.set(0x3_FFFF, 1, guest.allocator.allocate(), P2mType.RAM);
        guest.map(0, 0, KERNEL, 3);
        for (long gfn : new long[] {0, 0x2_0000, 0x3_FFFF}) {
            assertThat(guest.touch(gfn << 12, gfn == 0 ? READ : WRITE)).isEqualTo(Fixed.FIXUP);
            assertThat(guest.hardware.translate(gfn << 12, READ)).isEqualTo(guest.mfn(gfn) << 12);
        }
    }

    @Test
    void paeSplintersTwoMibPagesAndReservesTheHighBits() {
        use(PagingMode.PAE);
        guest.map(FOUR_MIB, LARGE, KERNEL, 2);
        assertThat(guest.touch(FOUR_MIB + 0x3000, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.shadow(FOUR_MIB, 1).type).isEqualTo(ShadowType.FL1_PAE);
        assertThat(guest.hardware.translate(FOUR_MIB + 0x3000, READ)).isEqualTo(guest.mfn(LARGE + 3) << 12);
        guest.map(PAGE, 30, KERNEL | 1L << 59);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(PROTECTION | PageFaultCode.RESERVED));
    }

    // ---- rights that only some modes have

    @Test
    void fourByteEntriesCannotForbidExecution() {
        use(PagingMode.TWO_LEVEL);
        guest.map(PAGE, 30, KERNEL);
        assertThat(guest.touch(PAGE, FETCH)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(FOUR_MIB, FETCH)).isEqualTo(new GuestFault(0));
        guest.registers.cr4(guest.state.cr4 | Cr4.SMEP);
        assertThat(guest.touch(FOUR_MIB, FETCH)).isEqualTo(new GuestFault(FETCH));
    }

    @Test
    void paeEntriesCanForbidExecution() {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL | NX);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(PAGE, FETCH)).isEqualTo(new GuestFault(PROTECTION | FETCH));
    }

    @Test
    void protectionKeyGuardsDataOfUserPagesOnly() {
        guest.registers.cr4(guest.state.cr4 | Cr4.PROTECTION_KEYS);
        guest.map(PAGE, 30, P | RW | US | LongModeEntry.withKey(5));
        guest.map(ALIAS, 30, P | RW | LongModeEntry.withKey(5));
        guest.state.pkru = 2 << 2 * 5;
        int refused = PROTECTION | PageFaultCode.PROTECTION_KEY;
        assertThat(guest.touch(PAGE, READ | USER)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(PAGE, WRITE | USER)).isEqualTo(new GuestFault(refused | WRITE | USER));
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(new GuestFault(refused | WRITE));
        assertThat(guest.touch(ALIAS, WRITE)).isEqualTo(Fixed.FIXUP);
        guest.state.pkru = 1 << 2 * 5;
        assertThat(guest.touch(PAGE, READ | USER)).isEqualTo(new GuestFault(refused | USER));
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(refused));
        assertThat(guest.touch(PAGE, FETCH | USER)).isNull();
        guest.state.pkru = 0;
        assertThat(guest.touch(PAGE, WRITE | USER)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void writeThatOnlyAKeyRefusesIsEmulatedWithWriteProtectOff() {
        guest.registers.cr4(guest.state.cr4 | Cr4.PROTECTION_KEYS);
        guest.registers.cr0(guest.state.cr0 & ~Cr0.WRITE_PROTECT);
        guest.map(PAGE, 30, P | RW | US | LongModeEntry.withKey(3));
        guest.state.pkru = 2 << 2 * 3;
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.WRITE_PROTECT_OFF);
        guest.store(PAGE, 77, READ);
        assertThat(guest.entry(30, 0)).isEqualTo(77);
    }

    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE"})
    void protectionKeysMeanNothingOutsideOfLongMode(PagingMode mode) {
        use(mode);
        guest.registers.cr4(guest.state.cr4 | Cr4.PROTECTION_KEYS);
        guest.map(PAGE, 30, P | RW | US);
        guest.state.pkru = -1;
        assertThat(guest.touch(PAGE, WRITE | USER)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void keysOfALargePageAreInItsSplinter() {
        guest.registers.cr4(guest.state.cr4 | Cr4.PROTECTION_KEYS);
        guest.map(FOUR_MIB, LARGE, P | RW | US | LongModeEntry.withKey(9), 2);
        guest.map(2 * FOUR_MIB, LARGE, P | RW | US | LongModeEntry.withKey(1), 2);
        guest.touch(FOUR_MIB, READ);
        guest.touch(2 * FOUR_MIB, READ);
        assertThat(guest.shadow(FOUR_MIB, 1)).isNotSameAs(guest.shadow(2 * FOUR_MIB, 1));
        guest.state.pkru = 1 << 2 * 9;
        assertThat(guest.touch(FOUR_MIB, READ | USER))
                .isEqualTo(new GuestFault(PROTECTION | PageFaultCode.PROTECTION_KEY | USER));
        assertThat(guest.touch(2 * FOUR_MIB, READ | USER)).isNull();
    }

    // ---- PDPTE registers

    @Test
    void changeOfAPdpteHasNoEffectUntilItIsLoaded() {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        long old = LongModeEntry.frame(guest.entry(ROOT, 0));
        guest.poke(ROOT, 0, 0);
        guest.engine.memoryWritten(ROOT << 12, 8);
        guest.engine.blow();
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        guest.engine.invalidateContext(0);
        assertThat(guest.touch(PAGE, READ)).isNull();
        guest.loadCr3(ROOT);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        guest.poke(ROOT, 0, LongModeEntry.of(old, P));
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        guest.loadCr3(ROOT);
        assertThat(guest.touch(PAGE, READ)).isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 6, 7, 8, 40, 51, 52, 62, 63})
    void reservedBitInAPresentPdpteRefusesTheLoad(int bit) {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        long[] before = guest.state.pdpte.clone();
        guest.poke(40, 2, LongModeEntry.of(41, P) | 1L << bit);
        guest.loadCr3(40);
        assertThat(guest.state.cr3).isEqualTo(ROOT << 12);
        assertThat(guest.state.pdpte).isEqualTo(before);
        assertThat(guest.touch(PAGE, READ)).isNull();
        guest.poke(40, 2, (LongModeEntry.of(41, P) | 1L << bit) & ~P);
        guest.loadCr3(40);
        assertThat(guest.state.cr3).isEqualTo(40L << 12);
    }

    @ParameterizedTest
    @ValueSource(longs = {3, 4, 9, 10, 11})
    void bitsOfAPdpteThatAreNotReservedAreIgnored(long bit) {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.poke(ROOT, 0, guest.entry(ROOT, 0) | 1L << bit);
        guest.loadCr3(ROOT);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void pdptesMayLieAnywhereInTheirPage() {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.poke(50, 0xFE0 / 8, guest.entry(ROOT, 0));
        guest.registers.cr3(50L << 12 | 0xFE0 | 0x18);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void changeOfCacheDisableLoadsPdptesToo() {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        guest.poke(ROOT, 0, 0);
        guest.registers.cr0(guest.state.cr0 ^ Cr0.CACHE_DISABLE);
        guest.engine.audit();
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
    }

    @Test
    void tableOfPdptesIsNoShadowedTable() {
        use(PagingMode.PAE);
        guest.map(PAGE, ROOT, KERNEL);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(PAGE, WRITE)).isNull();
    }

    @Test
    void twoPdptesMayNameOneTable() {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.poke(ROOT, 2, guest.entry(ROOT, 0));
        guest.loadCr3(ROOT);
        guest.touch(PAGE, WRITE);
        assertThat(guest.touch(2 * GIB + PAGE, WRITE)).isNull();
        ShadowPage root = guest.engine.vcpus.getFirst().rootOf(0);
        assertThat(guest.engine.vcpus.getFirst().rootOf(2 * GIB)).isSameAs(root);
        assertThat(root.references).as("two places, one pin").isEqualTo(3);
        guest.poke(ROOT, 0, 0);
        guest.loadCr3(ROOT);
        assertThat(guest.touch(2 * GIB + PAGE, WRITE)).isNull();
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(new GuestFault(WRITE));
    }

    @Test
    void processesThatShareThreeOfFourPdptesShareTheirShadows() {
        use(PagingMode.PAE);
        for (long quarter = 0; quarter < 4; quarter++) {
            guest.map(quarter * GIB, 30 + quarter, KERNEL);
            guest.touch(quarter * GIB, WRITE);
        }
        for (int i = 1; i < 4; i++) {
            guest.poke(40, i, guest.entry(ROOT, i));
        }
        long own = guest.newTable();
        guest.poke(40, 0, LongModeEntry.of(own, P));
        long made = guest.count(Counter.SHADOW_ALLOC);
        guest.loadCr3(40);
        assertThat(guest.count(Counter.SHADOW_ALLOC)).isEqualTo(made + 1);
        for (long quarter = 1; quarter < 4; quarter++) {
            assertThat(guest.touch(quarter * GIB, WRITE)).isNull();
        }
        assertThat(guest.touch(0, WRITE)).isEqualTo(new GuestFault(WRITE));
        guest.loadCr3(ROOT);
        assertThat(guest.touch(0, WRITE)).isNull();
        assertThat(guest.count(Counter.SHADOW_ALLOC)).isEqualTo(made + 1);
        assertThat(guest.count(Counter.CR3_RETAINED)).isPositive();
    }

    @Test
    void kernelHalfOfPaeProcessesIsHotAfterTheSwitch() {
        use(PagingMode.PAE);
        guest.map(3 * GIB, 30, KERNEL);
        guest.touch(3 * GIB, WRITE);
        for (int process = 0; process < 20; process++) {
            long pointers = ROOT << 12 | 0x20L * (process + 1);
            guest.poke(ROOT, 4 * (process + 1) + 3, guest.entry(ROOT, 3));
            guest.registers.cr3(pointers);
            assertThat(guest.touch(3 * GIB, WRITE)).isNull();
        }
        assertThat(guest.count(Counter.SHADOW_L2)).isEqualTo(1);
    }

    @Test
    void rootThatTheP2mTakesAwayMapsNothing() {
        use(PagingMode.PAE);
        guest.map(PAGE, 30, KERNEL);
        guest.map(GIB, 31, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.touch(GIB, WRITE);
        long root = LongModeEntry.frame(guest.entry(ROOT, 0));
        long mfn = guest.mfn(root);
        guest.p2m.set(root, 1, 0, P2mType.HOLE);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        assertThat(guest.touch(GIB, WRITE)).isIn(Fixed.FIXUP, null);
        guest.engine.audit();
        guest.p2m.set(root, 1, mfn, P2mType.RAM);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
    }

    // ---- from mode to mode

    @Test
    void oneFrameIsRootInEveryModeFromBootToLongMode() {
        use(PagingMode.NONE);
        assertThat(guest.touch(30L << 12, WRITE)).isEqualTo(Fixed.FIXUP);
        for (PagingMode mode : new PagingMode[] {
            PagingMode.TWO_LEVEL, PagingMode.PAE, PagingMode.FOUR_LEVEL, PagingMode.FIVE_LEVEL, PagingMode.TWO_LEVEL
        }) {
            guest.memory.zeroFrame(guest.mfn(ROOT));
            guest.engine.memoryWritten(ROOT << 12, 4096);
            guest.registers.mode(mode, ROOT << 12);
            guest.map(PAGE, 30, KERNEL);
            assertThat(guest.touch(PAGE, WRITE)).as(mode.toString()).isEqualTo(Fixed.FIXUP);
            assertThat(guest.hardware.translate(PAGE, READ)).isEqualTo(guest.mfn(30) << 12);
            guest.engine.audit();
        }
        guest.registers.mode(PagingMode.NONE, 0);
        assertThat(guest.touch(30L << 12, WRITE)).as("its shadow was kept").isNull();
    }

    @Test
    void oneFrameMayBeATableOfSeveralModes() {
        use(PagingMode.TWO_LEVEL);
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        guest.registers.mode(PagingMode.FOUR_LEVEL, 40L << 12);
        guest.poke(40, 0, LongModeEntry.of(41, P | RW | US));
        guest.poke(41, 0, LongModeEntry.of(42, P | RW | US));
        guest.poke(42, 0, LongModeEntry.of(table, P | RW | US));
        guest.poke(42, 1, LongModeEntry.of(43, P | RW | US));
        guest.poke(43, 0, LongModeEntry.of(table, KERNEL));
        // Bytes 4 to 7 are the entry of 4 bytes for PAGE; as the upper half of one of 8 bytes they are reserved.
        assertThat(guest.touch(0, READ)).isEqualTo(new GuestFault(0));
        guest.poke(table, 2, LongModeEntry.of(31, KERNEL));
        guest.engine.memoryWritten(table << 12 | 16, 8);
        assertThat(guest.touch(ALIAS, READ)).isEqualTo(Fixed.FIXUP);
        int types = guest.engine.tables.frames.shadowTypes(guest.mfn(table));
        assertThat(types).isEqualTo(ShadowType.L1_32.bit() | ShadowType.L1_64.bit());
        long alias = 0x20_0000L;
        guest.store(alias + 16, LongModeEntry.of(32, KERNEL | A), READ);
        assertThat(guest.touch(ALIAS, READ)).isNull();
        assertThat(LongModeEntry.frame(guest.shadowEntry(ALIAS, 1))).isEqualTo(guest.mfn(32));
        guest.engine.audit();
        guest.registers.mode(PagingMode.TWO_LEVEL, ROOT << 12);
        assertThat(guest.touch(PAGE, READ)).isNull();
        assertThat(guest.touch(0x4000, READ)).isIn(Fixed.FIXUP, null);
        assertThat(guest.hardware.translate(0x4000, READ)).isEqualTo(guest.mfn(32) << 12);
    }

    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void storeThroughASelfMapIsFollowedAtEachLevel(PagingMode mode) {
        use(mode);
        guest.map(PAGE, 30, KERNEL);
        int top = mode == PagingMode.PAE ? 2 : mode.levels();
        long root = mode == PagingMode.PAE ? LongModeEntry.frame(guest.entry(ROOT, 0)) : ROOT;
        int last = 1 << mode.indexShift(2) - mode.indexShift(1);
        long self = 0;
        for (int level = 1; level <= top; level++) {
            self |= (long) (last - 1) << mode.indexShift(level);
        }
        self = GuestLayout.canonical(mode, self);
        guest.pokeFor(root, self, top, LongModeEntry.of(root, KERNEL));
        guest.touch(PAGE, READ);
        assertThat(guest.touch(self, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(self, READ)).isEqualTo(guest.mfn(root) << 12);
        assertThat(guest.touch(self, WRITE)).isEqualTo(Emulate.PAGETABLE);
        guest.store(self, 0, READ);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        int types = guest.engine.tables.frames.shadowTypes(guest.mfn(root));
        assertThat(Integer.bitCount(types)).isEqualTo(top);
    }

    @Test
    void upperHalfOfCr3IsIgnoredByTwoLevelPaging() {
        guest.registers.cr3(ABOVE_4_GIB + ROOT << 12);
        guest.registers.mode(PagingMode.TWO_LEVEL, -1);
        guest.map(PAGE, 30, KERNEL);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.root().frame).isEqualTo(guest.mfn(ROOT));
    }
}
