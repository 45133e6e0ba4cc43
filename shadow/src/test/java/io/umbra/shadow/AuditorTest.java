package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.LARGE;
import static io.umbra.shadow.SmallGuest.NX;
import static io.umbra.shadow.SmallGuest.P;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.RW;
import static io.umbra.shadow.SmallGuest.US;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** For each rule a mutant: exactly one thing is corrupted, and exactly that rule is reported. */
class AuditorTest {
    private static final long WRITTEN = 0x1000;
    private static final long READ_PAGE = 0x2000;
    private static final long TABLE_ALIAS = 0x3000;
    private static final long CLEAN = 0x4000;
    private static final long OTHER = 0x20_0000;
    private static final long LARGE_PAGE = 0x40_0000;
    private static final long OTHER_ROOT = 40;

    private final SmallGuest guest = new SmallGuest();
    private ShadowTables tables;
    private long levelOne;

    @BeforeEach
    void populate() {
        tables = guest.engine.tables;
        levelOne = guest.map(WRITTEN, 30, P | RW | US);
        guest.map(READ_PAGE, 31, P | US | D | NX);
        guest.map(TABLE_ALIAS, levelOne, KERNEL | D);
        guest.map(CLEAN, 32, KERNEL);
        guest.map(OTHER, 33, KERNEL);
        guest.map(LARGE_PAGE, LARGE, KERNEL, 2);
        guest.poke(OTHER_ROOT, 0, guest.entry(ROOT, 0));
        guest.loadCr3(OTHER_ROOT);
        guest.touch(READ_PAGE, READ);
        guest.loadCr3(ROOT);
        guest.touch(WRITTEN, WRITE);
        guest.touch(READ_PAGE, READ);
        guest.touch(TABLE_ALIAS, READ);
        guest.touch(CLEAN, READ);
        guest.touch(OTHER, WRITE);
        guest.touch(LARGE_PAGE, READ);
    }

    @AfterEach
    void close() {
        guest.close();
    }

    private void reports(String rule) {
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly(rule);
        assertThatThrownBy(guest.engine::audit)
                .isInstanceOf(InvariantViolation.class)
                .hasMessageStartingWith(rule + ": ");
    }

    private void setLeaf(long linear, long entry) {
        tables.setLeaf(guest.shadow(linear, 1), LongModeEntry.index(linear, 1), entry);
    }

    private void setLink(long linear, int level, long entry) {
        tables.setLink(guest.shadow(linear, level), LongModeEntry.index(linear, level), entry);
    }

    @Test
    void aSoundEngineHasNoFindings() {
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        guest.engine.audit();
        guest.engine.blow();
        assertThat(Auditor.audit(guest.engine)).isEmpty();
    }

    @Test
    void pageThatIsFreeTwiceBreaksPool1() {
        ShadowPool pool = tables.pool;
        pool.freeRing[(pool.freeHead + 1) % pool.size()] = pool.freeRing[pool.freeHead];
        reports("POOL-1");
    }

    @Test
    void linkToAFreePageBreaksPool2() {
        ShadowPage child = guest.shadow(OTHER, 1);
        tables.setLeaf(child, LongModeEntry.index(OTHER, 1), 0);
        tables.hash.remove(child);
        tables.frames.shadowTypes(child.frame, 0);
        tables.pool.release(child);
        reports("POOL-2");
    }

    @Test
    void liveShadowOutsideTheHashBreaksHash1() {
        tables.hash.remove(guest.shadow(OTHER, 1));
        reports("HASH-1");
    }

    @Test
    void typeInTheMaskWithoutAShadowBreaksHash2() {
        tables.frames.shadowTypes(guest.mfn(50), ShadowType.L2_64.bit());
        reports("HASH-2");
    }

    @Test
    void countOffByOneBreaksRef1() {
        guest.shadow(OTHER, 1).references++;
        reports("REF-1");
    }

    @Test
    void droppingAReferenceThatIsNotHeldBreaksRef2() {
        ShadowPage page = guest.shadow(OTHER, 1);
        page.references = 0;
        assertThatThrownBy(() -> tables.dropReference(page))
                .isInstanceOf(InvariantViolation.class)
                .hasMessageStartingWith("REF-2: ");
    }

    @Test
    void upPointerToAnotherEntryBreaksUp1() {
        guest.shadow(OTHER, 1).upPointer += 8;
        reports("UP-1");
    }

    @Test
    void pinnedShadowThatIsNoRootBreaksPin1() {
        ShadowPage page = guest.shadow(OTHER, 3);
        tables.pinned.touch(page);
        page.references++;
        reports("PIN-1");
    }

    @Test
    void vcpuThatHoldsAnothersRootBreaksRoot1() {
        ShadowVcpu vcpu = guest.engine.vcpus.getFirst();
        ShadowPage other = tables.hash.find(guest.mfn(OTHER_ROOT), ShadowType.L4_64);
        vcpu.loadedRoot().references--;
        vcpu.roots[0] = other;
        other.references++;
        reports("ROOT-1");
    }

