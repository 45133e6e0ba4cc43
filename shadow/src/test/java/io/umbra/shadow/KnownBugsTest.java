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
import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.shadow.ShadowPolicy.Populate;
import io.umbra.shadow.ShadowPolicy.WritableSearch;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bugs that other hypervisors had, replayed. Each test names one, and where it was published; advisories of Xen's (XSA) are at xenbits.xen.org/xsa. */
class KnownBugsTest {
    private static final long PAGE = 0x1000;
    private static final long ALIAS = 0x2000;
    private static final long NEXT_TABLE = 0x20_0000;
    private static final long GIB = 0x4000_0000;

    private SmallGuest guest = new SmallGuest();
    private boolean isCrashed;

    @AfterEach
    void everyRuleHolds() {
        if (!isCrashed) {
            guest.engine.audit();
        }
        guest.close();
    }

    private void use(PagingMode mode) {
        guest.close();
        guest = new SmallGuest(mode);
    }

    private void use(PagingMode mode, int poolPages) {
        guest.close();
        guest = new SmallGuest(
                mode,
                new ShadowPolicy(
                        Coherence.WRITE_PROTECT, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, poolPages, 0));
    }

    /** What the directory has for the address. */
    private long levelTwo(long linear) {
        long table = ROOT;
        for (int level = guest.mode().levels(); level > 2; level--) {
            table = LongModeEntry.frame(guest.entryFor(table, linear, level));
        }
        return table;
    }

    // ---- shadows and what they are found by

