package io.umbra.shadow;

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

import io.umbra.x86.Cr4;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PagingMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Mutants of what only some paging modes have: shadows of several pages, pairs of entries, four roots, keys. Each is reported, and as a breach of its own rule. */
class AuditorModesTest {
    private static final long PAGE = 0x1000;
    /** In the second half of its table of two-level paging. */
    private static final long UPPER = 0x3F_F000;

    private static final long OTHER = 0x80_0000;
    private static final long LARGE_PAGE = 0xC0_0000;
    private static final long GIB = 0x4000_0000;

    private SmallGuest guest = new SmallGuest();

    @AfterEach
    void close() {
        guest.close();
    }

    private void use(PagingMode mode) {
        guest.close();
        guest = new SmallGuest(mode);
        guest.map(PAGE, 30, KERNEL);
        guest.map(UPPER, 31, KERNEL);
        guest.map(OTHER, 32, P | RW | US);
        guest.map(LARGE_PAGE, mode == PagingMode.TWO_LEVEL ? 0 : LARGE, KERNEL, 2);
        guest.map(GIB, 33, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.touch(UPPER, WRITE);
        guest.touch(OTHER, READ);
        guest.touch(LARGE_PAGE + 0x1_E000, READ);
        guest.touch(GIB, WRITE);
        assertThat(Auditor.audit(guest.engine)).isEmpty();
    }

    private void reports(String rule) {
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly(rule);
    }

    private ShadowVcpu vcpu() {
        return guest.engine.vcpus.getFirst();
    }

    private long entryAddress(ShadowPage shadow, int slot) {
        return (shadow.pageOf(slot).mfn << 12) + (slot & 511) * 8L;
    }

    /** Of the pair of entries for {@code linear} in a directory of two-level paging. */
    private long secondEntryAddress(long linear) {
        return entryAddress(guest.root(), (int) (linear >>> 22) * 2 + 1);
    }

    // ---- shadows of several pages

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void pageOfADirectoryThatIsOfAnotherFrameBreaksPool1(int part) {
        use(PagingMode.TWO_LEVEL);
        guest.root().pageOf(part * 512).frame++;
        reports("POOL-1");
    }

    @Test
    void pagesInAnotherOrderBreakPool1() {
        use(PagingMode.TWO_LEVEL);
        guest.root().pageOf(512).part = 2;
        guest.root().pageOf(1024).part = 1;
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).contains("POOL-1");
    }

    @Test
    void shadowWithoutItsLastPageBreaksPool1() {
        use(PagingMode.TWO_LEVEL);
        guest.root().pageOf(1024).nextPart = null;
        guest.memory.zeroFrame(guest.root().mfn);
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly("POOL-1");
    }

