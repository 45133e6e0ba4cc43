package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.DEVICE;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.LARGE;
import static io.umbra.shadow.SmallGuest.P;
import static io.umbra.shadow.SmallGuest.PS;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.READ_ONLY;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.RW;
import static io.umbra.shadow.SmallGuest.US;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.shadow.ShadowPolicy.Populate;
import io.umbra.shadow.ShadowPolicy.WritableSearch;
import io.umbra.x86.Cr0;
import io.umbra.x86.Efer;
import io.umbra.x86.LongModeEntry;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LogDirtyTest {
    private static final long PAGE = 0x1000;
    private static final long ALIAS = 0x7000;
    private static final long TABLE_ALIAS = 0x3000;
    private static final long LARGE_PAGE = 0x20_0000;
    private static final long HUGE_PAGE = 0x4000_0000;

    private SmallGuest guest = new SmallGuest();
    private LogDirty log = guest.engine.logDirty();

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private void use(ShadowPolicy policy) {
        guest.close();
        guest = new SmallGuest(policy);
        log = guest.engine.logDirty();
    }

    private static ShadowPolicy strictTlb() {
        return new ShadowPolicy(Coherence.STRICT_TLB, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, 128, 0);
    }

    /** The walk has set A and D in the tables and is done with them: what is marked from here on is not their doing. */
    private void settle(long linear, int access) {
        guest.touch(linear, access);
    }

    private static Long[] frames(DirtyRound round) {
        java.util.List<Long> frames = new java.util.ArrayList<>();
        DirtyBitmap bitmap = ((DirtyRound.Complete) round).frames();
        for (long gfn = bitmap.next(0); gfn >= 0; gfn = bitmap.next(gfn + 1)) {
            frames.add(gfn);
        }
        return frames.toArray(Long[]::new);
    }

    private void assertDirty(Long... gfns) {
        assertThat(frames(log.peek())).containsExactly(gfns);
        assertThat(log.dirtyCount()).isEqualTo(gfns.length);
    }

    private boolean isWritable(long linear) {
        return LongModeEntry.isWritable(guest.shadowEntry(linear, 1));
    }

    // ---- what marks, and what does not

    @Test
    void aWriteMarksItsFrameOnceAndCostsOneFault() {
        guest.map(PAGE, 30, KERNEL);
        settle(PAGE, WRITE);
        log.enable();
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(guest.touch(PAGE, WRITE)).isNull();
        assertDirty(30L);
        assertThat(log.faultCount()).isEqualTo(1);
        assertThat(guest.count(Counter.LOG_DIRTY_MARK)).isEqualTo(1);
        assertThat(guest.count(Counter.LOG_DIRTY_FAULT)).isEqualTo(1);
    }

    @Test
    void readsMarkNothingAndMapNothingWritable() {
        guest.map(PAGE, 30, KERNEL | D);
        settle(PAGE, WRITE);
        log.enable();
        guest.touch(PAGE, READ);
        assertThat(isWritable(PAGE)).isFalse();
        assertDirty();
        assertThat(log.faultCount()).isZero();
    }

    @Test
    void aPageThatIsDirtyIsMappedWritableByARead() {
        guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, 30, KERNEL | D);
        settle(PAGE, WRITE);
        settle(ALIAS, READ);
        log.enable();
        guest.touch(PAGE, WRITE);
        guest.touch(ALIAS, READ);
        assertThat(isWritable(ALIAS)).isTrue();
        assertThat(guest.touch(ALIAS, WRITE)).isNull();
        assertDirty(30L);
    }

    @Test
    void prefetchMarksNothingAndMapsOnlyDirtyPagesWritable() {
        long table = guest.map(PAGE, 30, KERNEL | A | D);
        guest.map(TABLE_ALIAS, table, KERNEL | A | D);
        settle(PAGE, WRITE);
        settle(TABLE_ALIAS, READ);
        log.enable();
        guest.touch(PAGE, WRITE);
        guest.store(TABLE_ALIAS + 5 * 8, LongModeEntry.of(31, KERNEL | A | D), 0);
        guest.store(TABLE_ALIAS + 6 * 8, LongModeEntry.of(30, KERNEL | A | D), 0);
        assertThat(isWritable(0x5000)).isFalse();
        assertThat(LongModeEntry.isPresent(guest.shadowEntry(0x5000, 1))).isTrue();
        assertThat(isWritable(0x6000)).isTrue();
        assertDirty(table, 30L);
    }

    @Test
    void aSecondLinearAddressFaultsToo() {
        guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, 30, KERNEL);
        settle(PAGE, WRITE);
        settle(ALIAS, WRITE);
        log.enable();
        guest.touch(PAGE, READ);
        guest.touch(ALIAS, READ);
        assertDirty();
        guest.touch(ALIAS, WRITE);
        assertDirty(30L);
        log.clean();
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
    }

    @Test
    void tableIsMarkedWhenAWalkSetsAOrD() {
        long table = guest.map(PAGE, 30, KERNEL);
        log.enable();
        guest.touch(PAGE, READ);
        assertThat(frames(log.clean())).containsExactly(ROOT, 2L, 3L, table);
        guest.touch(PAGE, READ);
        assertDirty();
        guest.touch(PAGE, WRITE);
        assertDirty(table, 30L);
        log.clean();
        guest.loadCr3(ROOT);
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
    }

    @Test
    void guestsOwnDirtyBitsStayAsTheyAre() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        log.enable();
        guest.touch(PAGE, WRITE);
        log.clean();
        log.off();
        assertThat(guest.entry(table, 1) & (A | D)).isEqualTo(A | D);
    }

    @Test
    void emulatedWriteToATableMarksTheTable() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(TABLE_ALIAS, table, KERNEL);
        settle(PAGE, WRITE);
        settle(TABLE_ALIAS, WRITE);
        log.enable();
        guest.touch(PAGE, READ);
        guest.store(TABLE_ALIAS + 5 * 8, LongModeEntry.of(31, KERNEL), 0);
        assertThat(guest.count(Counter.EMULATE)).isEqualTo(1);
        assertDirty(table);
        log.clean();
        guest.store(TABLE_ALIAS + 6 * 8, 0, 0);
        assertDirty(table);
    }

    @Test
    void emulatedStoreAcrossTwoPagesMarksBoth() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(TABLE_ALIAS, table, KERNEL);
        guest.map(TABLE_ALIAS + 0x1000, 31, KERNEL);
        settle(PAGE, WRITE);
        settle(TABLE_ALIAS, WRITE);
        settle(TABLE_ALIAS + 0x1000, WRITE);
        log.enable();
        guest.touch(PAGE, READ);
        guest.store(TABLE_ALIAS + 0xFFC, -1, 0);
        assertDirty(table, 31L);
    }

    @Test
    void storeAcrossTwoPagesMarksBoth() {
        guest.map(PAGE, 30, KERNEL);
        guest.map(PAGE + 0x1000, 31, KERNEL);
        settle(PAGE, WRITE);
        settle(PAGE + 0x1000, WRITE);
        log.enable();
        guest.touch(PAGE + 0xFFF, WRITE);
        guest.touch(PAGE + 0x1000, WRITE);
        assertDirty(30L, 31L);
    }

    @Test
    void writeThatOnlyWriteProtectOffPermitsMarks() {
        guest.map(PAGE, 30, P);
        settle(PAGE, READ);
        guest.state.cr0 &= ~Cr0.WRITE_PROTECT;
        log.enable();
        guest.touch(PAGE, READ);
        guest.store(PAGE, 5, 0);
        assertThat(guest.count(Counter.EMULATE_OTHER)).isPositive();
        assertThat(frames(log.peek())).contains(30L);
    }

    @Test
    void emulatedInstructionBesideADeviceMarksTheMemoryItWrites() {
        guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, DEVICE, KERNEL);
        settle(PAGE, WRITE);
        settle(ALIAS, READ);
        log.enable();
        assertThat(guest.touch(ALIAS, READ)).isEqualTo(Emulate.MMIO);
        guest.emulateStore(PAGE, 77);
        assertDirty(30L);
        assertThat(guest.memory.readLong(guest.mfn(30) << 12)).isEqualTo(77);
    }

    @Test
    void discardedWritesMarkNothing() {
        guest.map(PAGE, READ_ONLY, KERNEL);
        guest.map(ALIAS, DEVICE, KERNEL);
        guest.store(PAGE, 1, 0);
        guest.store(ALIAS, 1, 0);
        log.enable();
        guest.store(PAGE, 1, 0);
        guest.store(ALIAS, 1, 0);
        assertDirty();
    }

    @Test
    void deviceMarksEveryFrameItWroteTo() {
        log.enable();
        guest.engine.memoryWritten(0x20_FFF, 0x1002);
        guest.engine.memoryWritten(READ_ONLY << 12, 1);
        guest.engine.memoryWritten(DEVICE << 12, 1);
        guest.engine.memoryWritten(50L << 12, 0);
        assertDirty(0x20L, 0x21L, 0x22L, READ_ONLY);
    }

    @Test
    void changeOfTheP2mMarksWhatWasAndWhatIsMemory() {
        log.enable();
        guest.p2m.set(30, 1, 0, P2mType.HOLE);
        assertDirty(30L);
        log.clean();
        guest.p2m.set(30, 1, guest.allocator.allocate(), P2mType.RAM);
        assertDirty(30L);
        log.clean();
        guest.p2m.set(DEVICE, 1, 0, P2mType.HOLE);
        assertDirty();
        guest.p2m.set(LARGE, 2, 0, P2mType.HOLE);
        assertThat(log.dirtyCount()).isEqualTo(512);
    }

    @Test
    void pageMappedWritableOnceItsP2mEntryHasChangedIsDirty() {
        guest.map(PAGE, 30, KERNEL);
        settle(PAGE, WRITE);
        log.enable();
        guest.p2m.set(30, 1, guest.allocator.allocate(), P2mType.RAM);
        log.clean();
        guest.touch(PAGE, READ);
        assertThat(isWritable(PAGE)).isFalse();
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
    }

    // ---- large pages, other modes

    @Test
    void eachFrameOfALargePageIsLoggedByItself() {
        guest.map(LARGE_PAGE, LARGE, KERNEL, 2);
        settle(LARGE_PAGE, WRITE);
        log.enable();
        guest.touch(LARGE_PAGE, READ);
        guest.touch(LARGE_PAGE + 0x5000, WRITE);
        guest.touch(LARGE_PAGE + 0x1F_F000, WRITE);
        assertDirty(LARGE + 5, LARGE + 511);
        log.clean();
        guest.touch(LARGE_PAGE + 0x5000, WRITE);
        assertDirty(LARGE + 5);
    }

    @Test
    void framesOfAHugePageAreLoggedByThemselves() {
        guest.map(HUGE_PAGE, 0, KERNEL, 3);
        settle(HUGE_PAGE, WRITE);
        log.enable();
        guest.touch(HUGE_PAGE + (LARGE + 3 << 12), WRITE);
        guest.touch(HUGE_PAGE + (40L << 12), READ);
        assertDirty(LARGE + 3);
        log.clean();
        assertThat(guest.touch(HUGE_PAGE + (LARGE + 3 << 12), WRITE)).isEqualTo(Fixed.FIXUP);
        assertDirty(LARGE + 3);
    }

    @Test
    void writesOfAGuestThatDoesNotPageAreLogged() {
        guest.state.cr0 &= ~Cr0.PAGING;
        guest.state.efer &= ~Efer.LONG_MODE_ACTIVE;
        guest.engine.controlRegisterWritten(0, 0, guest.state.cr0 | Cr0.PAGING);
        guest.touch(30L << 12, WRITE);
        log.enable();
        guest.touch(30L << 12, READ);
        assertDirty();
        guest.touch(31L << 12, WRITE);
        assertDirty(31L);
        log.clean();
        guest.touch(31L << 12, WRITE);
        assertDirty(31L);
    }

    @Test
    void underStrictTlbTablesAreLoggedAsAnyPage() {
        use(strictTlb());
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(TABLE_ALIAS, table, KERNEL);
        settle(PAGE, WRITE);
        settle(TABLE_ALIAS, WRITE);
        log.enable();
        guest.touch(PAGE, READ);
        guest.touch(TABLE_ALIAS, READ);
        assertDirty();
        guest.store(TABLE_ALIAS + 5 * 8, LongModeEntry.of(31, KERNEL), 0);
        assertThat(guest.count(Counter.EMULATE)).isZero();
        assertDirty(table);
        log.clean();
        assertThat(guest.touch(TABLE_ALIAS, WRITE)).isEqualTo(Fixed.FIXUP);
        assertDirty(table);
        guest.engine.memoryWritten(40L << 12, 1);
        assertDirty(table, 30L + 10);
    }

    @Test
    void oneLevelAFaultLogsTheSame() {
        use(new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ONE_LEVEL, WritableSearch.REVERSE_MAP, 128, 0));
        guest.map(PAGE, 30, KERNEL);
        settle(PAGE, WRITE);
        log.enable();
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
        log.clean();
        guest.touch(PAGE, WRITE);
        assertThat(guest.outcomes).as("the path is still there").hasSize(1);
        assertDirty(30L);
    }

    // ---- clean, peek, off

    @Test
    void peekChangesNothing() {
        guest.map(PAGE, 30, KERNEL);
        settle(PAGE, WRITE);
        log.enable();
        guest.touch(PAGE, WRITE);
        DirtyRound before = log.peek();
        assertThat(guest.touch(PAGE, WRITE)).isNull();
        guest.engine.memoryWritten(31L << 12, 1);
        assertThat(frames(before)).containsExactly(30L);
        assertDirty(30L, 31L);
    }

    @Test
    void cleanTakesWriteAccessFromEveryMappingOfADirtyFrameAndFromTheTlb() {
        guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, 30, KERNEL);
        guest.map(0x9000, 31, KERNEL);
        log.enable();
        guest.touch(PAGE, WRITE);
        guest.touch(ALIAS, WRITE);
        guest.touch(0x9000, READ);
        log.clean();
        assertDirty();
        assertThat(guest.engine.tables.frames.writableMappings(guest.mfn(30))).isZero();
        assertThat(guest.hardware.translate(PAGE, WRITE)).isEqualTo(-1);
        assertThat(guest.hardware.translate(ALIAS, WRITE)).isEqualTo(-1);
        assertThat(guest.hardware.translate(PAGE, READ))
                .as("the shadows are still there")
                .isPositive();
    }

    /** The guest makes an entry read-only and owes a flush: its TLB may go on writing, and must not behind the log's back. */
    @Test
    void cleanTakesRightsFromTheTlbThatNoLeafGrantsAnyMore() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(TABLE_ALIAS, table, KERNEL);
        log.enable();
        guest.touch(PAGE, WRITE);
        guest.store(TABLE_ALIAS + 8, LongModeEntry.of(30, P | A | D), 0);
        assertThat(guest.hardware.translate(PAGE, WRITE))
                .as("stale, as allowed")
                .isPositive();
        log.clean();
        assertThat(guest.hardware.translate(PAGE, WRITE)).isEqualTo(-1);
    }

    @Test
    void secondCleanOfAnIdleGuestIsEmptyAndFlushesNothing() {
        guest.map(PAGE, 30, KERNEL);
        log.enable();
        guest.touch(PAGE, WRITE);
        assertThat(frames(log.clean())).contains(30L);
        long flushes = guest.count(Counter.FLUSH);
        assertThat(frames(log.clean())).isEmpty();
        assertThat(guest.count(Counter.FLUSH)).isEqualTo(flushes);
        guest.touch(PAGE, READ);
        assertThat(frames(log.clean())).isEmpty();
        assertThat(guest.count(Counter.LOG_DIRTY_CLEAN)).isEqualTo(3);
    }

    @Test
    void cleanKeepsTheShadows() {
        guest.map(PAGE, 30, KERNEL);
        log.enable();
        guest.touch(PAGE, WRITE);
        long made = guest.count(Counter.SHADOW_ALLOC);
        long blown = guest.count(Counter.BLOW);
        log.clean();
        guest.touch(PAGE, WRITE);
        assertThat(guest.count(Counter.SHADOW_ALLOC)).isEqualTo(made);
        assertThat(guest.count(Counter.BLOW)).isEqualTo(blown);
    }

    @Test
    void cleanByBlowingDropsThemAndLogsTheSame() {
        use(SmallGuest.POLICY.with(PolicyOption.DIRTY_CLEAN, "blow"));
        guest.map(PAGE, 30, KERNEL);
        log.enable();
        guest.touch(PAGE, WRITE);
        long made = guest.count(Counter.SHADOW_ALLOC);
        log.clean();
        assertThat(guest.hardware.translate(PAGE, READ)).isEqualTo(-1);
        guest.touch(PAGE, READ);
        assertDirty();
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
        assertThat(guest.count(Counter.SHADOW_ALLOC)).isGreaterThan(made);
    }

    @Test
    void offForgetsTheBitmapAndMarksNothingMore() {
        guest.map(PAGE, 30, KERNEL);
        log.enable();
        guest.touch(PAGE, WRITE);
        log.clean();
        log.off();
        assertThat(log.isOn()).isFalse();
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(PAGE, READ)).isNull();
        assertThat(log.dirtyCount()).isZero();
        log.enable();
        assertDirty();
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
    }

    @Test
    void callsOutOfTurnAreRefused() {
        assertThatThrownBy(log::peek).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(log::clean).isInstanceOf(IllegalStateException.class);
        log.off();
        log.enable();
        assertThatThrownBy(log::enable).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void withoutMemoryForTheBitmapThereIsNoneUntilTheLogIsSwitchedOff() {
        guest.map(PAGE, 30, KERNEL);
        settle(PAGE, WRITE);
        log.limitNodes(2);
        log.enable();
        assertThat(guest.touch(PAGE, WRITE)).as("the guest goes on").isEqualTo(Fixed.FIXUP);
        assertThat(log.peek()).isEqualTo(DirtyRound.Failed.OUT_OF_MEMORY);
        assertThat(log.clean()).isEqualTo(DirtyRound.Failed.OUT_OF_MEMORY);
        assertThat(log.clean()).isEqualTo(DirtyRound.Failed.OUT_OF_MEMORY);
        log.off();
        log.limitNodes(3);
        log.enable();
        guest.touch(PAGE, WRITE);
        assertDirty(30L);
    }

    @Test
    void watchHearsOfEachFrameOnceARoundWithItsCause() {
        Map<DirtyCause, Long> heard = new EnumMap<>(DirtyCause.class);
        long table = guest.map(PAGE, 30, KERNEL);
        log.watch((gfn, cause) -> heard.merge(cause, gfn, Long::sum));
        log.enable();
        guest.touch(PAGE, WRITE);
        guest.touch(PAGE, WRITE);
        guest.engine.memoryWritten(30L << 12, 8);
        guest.engine.memoryWritten(31L << 12, 8);
        guest.p2m.set(32, 1, 0, P2mType.HOLE);
        assertThat(heard)
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        DirtyCause.STORE, 30L,
                        DirtyCause.WALK, ROOT + 2 + 3 + table,
                        DirtyCause.EXTERNAL, 31L,
                        DirtyCause.P2M_CHANGE, 32L));
    }

    /** At the pool's minimum, with log-dirty on and frames far apart: the bitmap takes nothing from the pool. XSA-427. */
    @Test
    void smallestPoolSufficesWithTheLogOn() {
        log.enable();
        for (long linear = 0; linear < 40L << 39; linear += 1L << 39) {
            guest.touch(linear, WRITE);
        }
        guest.map(PAGE, 30, P | RW | US);
        guest.map(LARGE_PAGE, 0, P | RW | US | PS, 2);
        guest.touch(LARGE_PAGE + 0x1E000, WRITE);
        assertThat(frames(log.peek())).contains(30L);
        assertThat(log.isIncomplete()).isFalse();
    }
}
