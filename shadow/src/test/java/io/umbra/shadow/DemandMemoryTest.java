package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Memory that comes when it is used, goes when there is too much, and is held once: the guest sees none of it. */
class DemandMemoryTest {
    private static final long LINEAR = 0x3000;
    private static final long OTHER = 0x4000;
    private static final long LATE = 2048;
    private static final long BYTES = 0x1122_3344_5566_7788L;

    private final SmallGuest guest = new SmallGuest(SmallGuest.POLICY.with(PolicyOption.PREFETCH, "0"));
    private final DemandMemory demand = supply(guest, Long.MAX_VALUE);

    private static DemandMemory supply(SmallGuest guest, long most) {
        return new DemandMemory(guest.memory, guest.allocator, guest.p2m, most, guest.engine.counters());
    }

    @AfterEach
    void auditAndClose() {
        assertThat(Auditor.audit(guest.engine)).isEmpty();
        guest.close();
    }

    private P2mType type(long gfn) {
        return P2m.type(guest.p2m.lookup(gfn));
    }

    private long read(long linear) {
        long address = guest.hardware.translate(linear, READ);
        assertThat(address).isNotNegative();
        return guest.memory.readLong(address);
    }

    // ---- on demand

    @Test
    void frameIsPopulatedByTheFaultThatAsksForIt() {
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        guest.map(LINEAR, LATE, KERNEL);
        assertThat(guest.touch(LINEAR, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(type(LATE)).isEqualTo(P2mType.RAM);
        assertThat(read(LINEAR)).isZero();
        assertThat(guest.count(Counter.POPULATE)).isEqualTo(1);
        guest.store(LINEAR, BYTES, 0);
        assertThat(read(LINEAR)).isEqualTo(BYTES);
    }

    @Test
    void largeEntryIsPopulatedWhole() {
        guest.p2m.set(LATE, 2, 0, P2mType.POPULATE_ON_DEMAND);
        guest.map(LINEAR, LATE + 5, KERNEL);
        guest.touch(LINEAR, WRITE);
        assertThat(guest.p2m.leafLevel(LATE)).isEqualTo(2);
        assertThat(guest.count(Counter.POPULATE)).isEqualTo(512);
    }

    @Test
    void oldBytesOfAFrameAreNotSeen() {
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        long mfn = guest.allocator.allocate();
        guest.memory.writeLong(mfn << 12, BYTES);
        guest.allocator.free(mfn);
        guest.map(LINEAR, LATE, KERNEL);
        guest.touch(LINEAR, READ);
        assertThat(guest.mfn(LATE)).isEqualTo(mfn);
        assertThat(read(LINEAR)).isZero();
    }

    @Test
    void prefetchPopulatesNothing() {
        try (SmallGuest eager = new SmallGuest()) {
            supply(eager, Long.MAX_VALUE);
            eager.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
            eager.map(LINEAR, 30, KERNEL | A);
            eager.map(OTHER, LATE, KERNEL | A);
            eager.touch(LINEAR, READ);
            assertThat(P2m.type(eager.p2m.lookup(LATE))).isEqualTo(P2mType.POPULATE_ON_DEMAND);
        }
    }

    @Test
    void tableIsPopulatedAndHoldsNoEntries() {
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        guest.poke(ROOT, 1, LongModeEntry.of(LATE, KERNEL));
        guest.touch(1L << 39, READ);
        assertThat(type(LATE)).isEqualTo(P2mType.RAM);
        assertThat(guest.outcomes).hasOnlyElementsOfType(FaultOutcome.GuestFault.class);
    }

    @Test
    void emulatedInstructionPopulatesWhatItReadsAndWrites() {
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        guest.p2m.set(LATE + 1, 1, 0, P2mType.POPULATE_ON_DEMAND);
        guest.map(LINEAR, LATE, KERNEL);
        guest.map(OTHER, LATE + 1, KERNEL);
        guest.instructions = port -> {
            port.write(OTHER, 8, port.read(LINEAR, 8, 0) + BYTES, 0);
            return Emulation.Done.COMPLETE;
        };
        guest.engine.emulate(0, Emulate.MMIO, 1);
        assertThat(guest.memory.readLong(guest.mfn(LATE + 1) << 12)).isEqualTo(BYTES);
    }

    @Test
    void populatingIsAChangeThatTheLogSees() {
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        guest.map(LINEAR, LATE, KERNEL);
        guest.engine.logDirty().enable();
        guest.touch(LINEAR, READ);
        assertThat(guest.engine.logDirty().dirty.contains(LATE)).isTrue();
    }

    @Test
    void withoutMemoryTheDomainEnds() {
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        guest.map(LINEAR, LATE, KERNEL);
        while (guest.allocator.allocate() >= 0) {}
        assertThatThrownBy(() -> guest.touch(LINEAR, READ))
                .isInstanceOf(DomainCrash.class)
                .hasMessageContaining("no machine frame is left");
    }

    @Test
    void withoutASupplyTheDomainEnds() {
        try (SmallGuest alone = new SmallGuest()) {
            alone.p2m.set(LATE, 1, 0, P2mType.PAGED_OUT);
            alone.map(LINEAR, LATE, KERNEL);
            assertThatThrownBy(() -> alone.touch(LINEAR, READ))
                    .isInstanceOf(DomainCrash.class)
                    .hasMessageContaining("PAGED_OUT");
        }
    }

    @Test
    void underNestedPagingTheMissOfTheP2mPopulates() {
        NestedPaging nested = new NestedPaging(guest.memory, guest.p2m, DeviceMemory.NONE);
        guest.p2m.set(LATE, 1, 0, P2mType.POPULATE_ON_DEMAND);
        assertThat(nested.nestedFault(0, LATE << 12, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(type(LATE)).isEqualTo(P2mType.RAM);
        nested.close();
    }

    // ---- out and in

    @Test
    void bytesComeBackWhenTheFrameIsUsed() {
        guest.map(LINEAR, 30, KERNEL);
        guest.store(LINEAR, BYTES, 0);
        demand.pageOut(30);
        assertThat(type(30)).isEqualTo(P2mType.PAGED_OUT);
        assertThat(guest.hardware.translate(LINEAR, READ)).isNegative();
        assertThat(guest.touch(LINEAR, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(read(LINEAR)).isEqualTo(BYTES);
        assertThat(demand.outsideCount()).isZero();
    }

    @Test
    void frameOfZerosIsNotKept() {
        demand.pageOut(30);
        assertThat(type(30)).isEqualTo(P2mType.POPULATE_ON_DEMAND);
        assertThat(demand.outsideCount()).isZero();
    }

    @Test
    void tableThatIsOutHasNoShadowAndComesBackWithTheWalk() {
        long table = guest.map(LINEAR, 30, KERNEL);
        guest.touch(LINEAR, WRITE);
        long old = guest.mfn(table);
        demand.pageOut(table);
        assertThat(guest.engine.tables.find(old, ShadowType.L1_64)).isNull();
        assertThat(guest.touch(LINEAR, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.entryFor(table, LINEAR, 1)).isEqualTo(LongModeEntry.of(30, KERNEL | A | D));
        assertThat(guest.shadow(LINEAR, 1).frame).isEqualTo(guest.mfn(table));
    }

    @Test
    void loadedRootMayGoOutAndComesBack() {
        guest.map(LINEAR, 30, KERNEL);
        guest.touch(LINEAR, WRITE);
        demand.pageOut(ROOT);
        assertThat(guest.root().frame).isEqualTo(Roots.NO_FRAME);
        assertThat(guest.touch(LINEAR, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.root().frame).isEqualTo(guest.mfn(ROOT));
    }

    @Test
    void theOldestFrameMakesRoomForTheNewest() {
        try (SmallGuest tight = new SmallGuest()) {
            DemandMemory few = supply(tight, DemandMemory.LEAST_RESIDENT);
            for (long i = 0; i < DemandMemory.LEAST_RESIDENT + 50; i++) {
                tight.p2m.set(LATE + i, 1, 0, P2mType.POPULATE_ON_DEMAND);
                tight.map(LINEAR, LATE + i, KERNEL);
                tight.invalidatePage(LINEAR);
                tight.engine.blow();
                tight.store(LINEAR, BYTES + i, 0);
            }
            assertThat(tight.count(Counter.PAGE_OUT)).isEqualTo(50);
            assertThat(few.outsideCount()).isEqualTo(50);
            assertThat(P2m.type(tight.p2m.lookup(LATE + 49))).isEqualTo(P2mType.PAGED_OUT);
            assertThat(P2m.type(tight.p2m.lookup(LATE + 50))).isEqualTo(P2mType.RAM);
            tight.p2m.demand(LATE + 7, false);
            assertThat(tight.memory.readLong(tight.mfn(LATE + 7) << 12)).isEqualTo(BYTES + 7);
        }
    }

    @Test
    void whatGoesOutToMakeRoomForThePageIsWalkedAgain() {
        long table = guest.map(LINEAR, 30, KERNEL);
        guest.store(LINEAR, BYTES, 0);
        guest.poke(table, LongModeEntry.index(LINEAR, 1), LongModeEntry.of(30, KERNEL));
        demand.pageOut(30);
        boolean[] done = {false};
        guest.p2m.supply((gfn, entry, forWriting) -> {
            demand.provide(gfn, entry, forWriting);
            if (gfn == 30 && !done[0]) {
                done[0] = true;
                demand.pageOut(table);
            }
        });
        guest.touch(LINEAR, READ);
        assertThat(done[0]).isTrue();
        assertThat(read(LINEAR)).isEqualTo(BYTES);
        assertThat(type(table)).isEqualTo(P2mType.RAM);
        assertThat(guest.entryFor(table, LINEAR, 1)).isEqualTo(LongModeEntry.of(30, KERNEL | A));
    }

    @Test
    void supplyThatNeverKeepsWhatAWalkNeedsEndsTheDomain() {
        long table = guest.map(LINEAR, 30, KERNEL);
        guest.store(LINEAR, BYTES, 0);
        demand.pageOut(30);
        guest.p2m.supply((gfn, entry, forWriting) -> {
            demand.provide(gfn, entry, forWriting);
            demand.pageOut(gfn == 30 ? table : 30);
        });
        assertThatThrownBy(() -> guest.touch(LINEAR, READ))
                .isInstanceOf(DomainCrash.class)
                .hasMessageContaining("livelock");
    }

    // ---- shared

    private void mapTwins() {
        guest.map(LINEAR, 30, KERNEL);
        guest.map(OTHER, 31, KERNEL);
        guest.store(LINEAR, BYTES, 0);
        guest.store(OTHER, BYTES, 0);
        demand.mergeEqual(64);
    }

    @Test
    void framesWithTheSameBytesBecomeOne() {
        mapTwins();
        assertThat(type(30)).isEqualTo(P2mType.SHARED);
        assertThat(guest.mfn(31)).isEqualTo(guest.mfn(30));
        guest.touch(LINEAR, READ);
        guest.touch(OTHER, READ);
        assertThat(read(LINEAR)).isEqualTo(BYTES);
        assertThat(read(OTHER)).isEqualTo(BYTES);
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(OTHER, 1))).isFalse();
    }

    @Test
    void whoWritesGetsACopyAndTheLastKeepsTheFrame() {
        mapTwins();
        long shared = guest.mfn(30);
        guest.store(LINEAR, BYTES + 1, 0);
        guest.touch(OTHER, READ);
        assertThat(read(OTHER)).isEqualTo(BYTES);
        assertThat(guest.mfn(30)).isNotEqualTo(shared);
        assertThat(guest.mfn(31)).isEqualTo(shared);
        guest.store(OTHER, BYTES + 2, 0);
        assertThat(guest.mfn(31)).isEqualTo(shared);
        assertThat(type(31)).isEqualTo(P2mType.RAM);
        guest.touch(LINEAR, READ);
        assertThat(read(LINEAR)).isEqualTo(BYTES + 1);
        assertThat(guest.count(Counter.UNSHARE)).isEqualTo(1);
    }

    @Test
    void mergingAgainFindsNothingNew() {
        mapTwins();
        long merged = guest.count(Counter.MERGE);
        demand.mergeEqual(64);
        assertThat(guest.count(Counter.MERGE)).isEqualTo(merged);
    }

    @Test
    void walkSetsAccessedInATableOfItsOwn() {
        long table = guest.map(LINEAR, 30, KERNEL);
        long twin = 50;
        guest.poke(twin, LongModeEntry.index(LINEAR, 1), LongModeEntry.of(30, KERNEL));
        demand.mergeEqual(64);
        assertThat(guest.mfn(twin)).isEqualTo(guest.mfn(table));
        guest.touch(LINEAR, READ);
        assertThat(guest.entryFor(table, LINEAR, 1)).isEqualTo(LongModeEntry.of(30, KERNEL | A));
        assertThat(guest.entryFor(twin, LINEAR, 1)).isEqualTo(LongModeEntry.of(30, KERNEL));
    }

    @Test
    void emulatedStoreGoesToTheCopy() {
        mapTwins();
        guest.emulateStore(LINEAR, BYTES + 1);
        assertThat(guest.memory.readLong(guest.mfn(30) << 12)).isEqualTo(BYTES + 1);
        assertThat(guest.memory.readLong(guest.mfn(31) << 12)).isEqualTo(BYTES);
    }
}
