package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
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

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.Cr4;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Shadow entries that map 2 MiB: when there are any, what they grant, and when they must go. */
class LargeLeavesTest {
    private static final ShadowPolicy POLICY = SmallGuest.POLICY.with(PolicyOption.LARGE_PAGES, "on");
    private static final long LINEAR = 0x4000_0000;
    private static final long SMALL = 0x1000;

    private SmallGuest guest = new SmallGuest(POLICY);

    private void use(PagingMode mode) {
        guest.close();
        guest = new SmallGuest(mode, POLICY);
    }

    @AfterEach
    void auditAndClose() {
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        guest.close();
    }

    private static long entryOf(long mfn, long flags) {
        return LongModeEntry.of(mfn, flags | PS);
    }

    /** That each small page of the large one leads where the P2M says. */
    private void leadsToTheRun(long linear, long firstGfn) {
        for (long page : new long[] {0, 1, 255, 511}) {
            assertThat(guest.hardware.translate(linear + (page << 12), READ))
                    .isEqualTo(guest.mfn(firstGfn + page) << 12);
        }
    }

    @Test
    void oneFaultMapsTheWholePageWithOneEntry() {
        guest.map(LINEAR, LARGE, P | RW | US | NX, 2);
        assertThat(guest.touch(LINEAR + 0x3000, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.shadowEntry(LINEAR, 2)).isEqualTo(entryOf(guest.mfn(LARGE), P | US | NX | A));
        assertThat(guest.count(Counter.SPLINTER)).isZero();
        assertThat(guest.count(Counter.LARGE_LEAF)).isEqualTo(1);
        leadsToTheRun(LINEAR, LARGE);
        assertThat(guest.touch(LINEAR + 0x1F_F000, READ)).isNull();
    }

    @Test
    void withoutTheOptionItIsSplintered() {
        guest.close();
        guest = new SmallGuest();
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, READ);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        assertThat(guest.count(Counter.LARGE_LEAF)).isZero();
    }

    @Test
    void firstWriteSetsDirtyForAllOfIt() {
        long table = guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, READ);
        assertThat(guest.entryFor(table, LINEAR, 2)).isEqualTo(LongModeEntry.of(LARGE, KERNEL | PS | A));
        assertThat(guest.touch(LINEAR + 0x5000, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.entryFor(table, LINEAR, 2)).isEqualTo(LongModeEntry.of(LARGE, KERNEL | PS | A | D));
        assertThat(guest.shadowEntry(LINEAR, 2)).isEqualTo(entryOf(guest.mfn(LARGE), KERNEL | A | D));
        assertThat(guest.hardware.translate(LINEAR + 0x6000, WRITE)).isEqualTo(guest.mfn(LARGE + 6) << 12);
    }

