package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.P;
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
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Level-1 tables that the guest writes itself, and how their shadows catch up. */
class OutOfSyncTest {
    /** Where the guest maps its own tables: one slot of the same level-1 table for each. */
    private static final long WINDOW = 0x10_0000;

    private static final long TWO_MIB = 0x20_0000;

    private SmallGuest guest = new SmallGuest(policy("3"));

    private static ShadowPolicy policy(String slots) {
        return SmallGuest.POLICY
                .with(PolicyOption.COHERENCE, "out-of-sync")
                .with(PolicyOption.PREFETCH, "0")
                .with(PolicyOption.OOS_SLOTS, slots);
    }

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private void use(ShadowPolicy policy) {
        guest.close();
        guest = new SmallGuest(policy);
    }

    /** Maps the page and, at {@code place} pages into the window, its level-1 table. @return the table's gfn */
    private long mapWithItsTable(long linear, long gfn, int place) {
        long table = guest.map(linear, gfn, KERNEL);
        guest.map(WINDOW + place * 0x1000L, table, KERNEL | US);
        return table;
    }

    private long entryAt(int place, long linear) {
        return WINDOW + place * 0x1000L + LongModeEntry.index(linear, 1) * 8L;
    }

    private boolean isOutOfSync(long gfn) {
        return guest.engine.tables.frames.isOutOfSync(guest.mfn(gfn));
    }

    @Test
    void firstWriteToALevelOneTableMakesItWritableAndLaterOnesCostNothing() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.touch(entryAt(0, TWO_MIB), WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(isOutOfSync(table)).isTrue();
        assertThat(guest.touch(entryAt(0, TWO_MIB) + 8, WRITE)).isNull();
        assertThat(guest.count(Counter.EMULATE)).isZero();
        assertThat(guest.count(Counter.UNSYNC)).isEqualTo(1);
    }