    /** A shadow was found by its frame alone: two paths with different rights to one table got the first's. KVM, commit d28c6cfbbc5e. */
    @Test
    void oneTableReachedWithDifferentRights() {
        long table = guest.map(PAGE, 30, P | RW | US);
        guest.map(NEXT_TABLE, 0, 0);
        guest.poke(levelTwo(0), 1, LongModeEntry.of(table, P));
        long readOnly = NEXT_TABLE + PAGE;
        assertThat(guest.touch(PAGE, WRITE | USER)).isEqualTo(Fixed.FIXUP);
        int refused = PageFaultCode.PRESENT;
        assertThat(guest.touch(readOnly, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(readOnly, READ | USER)).isEqualTo(new GuestFault(refused | USER));
        assertThat(guest.touch(readOnly, WRITE)).isEqualTo(new GuestFault(refused | WRITE));
        assertThat(guest.touch(PAGE, WRITE | USER)).isNull();
        assertThat(guest.shadow(readOnly, 1)).isSameAs(guest.shadow(PAGE, 1));
    }

    /** A shadow made with EFER.NXE set was used with it clear, and the same fault came for ever. KVM, commit 9645bb56b31a. */
    @Test
    void shadowsOfAnotherNoExecuteSetting() {
        guest.map(PAGE, 30, KERNEL | NX);
        guest.map(ALIAS, 31, KERNEL);
        for (int i = 0; i < 3; i++) {
            assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
            assertThat(guest.touch(PAGE, FETCH)).isEqualTo(new GuestFault(PageFaultCode.PRESENT | FETCH));
            guest.registers.efer(guest.state.efer & ~Efer.NO_EXECUTE);
            assertThat(guest.touch(PAGE, READ))
                    .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.RESERVED));
            assertThat(guest.touch(ALIAS, FETCH)).isEqualTo(Fixed.FIXUP);
            guest.registers.efer(guest.state.efer | Efer.NO_EXECUTE);
        }
    }

    /** The back pointer of a large page's shadow was too narrow for its frame: removal missed it. XSA-173. */
    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void largePageWhoseFrameNeedsMoreBits(PagingMode mode) {
        use(mode);
        long highest = mode == PagingMode.TWO_LEVEL ? 0xFFF_FC00L : 0xFFF_FE00L;
        long[] first = {0, 0x10_0000, highest & ~0x10_0000L, highest};
        for (int i = 1; i < first.length; i++) {
            guest.p2m.set(first[i] + 20, 1, guest.allocator.allocate(), P2mType.RAM);
        }
        for (int i = 0; i < first.length; i++) {
            guest.map(i * 0x80_0000L, first[i], KERNEL, 2);
            assertThat(guest.touch(i * 0x80_0000L + 0x1_4000, WRITE)).isEqualTo(Fixed.FIXUP);
            assertThat(guest.hardware.translate(i * 0x80_0000L + 0x1_4000, READ))
                    .isEqualTo(guest.mfn(first[i] + 20) << 12);
        }
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(first.length);
        guest.engine.audit();
        guest.engine.blow();
        assertThat(guest.engine.tables.hash.size()).as("the loaded root").isEqualTo(1);
    }

    /** A large page beyond the physical addresses was taken for one whose upper bits do not matter. XSA-173. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void pageAboveThePhysicalAddresses(int level) {
        guest.map(GIB, 1L << GuestWalker.MAX_PHYSICAL_ADDRESS - 12, KERNEL, level);
        assertThat(guest.touch(GIB, READ)).isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.RESERVED));
    }

    /** PS in an entry of level 4 was accepted, and made a page of 512 GiB. XSA-176. */
    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"FOUR_LEVEL", "FIVE_LEVEL"})
    void pageSizeBitAboveLevel3(PagingMode mode) {
        use(mode);
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        long table = ROOT;
        for (int level = mode.levels(); level > 3; level--) {
            long entry = guest.entryFor(table, PAGE, level);
            guest.pokeFor(table, PAGE, level, entry | PS);
            guest.engine.memoryWritten(table << 12, 8);
            assertThat(guest.touch(PAGE, READ))
                    .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.RESERVED));
            guest.pokeFor(table, PAGE, level, entry);
            guest.engine.memoryWritten(table << 12, 8);
            table = LongModeEntry.frame(entry);
        }
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
    }

    /** The flags that say how a frame is shadowed lay over a count of its uses. XSA-280. */
    @Test
    void frameThatIsATableOfEachLevelAndMapped() {
        use(PagingMode.FIVE_LEVEL);
        guest.poke(ROOT, 0, LongModeEntry.of(ROOT, P | RW | US));
        assertThat(guest.touch(0, READ)).isEqualTo(Fixed.FIXUP);
        long mfn = guest.mfn(ROOT);
        int types = ShadowType.L1_64.bit()
                | ShadowType.L2_64.bit()
                | ShadowType.L3_64.bit()
                | ShadowType.L4_64.bit()
                | ShadowType.L5_64.bit();
        assertThat(guest.engine.tables.frames.shadowTypes(mfn)).isEqualTo(types);
        assertThat(guest.engine.tables.frames.writableMappings(mfn)).isZero();
        assertThat(guest.touch(0, WRITE)).isEqualTo(Emulate.PAGETABLE);
        guest.engine.blow();
        assertThat(guest.engine.tables.frames.shadowTypes(mfn)).isEqualTo(ShadowType.L5_64.bit());
    }

    /** Tables of one level that name each other made destruction recurse without bound, or leak. XSA-240, XSA-309. */
    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void tablesThatNameEachOther(PagingMode mode) {
        use(mode);
        guest.map(PAGE, 30, KERNEL);
        long first = levelTwo(0);
        long second = guest.newTable();
        guest.pokeFor(first, 0, 2, LongModeEntry.of(second, KERNEL));
        guest.pokeFor(second, 0, 2, LongModeEntry.of(first, KERNEL));
        guest.pokeFor(first, NEXT_TABLE * 4, 2, LongModeEntry.of(first, KERNEL));
        assertThat(guest.touch(0, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(NEXT_TABLE * 4, READ)).isEqualTo(Fixed.FIXUP);
        guest.engine.audit();
        guest.engine.blow();
        assertThat(guest.engine.tables.hash.size()).as("the loaded root").isEqualTo(1);
    }

    // ---- write protection

    /** A table was written by another processor, through a translation that it still held, after it had been read and before it was write-protected. KVM, commit f7d9c7b7b902; likewise XSA-401. */
    @Test
    void tableWrittenByAnotherProcessorThroughAStaleTranslation() {
        VcpuState other = new VcpuState();
        other.cr0 = guest.state.cr0;
        other.cr3 = guest.state.cr3;
        other.cr4 = guest.state.cr4;
        other.efer = guest.state.efer;
        HardwareWalk otherHardware = new HardwareWalk(guest.memory, other);
        guest.engine.attach(other, otherHardware, _ -> Emulation.Failed.UNHANDLEABLE);
        long table = guest.newTable();
        guest.map(PAGE, table, KERNEL);
        assertThat(otherHardware.translate(PAGE, WRITE)).isNegative();
        assertThat(guest.engine.pageFault(1, PAGE, otherHardware.faultCode())).isEqualTo(Fixed.FIXUP);
        assertThat(otherHardware.translate(PAGE, WRITE)).isPositive();
        guest.poke(table, 0, LongModeEntry.of(30, KERNEL));
        guest.map(NEXT_TABLE, 0, 0);
        guest.poke(levelTwo(0), 1, LongModeEntry.of(table, KERNEL));
        assertThat(guest.touch(NEXT_TABLE, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(otherHardware.translate(PAGE, WRITE))
                .as("the table is protected")
                .isNegative();
        assertThat(guest.engine.pageFault(1, PAGE, otherHardware.faultCode())).isEqualTo(Emulate.PAGETABLE);
    }

    /** The search for writable mappings of a new table went wrong after a change of the paging mode. XSA-243. */
    @ParameterizedTest
    @EnumSource(value = WritableSearch.class)
    void writableMappingMadeInAnotherMode(WritableSearch search) {
        guest.close();
        guest = new SmallGuest(
                PagingMode.TWO_LEVEL,
                new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ALL_LEVELS, search, ShadowPolicy.MINIMUM_POOL, 0));
        long later = 50;
        guest.map(PAGE, later, KERNEL);
        guest.map(0x3F_F000, later, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.touch(0x3F_F000, WRITE);
        for (PagingMode mode : new PagingMode[] {PagingMode.PAE, PagingMode.FOUR_LEVEL}) {
            guest.registers.mode(PagingMode.NONE, 0);
            guest.memory.writeLong(guest.mfn(40) << 12, LongModeEntry.of(later, P));
            guest.registers.mode(mode, 40L << 12);
            guest.touch(0, READ);
            guest.engine.audit();
        }
        guest.registers.mode(PagingMode.TWO_LEVEL, ROOT << 12);
        assertThat(guest.engine.tables.isProtected(guest.mfn(later))).isTrue();
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(guest.touch(0x3F_F000, WRITE)).isEqualTo(Emulate.PAGETABLE);
    }

    /** A quick path for changes of an entry let PS through, and with it a writable view of the table itself. XSA-148. */
    @Test
    void pageSizeBitSetInAnEntryThatNamesATable() {
        guest.poke(0, 1, LongModeEntry.of(30, KERNEL));
        guest.map(NEXT_TABLE, 0, 0);
        long directory = levelTwo(0);
        guest.poke(directory, 1, LongModeEntry.of(0, KERNEL));
        guest.map(PAGE, directory, KERNEL);
        assertThat(guest.touch(NEXT_TABLE + PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        guest.store(PAGE + 8, LongModeEntry.of(0, KERNEL | PS | A | D), READ);
        assertThat(guest.touch(NEXT_TABLE + PAGE, READ)).isIn(Fixed.FIXUP, Fixed.SPURIOUS);
        assertThat(guest.hardware.translate(NEXT_TABLE + PAGE, READ)).isEqualTo(guest.mfn(1) << 12);
        assertThat(guest.touch(NEXT_TABLE + (directory << 12), WRITE)).isEqualTo(Emulate.PAGETABLE);
    }

    /** A quick path for changes of an entry let RW through in one that names its own table. XSA-182. */
    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "FOUR_LEVEL", "FIVE_LEVEL"})
    void rightToWriteAddedToAnEntryThatNamesItsOwnTable(PagingMode mode) {
        use(mode);
        int top = mode.levels();
        long self = 0;
        for (int level = 1; level <= top; level++) {
            self |= 3L << mode.indexShift(level);
        }
        int bytes = mode.entryBytes();
        guest.pokeFor(ROOT, self, top, LongModeEntry.of(ROOT, P | A | D));
        guest.map(PAGE, ROOT, KERNEL);
        assertThat(guest.touch(self, READ)).isEqualTo(Fixed.FIXUP);
        long word = guest.memory.readLong(guest.mfn(ROOT) << 12 | 3L * bytes & ~7);
        guest.store(PAGE + (3L * bytes & ~7), word | RW << (bytes == 4 ? 32 : 0), READ);
        assertThat(guest.entryFor(ROOT, self, top) & RW).isEqualTo(RW);
        assertThat(guest.touch(self, WRITE)).isEqualTo(Emulate.PAGETABLE);
    }

    /** A store of more bytes than an entry has was followed for the first entry only, or overran what recorded it. XSA-477. */
    @Test
    void storeOf32BytesToATable() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(NEXT_TABLE, table, KERNEL);
        for (long page = 1; page <= 4; page++) {
            guest.map(page * PAGE, 30 + page, KERNEL);
            guest.touch(page * PAGE, READ);
        }
        long[] entries = new long[4];
        for (int i = 0; i < 4; i++) {
            entries[i] = LongModeEntry.of(40 + i, KERNEL | A);
        }
        guest.storeAll(NEXT_TABLE + 8, READ, entries);
        for (int i = 0; i < 4; i++) {
            assertThat(LongModeEntry.frame(guest.shadowEntry((i + 1) * PAGE, 1)))
                    .isEqualTo(guest.mfn(40 + i));
        }
        guest.memory.zeroFrame(guest.mfn(table));
        guest.engine.memoryWritten(table << 12, 4096);
        for (int i = 0; i < 4; i++) {
            assertThat(guest.shadowEntry((i + 1) * PAGE, 1)).isZero();
        }
    }

    /** The frame that an emulated store goes to was given away between the fault and the store. XSA-219. */
    @Test
    void tableThatGoesAwayBeforeTheEmulatedStore() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, table, KERNEL);
        long old = guest.mfn(table);
        guest.store(ALIAS + 0x100, 77, READ);
        assertThat(guest.touch(ALIAS + 0x100, WRITE)).isEqualTo(Emulate.PAGETABLE);
        long moved = guest.allocator.allocate();
        guest.memory.writeLong(old << 12 | 0x100, 0);
        guest.memory.copyFrame(old, moved);
        guest.p2m.set(table, 1, moved, P2mType.RAM);
        assertThat(guest.engine.emulate(0, Emulate.PAGETABLE, 1)).isEqualTo(Emulation.Done.COMPLETE);
        assertThat(guest.memory.readLong(old << 12 | 0x100)).isZero();
        assertThat(guest.memory.readLong(moved << 12 | 0x100)).isEqualTo(77);
    }

    // ---- the P2M

    /** A change of the P2M failed half-way, and another map was changed all the same. XSA-22. */
    @Test
    void p2mChangeThatFindsNoMemory() {
        guest.map(NEXT_TABLE, LARGE, KERNEL, 2);
        guest.touch(NEXT_TABLE + 0x3000, WRITE);
        long mfn = guest.mfn(LARGE + 3);
        while (guest.allocator.allocate() != FrameAllocator.NONE) {}
        assertThatThrownBy(() -> guest.p2m.set(LARGE + 3, 1, 0, P2mType.HOLE))
                .isInstanceOf(DomainCrash.class)
                .hasMessage("no machine frame is left for the P2M");
        assertThat(guest.mfn(LARGE + 3)).isEqualTo(mfn);
        guest.engine.audit();
        assertThat(guest.touch(NEXT_TABLE + 0x3000, WRITE)).isEqualTo(Fixed.FIXUP);
    }

    /** The entry that was changed had no frame, and the frame it did not have was looked up. XSA-430. */
    @Test
    void p2mEntryWithoutAFrame() {
        guest.map(PAGE, DEVICE, KERNEL);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Emulate.MMIO);
        guest.p2m.set(DEVICE, 1, 0, P2mType.HOLE);
        guest.p2m.set(DEVICE + 10, 1, 0, P2mType.HOLE);
        assertThat(guest.count(Counter.P2M_CHANGE)).isZero();
        guest.p2m.set(DEVICE, 1, guest.allocator.allocate(), P2mType.RAM);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
    }

    /** Frames of the shadow pool were the guest's, and it could map them. XSA-248. */
    @Test
    void framesOfThePoolNamedByTheGuest() {
        for (int i = 0; i < ShadowPolicy.MINIMUM_POOL; i++) {
            long mfn = guest.engine.tables.pool.page(i).mfn;
            if (P2m.isBacked(guest.p2m.lookup(mfn))) {
                continue;
            }
            long table = guest.map(PAGE, mfn, KERNEL);
            guest.engine.memoryWritten(table << 12, 4096);
            assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.MMIO);
            guest.loadCr3(mfn);
            assertThat(guest.touch(PAGE, WRITE)).isEqualTo(new GuestFault(WRITE));
            guest.loadCr3(ROOT);
        }
    }

    /** A large page with frames beyond the last was looked up as if each of its frames were there. XSA-167. */
    @Test
    void largePageThatIsNotAllMemory() {
        guest.map(0, 0xFFC_0000L, KERNEL, 3);
        assertThat(guest.touch(0, READ)).isEqualTo(Emulate.MMIO);
        assertThat(guest.touch(GIB - PAGE, WRITE)).isEqualTo(Emulate.MMIO);
    }

    /** What an absent entry holds reached the processor, which speculated on it. XSA-273. */
    @Test
    void contentsOfAbsentEntries() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, table, KERNEL);
        guest.touch(PAGE, READ);
        guest.store(ALIAS + 8, LongModeEntry.of(31, RW | US | A | D), READ);
        for (int i = 0; i < 2; i++) {
            assertThat(guest.shadowEntry(PAGE, 1) & (P | LongModeEntry.FRAME_MASK))
                    .isZero();
            guest.invalidatePage(PAGE);
            assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        }
    }

    // ---- references, roots and the pool

    /** The test for too many references looked at fewer bits than the count has. XSA-249. */
    @Test
    void tooManyReferencesToATable() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        guest.map(NEXT_TABLE, 0, 0);
        guest.poke(levelTwo(0), 1, LongModeEntry.of(table, KERNEL));
        ShadowPage shadow = guest.shadow(PAGE, 1);
        shadow.references = Integer.MAX_VALUE;
        assertThatThrownBy(() -> guest.touch(NEXT_TABLE + PAGE, READ))
                .isInstanceOf(DomainCrash.class)
                .hasMessageStartingWith("too many references");
        assertThat(guest.shadowEntry(NEXT_TABLE, 2))
                .as("no entry without its reference")
                .isZero();
        shadow.references = 1;
    }

    /** A root that could not be referred to was loaded all the same. XSA-250. */
    @Test
    void tooManyReferencesToARoot() {
        guest.loadCr3(40);
        ShadowPage root = guest.root();
        guest.loadCr3(ROOT);
        root.references = Integer.MAX_VALUE;
        assertThatThrownBy(() -> guest.loadCr3(40))
                .isInstanceOf(DomainCrash.class)
                .hasMessageStartingWith("too many references");
        assertThat(root.references).isPositive();
        isCrashed = true;
    }

    /** Operations on all roots met one that a PAE guest does not have. XSA-23. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
    void someOfFourRootsAbsent(int present) {
        use(PagingMode.PAE);
        for (int i = 0; i < 4; i++) {
            guest.poke(ROOT, i, LongModeEntry.of(40 + i, (present >>> i & 1) != 0 ? P : 0));
            guest.pokeFor(40 + i, 0, 2, LongModeEntry.of(50 + i, KERNEL));
            guest.pokeFor(50 + i, PAGE, 1, LongModeEntry.of(30, KERNEL));
        }
        guest.loadCr3(ROOT);
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 4; i++) {
                long linear = i * GIB + PAGE;
                boolean isMapped = (present >>> i & 1) != 0;
                assertThat(guest.touch(linear, READ)).isIn(isMapped ? Fixed.FIXUP : new GuestFault(0), null);
                guest.invalidatePage(linear);
            }
            switch (round) {
                case 0 -> guest.engine.blow();
                case 1 -> guest.engine.invalidateContext(0);
                default -> guest.p2m.set(42, 1, guest.mfn(42), round == 2 ? P2mType.READ_ONLY : P2mType.RAM);
            }
            guest.engine.audit();
        }
    }

    /** Making room for a new root freed the old one while a processor still had it loaded. XSA-438. */
    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void rootReclaimedWhileItIsLoaded(PagingMode mode) {
        int roots = mode == PagingMode.TWO_LEVEL || mode == PagingMode.PAE ? 4 : 1;
        use(mode, 2 * roots + 4);
        for (int i = 0; i < 4 && mode == PagingMode.PAE; i++) {
            guest.poke(ROOT, i, LongModeEntry.of(guest.newTable(), P));
            guest.poke(40, i, LongModeEntry.of(guest.newTable(), P));
            guest.poke(41, i, LongModeEntry.of(guest.newTable(), P));
        }
        guest.loadCr3(ROOT);
        guest.map(PAGE, 30, KERNEL);
        for (int i = 0; i < 6; i++) {
            guest.loadCr3(40 + i % 2);
            guest.touch(PAGE, READ);
            assertThat(guest.root().references).isPositive();
            guest.engine.audit();
            guest.loadCr3(ROOT);
            assertThat(guest.touch(PAGE, WRITE)).isIn(Fixed.FIXUP, null);
            guest.engine.audit();
        }
    }

    /** A pool that ran dry took the host down. XSA-410, XSA-427. */
    @ParameterizedTest
    @EnumSource(
            value = PagingMode.class,
            names = {"TWO_LEVEL", "PAE", "FOUR_LEVEL", "FIVE_LEVEL"})
    void poolTooSmallForTheMode(PagingMode mode) {
        int pages = mode == PagingMode.TWO_LEVEL ? 5 : mode == PagingMode.PAE ? 4 : mode.levels() - 1;
        use(mode, pages);
        long free = guest.allocator.freeFrames();
        assertThatThrownBy(() -> {
                    guest.map(PAGE, 30, KERNEL);
                    guest.map(GIB, 31, KERNEL);
                    guest.map(3 * GIB, 31, KERNEL);
                    guest.touch(PAGE, READ);
                    guest.loadCr3(ROOT);
                    guest.map(2 * GIB, 31, KERNEL);
                })
                .isInstanceOf(DomainCrash.class)
                .hasMessage("the shadow pool of " + pages + " pages is exhausted");
        guest.engine.close();
        assertThat(guest.allocator.freeFrames()).isEqualTo(free + pages);
        isCrashed = true;
    }

    /** A page of the hypervisor's tables was used anew while a processor could still walk it. XSA-346, XSA-480. */
    @Test
    void shadowFreedWhileItsLinkIsCached() {
        long table = guest.map(NEXT_TABLE, 30, KERNEL);
        assertThat(table).isPositive();
        guest.map(PAGE, levelTwo(0), KERNEL);
        guest.touch(NEXT_TABLE, WRITE);
        guest.store(PAGE + 8, 0, READ);
        assertThat(guest.hardware.translate(NEXT_TABLE, READ)).isNegative();
        assertThat(guest.hardware.translate(NEXT_TABLE + PAGE, READ)).isNegative();
        assertThat(guest.touch(NEXT_TABLE, READ)).isEqualTo(new GuestFault(0));
    }
}