    @Test
    void guestsRightsAreHeld() {
        guest.map(LINEAR, LARGE, P | RW, 2);
        guest.touch(LINEAR, WRITE);
        assertThat(guest.touch(LINEAR, USER | READ))
                .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.USER));
    }

    @Test
    void frameThatBecomesATableTakesTheWholeWithIt() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, WRITE);
        long table = LARGE + 3;
        guest.pokeFor(table, SMALL, 1, LongModeEntry.of(30, KERNEL));
        guest.map(SMALL, 31, KERNEL);
        long upper = LongModeEntry.frame(guest.entryFor(LongModeEntry.frame(guest.entryFor(ROOT, 0, 4)), 0, 3));
        guest.pokeFor(upper, SMALL, 2, LongModeEntry.of(table, P | RW | US));
        assertThat(guest.touch(SMALL, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.count(Counter.LARGE_LEAF_BROKEN)).isEqualTo(1);
        assertThat(guest.touch(LINEAR + 0x3000, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        guest.touch(LINEAR + 0x4000, WRITE);
        assertThat(guest.hardware.translate(LINEAR + 0x4000, WRITE)).isEqualTo(guest.mfn(LARGE + 4) << 12);
    }

    @Test
    void runWithATableInItIsSplinteredFromTheStart() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.pokeFor(LARGE + 9, 0, 4, guest.entryFor(ROOT, LINEAR, 4));
        guest.loadCr3(LARGE + 9);
        guest.touch(LINEAR, READ);
        assertThat(guest.count(Counter.LARGE_LEAF)).isZero();
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
    }

    @Test
    void underStrictTlbTablesStayWritableInIt() {
        guest.close();
        guest = new SmallGuest(POLICY.with(PolicyOption.COHERENCE, "strict-tlb"));
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.pokeFor(LARGE + 9, 0, 4, guest.entryFor(ROOT, LINEAR, 4));
        guest.loadCr3(LARGE + 9);
        guest.touch(LINEAR + 0x9000, WRITE);
        assertThat(guest.count(Counter.LARGE_LEAF)).isEqualTo(1);
        assertThat(guest.hardware.translate(LINEAR + 0x9000, WRITE)).isEqualTo(guest.mfn(LARGE + 9) << 12);
    }

    @Test
    void oneFrameThatTheP2mPutsElsewhereBreaksIt() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, READ);
        guest.p2m.set(LARGE + 7, 1, guest.allocator.allocate(), P2mType.RAM);
        assertThat(guest.hardware.translate(LINEAR, READ)).isNegative();
        guest.touch(LINEAR, READ);
        guest.touch(LINEAR + 0x7000, READ);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        assertThat(guest.hardware.translate(LINEAR, READ)).isEqualTo(guest.mfn(LARGE) << 12);
        assertThat(guest.hardware.translate(LINEAR + 0x7000, READ)).isEqualTo(guest.mfn(LARGE + 7) << 12);
    }

    @Test
    void readOnlyMemoryIsMappedReadOnly() {
        guest.p2m.set(1024, 2, guest.allocator.allocateRun(), P2mType.READ_ONLY);
        guest.map(LINEAR, 1024, KERNEL, 2);
        assertThat(guest.touch(LINEAR, WRITE)).isEqualTo(Emulate.READ_ONLY);
        assertThat(guest.shadowEntry(LINEAR, 2)).isEqualTo(entryOf(guest.mfn(1024), P | A));
    }

    @Test
    void whileWritesAreLoggedThereAreNone() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, WRITE);
        guest.engine.logDirty().enable();
        guest.touch(LINEAR + 0x2000, WRITE);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        assertThat(guest.engine.logDirty().peek())
                .isInstanceOfSatisfying(
                        DirtyRound.Complete.class,
                        round -> assertThat(round.frames().contains(LARGE + 2)).isTrue());
    }

    @Test
    void trackedFrameBreaksItAndItsWriteIsSeen() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, WRITE);
        guest.engine.vram().begin(LARGE + 4, 2);
        guest.touch(LINEAR + 0x5000, WRITE);
        assertThat(guest.engine.vram().query().stream()).containsExactly(1);
    }

    @Test
    void changedGuestEntryChangesItAtOnce() {
        long table = guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, WRITE);
        guest.map(SMALL, table, KERNEL);
        guest.store(SMALL + LongModeEntry.index(LINEAR, 2) * 8L, LongModeEntry.of(LARGE, P | PS | A | D), READ);
        assertThat(guest.shadowEntry(LINEAR, 2)).isEqualTo(entryOf(guest.mfn(LARGE), P | A));
        guest.store(SMALL + LongModeEntry.index(LINEAR, 2) * 8L, LongModeEntry.of(30, KERNEL | A), READ);
        assertThat(guest.shadowEntry(LINEAR, 2)).isZero();
    }

    @Test
    void invalidationOfAnyAddressInItCoversTheWhole() {
        long table = guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR + 0x1000, WRITE);
        guest.map(SMALL, table, KERNEL);
        guest.store(SMALL + LongModeEntry.index(LINEAR, 2) * 8L, LongModeEntry.of(LARGE, P | PS | A | D), READ);
        assertThat(guest.hardware.translate(LINEAR + 0x1000, WRITE)).isNotNegative();
        guest.invalidatePage(LINEAR + 0x5000);
        assertThat(guest.hardware.translate(LINEAR + 0x1000, WRITE)).isNegative();
    }

    @Test
    void partOfAGibibytePageIsOneEntry() {
        guest.map(0, 0, KERNEL, 3);
        guest.touch(LARGE << 12, READ);
        assertThat(guest.shadow(LARGE << 12, 2).type).isEqualTo(ShadowType.FL2_64);
        assertThat(guest.shadowEntry(LARGE << 12, 2)).isEqualTo(entryOf(guest.mfn(LARGE), P | RW | US | A | D));
        leadsToTheRun(LARGE << 12, LARGE);
    }

    @Test
    void guestThatDoesNotPageHasThemToo() {
        use(PagingMode.NONE);
        guest.touch(LARGE << 12, WRITE);
        assertThat(guest.count(Counter.LARGE_LEAF)).isEqualTo(1);
        leadsToTheRun(LARGE << 12, LARGE);
    }

    @Test
    void ofPaePaging() {
        use(PagingMode.PAE);
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, WRITE);
        assertThat(guest.count(Counter.LARGE_LEAF)).isEqualTo(1);
        leadsToTheRun(LINEAR, LARGE);
    }

    @Test
    void fourMibPageTakesBothHalvesOrNone() {
        use(PagingMode.TWO_LEVEL);
        guest.p2m.set(1024, 2, guest.allocator.allocateRun(), P2mType.RAM);
        guest.map(LINEAR, 1024, KERNEL, 2);
        guest.touch(LINEAR, READ);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        guest.p2m.set(1536, 2, guest.allocator.allocateRun(), P2mType.RAM);
        guest.map(LINEAR + 0x40_0000, 1024, KERNEL, 2);
        guest.engine.blow();
        guest.touch(LINEAR, WRITE);
        assertThat(guest.count(Counter.LARGE_LEAF)).isEqualTo(1);
        leadsToTheRun(LINEAR, 1024);
        leadsToTheRun(LINEAR + 0x20_0000, 1536);
        guest.p2m.set(1540, 1, guest.allocator.allocate(), P2mType.RAM);
        assertThat(guest.hardware.translate(LINEAR, READ)).isNegative();
        guest.touch(LINEAR, READ);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(2);
    }

    @Test
    void protectionKeyIsInTheEntry() {
        guest.registers.cr4(guest.state.cr4 | Cr4.PROTECTION_KEYS);
        guest.map(LINEAR, LARGE, P | RW | US | LongModeEntry.withKey(5), 2);
        guest.touch(LINEAR, USER | READ);
        assertThat(LongModeEntry.key(guest.shadowEntry(LINEAR, 2))).isEqualTo(5);
        guest.state.pkru = 1 << 10;
        assertThat(guest.touch(LINEAR, USER | READ))
                .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.USER | PageFaultCode.PROTECTION_KEY));
    }

    // ---- what the auditor sees

    private void reports(String rule) {
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly(rule);
        guest.engine.tables.large.breakAround(guest.mfn(LARGE));
        guest.engine.tables.large.breakAround(guest.mfn(30));
    }

    @Test
    void largeLeafMissingInItsListBreaksRmap3() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, READ);
        ShadowPage table = guest.shadow(LINEAR, 2);
        ReverseMap mappings = guest.engine.tables.large.mappings();
        long run = LargeLeaves.run(guest.mfn(LARGE));
        mappings.remove(run, table, LongModeEntry.index(LINEAR, 2));
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly("RMAP-3");
        mappings.add(run, table, LongModeEntry.index(LINEAR, 2));
    }

    @Test
    void countOfTablesOffByOneBreaksRmap3() {
        guest.engine.tables.frames.tablesInRun[0]++;
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly("RMAP-3");
        guest.engine.tables.frames.tablesInRun[0]--;
    }

    @Test
    void largeLeafOverASmallEntryBreaksLarge1() {
        long table = guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, READ);
        guest.poke(table, LongModeEntry.index(LINEAR, 2), LongModeEntry.of(LARGE, KERNEL | A));
        reports("LARGE-1");
    }

    @Test
    void largeLeafWithATableInItBreaksLarge1() {
        guest.map(LINEAR, LARGE, KERNEL, 2);
        guest.touch(LINEAR, READ);
        ShadowPage table = guest.shadow(LINEAR, 2);
        long leaf = guest.shadowEntry(LINEAR, 2);
        guest.pokeFor(LARGE + 9, 0, 4, guest.entryFor(ROOT, LINEAR, 4));
        guest.loadCr3(LARGE + 9);
        int slot = LongModeEntry.index(LINEAR, 2);
        guest.memory.writeLong(table.entryAddress(slot), leaf);
        guest.engine.tables.large.mappings().add(LargeLeaves.run(guest.mfn(LARGE)), table, slot);
        reports("LARGE-1");
    }
}