    @Test
    void pathRememberedWithOtherRightsBreaksPath1() {
        ShadowVcpu vcpu = guest.engine.vcpus.get(0);
        assertThat(vcpu.path.table(vcpu, OTHER)).isSameAs(guest.shadow(OTHER, 1));
        vcpu.path.rights ^= US;
        reports("PATH-1");
    }

    @Test
    void linkToAnotherTableOfTheRightLevelBreaksLink1() {
        long entry = guest.shadowEntry(OTHER, 2);
        setLink(OTHER, 2, entry & ~LongModeEntry.FRAME_MASK | guest.shadow(WRITTEN, 1).mfn << 12);
        reports("LINK-1");
    }

    @Test
    void linkToAnotherPartOfALargePageBreaksLink1() {
        tables.hash.remove(guest.shadow(LARGE_PAGE, 1));
        guest.shadow(LARGE_PAGE, 1).frame += 512;
        tables.hash.insert(guest.shadow(LARGE_PAGE, 1));
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).contains("LINK-1");
    }

    @Test
    void leafMissingInTheReverseMapBreaksRmap1() {
        tables.reverseMap.remove(guest.mfn(33), guest.shadow(OTHER, 1), LongModeEntry.index(OTHER, 1));
        reports("RMAP-1");
    }

    @Test
    void countOfWritableMappingsOffByOneBreaksRmap2() {
        tables.frames.addWritableMapping(guest.mfn(33), -1);
        reports("RMAP-2");
    }

    @Test
    void tableMappedWritableBreaksWp1() {
        setLeaf(TABLE_ALIAS, guest.shadowEntry(TABLE_ALIAS, 1) | RW | D);
        reports("WP-1");
    }

    @Test
    void writableLeafOfAReadOnlyEntryBreaksProp1() {
        setLeaf(READ_PAGE, guest.shadowEntry(READ_PAGE, 1) | RW | D);
        reports("PROP-1");
    }

    @Test
    void userLeafOfASupervisorEntryBreaksProp1() {
        setLeaf(CLEAN, guest.shadowEntry(CLEAN, 1) | US);
        reports("PROP-1");
    }

    @Test
    void executableLeafOfANoExecuteEntryBreaksProp1() {
        setLeaf(READ_PAGE, guest.shadowEntry(READ_PAGE, 1) & ~NX);
        reports("PROP-1");
    }

    @Test
    void entryOverAReservedBitBreaksProp1() {
        guest.poke(levelOne, 1, guest.entry(levelOne, 1) | 1L << 45);
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).contains("PROP-1");
    }

    @Test
    void cacheBitInAShadowBreaksProp2() {
        setLeaf(OTHER, guest.shadowEntry(OTHER, 1) | LongModeEntry.CACHE_DISABLE);
        reports("PROP-2");
    }

    @Test
    void entryWhoseGuestHasAClearBreaksAd1() {
        guest.poke(levelOne, 2, guest.entry(levelOne, 2) & ~A);
        reports("AD-1");
    }

    @Test
    void writableLeafWhoseGuestHasDClearBreaksAd1() {
        setLeaf(CLEAN, guest.shadowEntry(CLEAN, 1) | RW | D);
        reports("AD-1");
    }

    @Test
    void writableLinkToASplinterWhoseGuestHasDClearBreaksAd1() {
        setLink(LARGE_PAGE, 2, guest.shadowEntry(LARGE_PAGE, 2) | RW);
        reports("AD-1");
    }

    @Test
    void leafOfAnotherFrameBreaksP2m1() {
        setLeaf(OTHER, guest.shadowEntry(OTHER, 1) & ~LongModeEntry.FRAME_MASK | guest.mfn(35) << 12);
        reports("P2M-1");
    }

    @Test
    void leafOfAFrameThatIsNotTheDomainsBreaksP2m1() {
        setLeaf(OTHER, guest.shadowEntry(OTHER, 1) & ~LongModeEntry.FRAME_MASK | guest.root().mfn << 12);
        reports("P2M-1");
    }

    @Test
    void splinterLeafOfAnotherFrameBreaksP2m1() {
        setLeaf(LARGE_PAGE, guest.shadowEntry(LARGE_PAGE, 1) + 0x1000);
        reports("P2M-1");
    }

    @Test
    void writableLeafOfAFrameThatIsNotInTheBitmapBreaksLog1() {
        guest.engine.logDirty().enable();
        guest.touch(OTHER, READ);
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        setLeaf(OTHER, guest.shadowEntry(OTHER, 1) | RW | D);
        reports("LOG-1");
    }

    @Test
    void countOfTheBitmapOffByOneBreaksLog2() {
        guest.engine.logDirty().enable();
        guest.touch(OTHER, WRITE);
        guest.engine.logDirty().dirty.count++;
        reports("LOG-2");
    }

    @Test
    void writableLeafOfATrackedFrameThatIsNotMarkedBreaksVram1() {
        guest.engine.vram().begin(33, 1);
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        setLeaf(OTHER, guest.shadowEntry(OTHER, 1) | RW | D);
        reports("VRAM-1");
    }
}