    @Test
    void pageThatTakesAnotherForItsHeadBreaksPool1() {
        use(PagingMode.TWO_LEVEL);
        guest.shadow(PAGE, 1).pageOf(512).head = guest.shadow(OTHER, 1);
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).containsOnly("POOL-1");
    }

    @Test
    void leafOfTheSecondPageMissingInTheReverseMapBreaksRmap1() {
        use(PagingMode.TWO_LEVEL);
        guest.engine.tables.reverseMap.remove(guest.mfn(31), guest.shadow(UPPER, 1), 0x3FF);
        reports("RMAP-1");
    }

    @Test
    void splinterLeafOfAnotherFrameInTheSecondPageBreaksP2m1() {
        use(PagingMode.TWO_LEVEL);
        ShadowPage splinter = guest.shadow(LARGE_PAGE, 1);
        guest.engine.tables.setLeaf(
                splinter, 600, LongModeEntry.of(guest.mfn(LARGE + 87), P | US | LongModeEntry.ACCESSED));
        reports("P2M-1");
    }

    // ---- pairs of entries

    @Test
    void secondEntryToTheFirstPageBreaksLink1() {
        use(PagingMode.TWO_LEVEL);
        long entry = guest.shadowEntry(PAGE, 2);
        guest.memory.writeLong(secondEntryAddress(PAGE), entry);
        reports("LINK-1");
    }

    @Test
    void secondEntryToAnothersSecondPageBreaksLink1() {
        use(PagingMode.TWO_LEVEL);
        long second = guest.memory.readLong(secondEntryAddress(PAGE));
        long mfn = guest.shadow(GIB, 1).pageOf(512).mfn;
        guest.memory.writeLong(secondEntryAddress(PAGE), LongModeEntry.of(mfn, second & ~LongModeEntry.FRAME_MASK));
        reports("LINK-1");
    }

    @Test
    void secondEntryAloneOrMissingBreaksLink1() {
        use(PagingMode.TWO_LEVEL);
        long second = guest.memory.readLong(secondEntryAddress(PAGE));
        guest.memory.writeLong(secondEntryAddress(PAGE), 0);
        reports("LINK-1");
        guest.memory.writeLong(secondEntryAddress(PAGE), second & ~RW);
        reports("LINK-1");
        guest.memory.writeLong(secondEntryAddress(PAGE), second);
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        guest.memory.writeLong(secondEntryAddress(2 * OTHER), second);
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).contains("LINK-1");
    }

    @Test
    void upPointerToTheSecondEntryBreaksUp1() {
        use(PagingMode.TWO_LEVEL);
        guest.shadow(PAGE, 1).upPointer += 8;
        reports("UP-1");
    }

    @Test
    void linkToATableOfAnotherFormatBreaksLink1() {
        use(PagingMode.PAE);
        ShadowTables tables = guest.engine.tables;
        ShadowPage alien = tables.make(guest.mfn(40), ShadowType.L1_64);
        tables.setLink(vcpu().rootOf(0), 5, LongModeEntry.of(alien.mfn, P | LongModeEntry.ACCESSED | D));
        assertThat(Auditor.audit(guest.engine)).extracting(Finding::rule).contains("LINK-1");
    }

    // ---- roots

    @ParameterizedTest
    @EnumSource(value = PagingMode.class)
    void vcpuThatTakesItsRootsForOthersBreaksRoot1(PagingMode mode) {
        guest.close();
        guest = new SmallGuest(mode);
        vcpu().rootType = mode == PagingMode.PAE ? ShadowType.L4_64 : ShadowType.L2_PAE;
        reports("ROOT-1");
    }

    @Test
    void pdpteWithoutItsRootBreaksRoot1() {
        use(PagingMode.PAE);
        ShadowPage root = vcpu().rootOf(GIB);
        vcpu().roots[1] = null;
        root.references--;
        reports("ROOT-1");
    }

    @Test
    void rootsInEachOthersPlacesBreakRoot1() {
        use(PagingMode.PAE);
        ShadowPage root = vcpu().roots[0];
        vcpu().roots[0] = vcpu().roots[1];
        vcpu().roots[1] = root;
        reports("ROOT-1");
    }

    @Test
    void rootOfAnAbsentPdpteBreaksRoot1() {
        use(PagingMode.PAE);
        vcpu().roots[3] = vcpu().roots[0];
        vcpu().rootOf(0).references++;
        reports("ROOT-1");
    }

    @Test
    void rootOfAPdpteThatIsOnlyInMemoryBreaksRoot1() {
        use(PagingMode.PAE);
        guest.poke(ROOT, 0, guest.entry(ROOT, 1));
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        guest.state.pdpte[0] = guest.state.pdpte[1];
        reports("ROOT-1");
    }

    @Test
    void secondRootOutsideOfPaeBreaksRoot1() {
        use(PagingMode.FOUR_LEVEL);
        vcpu().roots[1] = vcpu().roots[0];
        vcpu().loadedRoot().references++;
        reports("ROOT-1");
    }

    // ---- keys

    private long keyedLeaf(long flags) {
        guest.registers.cr4(guest.state.cr4 | Cr4.PROTECTION_KEYS);
        guest.map(PAGE, 30, P | RW | US | LongModeEntry.withKey(5));
        guest.map(LARGE_PAGE, LARGE, P | RW | US | LongModeEntry.withKey(5), 2);
        guest.touch(PAGE, WRITE);
        guest.touch(LARGE_PAGE, WRITE);
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        return guest.shadowEntry(PAGE, 1) & ~LongModeEntry.KEY_MASK | flags;
    }

    @Test
    void leafWithAnotherKeyBreaksProp1() {
        long leaf = keyedLeaf(LongModeEntry.withKey(4));
        guest.engine.tables.setLeaf(guest.shadow(PAGE, 1), 1, leaf);
        reports("PROP-1");
    }

    @Test
    void keyWhileKeysAreOffBreaksProp1() {
        guest.map(PAGE, 30, P | RW | US | LongModeEntry.withKey(5));
        guest.touch(PAGE, WRITE);
        guest.engine.tables.setLeaf(guest.shadow(PAGE, 1), 1, guest.shadowEntry(PAGE, 1) | LongModeEntry.withKey(5));
        reports("PROP-1");
    }

    @Test
    void keyInALinkBreaksProp1() {
        keyedLeaf(0);
        guest.engine.tables.setLink(guest.root(), 0, guest.shadowEntry(PAGE, 4) | LongModeEntry.withKey(5));
        reports("PROP-1");
    }

    @Test
    void splinterWithAnotherKeyThanTheLargePageBreaksLink1() {
        keyedLeaf(0);
        ShadowPage splinter = guest.shadow(LARGE_PAGE, 1);
        for (int slot = 0; slot < LongModeEntry.ENTRIES; slot++) {
            guest.engine.tables.setLeaf(splinter, slot, 0);
        }
        guest.engine.tables.hash.remove(splinter);
        splinter.frame = Splinter.key(LARGE, 4);
        guest.engine.tables.hash.insert(splinter);
        reports("LINK-1");
    }

    // ---- tables

    @Test
    void shadowOfAFrameThatIsNotTheDomainsBreaksP2m2() {
        ShadowTables tables = guest.engine.tables;
        long mfn = guest.allocator.allocate();
        tables.pin(tables.make(mfn, ShadowType.L5_64));
        reports("P2M-2");
    }

    // ---- formats

    @Test
    void typeInTheMaskBeyond8BitsWithoutAShadowBreaksHash2() {
        assertThat(ShadowType.L5_64.bit()).isGreaterThan(0xFF);
        guest.engine.tables.frames.shadowTypes(guest.mfn(50), ShadowType.L5_64.bit());
        reports("HASH-2");
    }

    @Test
    void rootOfFiveLevelsMissingInTheMaskBreaksHash2() {
        use(PagingMode.FIVE_LEVEL);
        guest.engine.tables.frames.shadowTypes(guest.mfn(ROOT), 0);
        reports("HASH-2");
    }

    @Test
    void entryOverAReservedBitOfItsFormatBreaksProp1() {
        use(PagingMode.PAE);
        long table = LongModeEntry.frame(guest.entryFor(LongModeEntry.frame(guest.entry(ROOT, 0)), PAGE, 2));
        guest.pokeFor(table, PAGE, 1, guest.entryFor(table, PAGE, 1) | 1L << 58);
        reports("PROP-1");
    }

    @Test
    void largePageOverItsReservedBitBreaksProp1() {
        use(PagingMode.TWO_LEVEL);
        guest.pokeFor(ROOT, LARGE_PAGE, 2, guest.entryFor(ROOT, LARGE_PAGE, 2) | 1L << 21);
        reports("PROP-1");
    }

    @Test
    void writableLinkToASplinterOfFourMibWhoseGuestHasDClearBreaksAd1() {
        use(PagingMode.TWO_LEVEL);
        guest.engine.tables.setLink(guest.root(), (int) (LARGE_PAGE >>> 22), guest.shadowEntry(LARGE_PAGE, 2) | RW);
        reports("AD-1");
    }

    @Test
    void executableLeafOfANoExecutePaeEntryBreaksProp1() {
        use(PagingMode.PAE);
        long table = guest.map(PAGE, 30, KERNEL | NX | LongModeEntry.ACCESSED | D);
        assertThat(table).isPositive();
        reports("PROP-1");
    }
}