    @Test
    void changedEntryIsStaleUntilTheFlushAndFreshAfter() {
        mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        guest.store(entryAt(0, TWO_MIB), LongModeEntry.of(31, KERNEL | A), 0);
        guest.hardware.flush();
        assertThat(guest.touch(TWO_MIB, READ)).isNull();
        assertThat(guest.hardware.translate(TWO_MIB, READ) >>> 12).isEqualTo(guest.mfn(30));
        guest.loadCr3(ROOT);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.hardware.translate(TWO_MIB, READ) >>> 12).isEqualTo(guest.mfn(31));
        assertThat(guest.count(Counter.RESYNC_ENTRY)).isEqualTo(1);
    }

    @Test
    void flushTakesWriteAccessAway() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        guest.touch(entryAt(0, TWO_MIB), WRITE);
        guest.loadCr3(ROOT);
        assertThat(isOutOfSync(table)).isFalse();
        assertThat(guest.engine.frames.writableMappings(guest.mfn(table))).isZero();
        assertThat(guest.touch(entryAt(0, TWO_MIB), WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.count(Counter.UNSYNC)).isEqualTo(2);
    }

    @Test
    void invalidationBringsOneEntryUpToDate() {
        mapWithItsTable(TWO_MIB, 30, 0);
        guest.map(TWO_MIB + 0x1000, 32, KERNEL);
        guest.touch(TWO_MIB, READ);
        guest.touch(TWO_MIB + 0x1000, READ);
        guest.store(entryAt(0, TWO_MIB), LongModeEntry.of(31, KERNEL | A), 0);
        guest.store(entryAt(0, TWO_MIB) + 8, LongModeEntry.of(33, KERNEL | A), 0);
        guest.invalidatePage(TWO_MIB);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.hardware.translate(TWO_MIB, READ) >>> 12).isEqualTo(guest.mfn(31));
        assertThat(guest.hardware.translate(TWO_MIB + 0x1000, READ) >>> 12).isEqualTo(guest.mfn(32));
    }

    @Test
    void entryThatBecomesPresentNeedsNoFlush() {
        mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.touch(TWO_MIB + 0x1000, READ)).isEqualTo(new GuestFault(0));
        guest.store(entryAt(0, TWO_MIB) + 8, LongModeEntry.of(31, KERNEL | A), 0);
        assertThat(guest.touch(TWO_MIB + 0x1000, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(TWO_MIB + 0x1000, READ) >>> 12).isEqualTo(guest.mfn(31));
    }

    @Test
    void fourthTableEvictsOne() {
        for (int i = 0; i < 4; i++) {
            long linear = TWO_MIB * (1 + i);
            mapWithItsTable(linear, 30 + i, i);
            guest.touch(linear, READ);
        }
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 4; i++) {
                guest.touch(entryAt(i, TWO_MIB * (1 + i)), WRITE);
                guest.engine.audit();
            }
        }
        assertThat(guest.count(Counter.UNSYNC) - guest.count(Counter.RESYNC)).isLessThanOrEqualTo(3);
        assertThat(guest.count(Counter.RESYNC)).isPositive();
    }

    @Test
    void thirdWritableMappingEvictsTheOldest() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.map(WINDOW + 0x1000, table, KERNEL);
        guest.map(WINDOW + 0x2000, table, KERNEL);
        guest.touch(TWO_MIB, READ);
        for (int place = 0; place < 3; place++) {
            assertThat(guest.touch(entryAt(place, TWO_MIB), WRITE)).isEqualTo(Fixed.FIXUP);
        }
        assertThat(guest.engine.frames.writableMappings(guest.mfn(table))).isEqualTo(OutOfSync.FIXUPS);
        assertThat(guest.count(Counter.FIXUP_EVICT)).isEqualTo(1);
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(WINDOW, 1))).isFalse();
    }

    @Test
    void usersWriteEndsTheTable() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.poke(ROOT, 0, guest.entry(ROOT, 0) | US);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.touch(entryAt(0, TWO_MIB), WRITE | USER)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.outcomes).contains(Fixed.UNSHADOW);
        assertThat(guest.engine.frames.isShadowed(guest.mfn(table))).isFalse();
    }

    @Test
    void tableOfAHigherLevelNeverGoesOutOfSync() {
        guest.map(TWO_MIB, 30, KERNEL);
        guest.touch(TWO_MIB, READ);
        long levelTwo = LongModeEntry.frame(guest.entry(LongModeEntry.frame(guest.entry(ROOT, 0)), 0));
        guest.map(WINDOW, levelTwo, KERNEL);
        assertThat(guest.touch(WINDOW, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(isOutOfSync(levelTwo)).isFalse();
    }

    @Test
    void becomingATableOfAnotherLevelEndsIt() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        guest.touch(entryAt(0, TWO_MIB), WRITE);
        long levelThree = LongModeEntry.frame(guest.entry(ROOT, 0));
        guest.poke(levelThree, 5, LongModeEntry.of(table, P | RW));
        guest.poke(table, 0, LongModeEntry.of(40, KERNEL));
        guest.poke(40, 0, LongModeEntry.of(31, KERNEL));
        guest.engine.memoryWritten(levelThree << 12, 4096);
        guest.touch(5L << 30, READ);
        assertThat(isOutOfSync(table)).isFalse();
        assertThat(guest.engine.frames.writableMappings(guest.mfn(table))).isZero();
    }

    @Test
    void withoutSlotsWritesAreEmulated() {
        use(policy("0"));
        mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.touch(entryAt(0, TWO_MIB), WRITE)).isEqualTo(Emulate.PAGETABLE);
    }

    @Test
    void blowingWhileOutOfSyncLeavesNothingBehind() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        guest.touch(entryAt(0, TWO_MIB), WRITE);
        guest.engine.blow();
        assertThat(isOutOfSync(table)).isFalse();
        guest.store(entryAt(0, TWO_MIB), LongModeEntry.of(31, KERNEL | A | D), 0);
        guest.touch(TWO_MIB, READ);
        assertThat(guest.hardware.translate(TWO_MIB, READ) >>> 12).isEqualTo(guest.mfn(31));
    }

    /** KVM 65855ed8b034: a table that had fallen behind was linked at a new place, for which the guest owes no flush. */
    @Test
    void tableLinkedAtANewPlaceIsUpToDate() {
        long table = mapWithItsTable(TWO_MIB, 30, 0);
        guest.touch(TWO_MIB, READ);
        long levelTwo = LongModeEntry.frame(guest.entry(LongModeEntry.frame(guest.entry(ROOT, 0)), 0));
        guest.store(entryAt(0, TWO_MIB), LongModeEntry.of(31, KERNEL | A), 0);
        guest.poke(levelTwo, 9, LongModeEntry.of(table, KERNEL));
        guest.engine.memoryWritten((levelTwo << 12) + 9 * 8, 8);
        guest.touch(9 * TWO_MIB, READ);
        assertThat(guest.hardware.translate(9 * TWO_MIB, READ) >>> 12).isEqualTo(guest.mfn(31));
    }

    /** KVM 36a2e6774bfb: of two tables that map each other, the first to catch up must not make the second writable for good. */
    @Test
    void tableThatMapsAnotherOneDoesNotMakeItWritable() {
        long first = mapWithItsTable(TWO_MIB, 30, 0);
        long second = mapWithItsTable(2 * TWO_MIB, 32, 1);
        guest.touch(TWO_MIB, READ);
        guest.touch(2 * TWO_MIB, READ);
        guest.touch(entryAt(1, 0), WRITE);
        guest.store(entryAt(0, TWO_MIB) + 8, LongModeEntry.of(second, KERNEL | A | D), 0);
        assertThat(guest.touch(TWO_MIB + 0x1000, WRITE)).isEqualTo(Fixed.FIXUP);
        guest.loadCr3(ROOT);
        assertThat(guest.engine.frames.writableMappings(guest.mfn(first))).isZero();
        assertThat(guest.engine.frames.writableMappings(guest.mfn(second))).isZero();
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(TWO_MIB + 0x1000, 1)))
                .isFalse();
    }

    /** Checklist O1. */
    @Test
    void sameStoresEndInTheSameTranslationsWithFewerEmulations() {
        for (String slots : new String[] {"0", "3"}) {
            use(policy(slots));
            mapWithItsTable(TWO_MIB, 30, 0);
            guest.touch(TWO_MIB, READ);
            for (int i = 0; i < 16; i++) {
                guest.store(entryAt(0, TWO_MIB) + 8L * i, LongModeEntry.of(30 + i % 4, KERNEL | A | D), 0);
            }
            guest.loadCr3(ROOT);
            for (int i = 0; i < 16; i++) {
                guest.touch(TWO_MIB + i * 0x1000L, READ);
                assertThat(guest.hardware.translate(TWO_MIB + i * 0x1000L, READ) >>> 12)
                        .isEqualTo(guest.mfn(30 + i % 4));
            }
            assertThat(guest.count(Counter.EMULATE)).isEqualTo(slots.equals("0") ? 16 : 0);
        }
    }
}
