package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.DEVICE;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.LARGE;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.US;
import static io.umbra.shadow.SmallGuest.USER;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.Cr4;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What makes faults rarer or cheaper: prefetch, tags, hints. Each is seen to work, and to end when it must. */
class ShortcutsTest {
    private static final long PAGE = 0x20_0000;
    private static final long WINDOW = 0x10_0000;

    private SmallGuest guest = new SmallGuest();

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private void use(PolicyOption option, String value) {
        guest.close();
        guest = new SmallGuest(SmallGuest.POLICY.with(option, value));
    }

    private long walks() {
        return guest.count(Counter.GUEST_WALK);
    }

    /** Maps {@code count} pages, each with A as given. @return the level-1 table */
    private long mapPages(int count, long flags) {
        long table = 0;
        for (int i = 0; i < count; i++) {
            table = guest.map(PAGE + i * 0x1000L, 30 + i % 8, flags);
        }
        return table;
    }

    // ---- prefetch (F15)

    private int faultsOfASweep(int pages) {
        int faults = 0;
        for (int i = 0; i < pages; i++) {
            guest.touch(PAGE + i * 0x1000L, READ);
            faults += guest.outcomes.size();
        }
        return faults;
    }

    @Test
    void sweepOverMappedPagesFaultsOnceForManyPages() {
        use(PolicyOption.PREFETCH, "32");
        mapPages(512, KERNEL | A);
        int faults = faultsOfASweep(512);
        assertThat(faults).isBetween(512 / 33, 512 / 16);
        use(PolicyOption.PREFETCH, "0");
        mapPages(512, KERNEL | A);
        assertThat(faultsOfASweep(512)).isEqualTo(512);
    }

    @Test
    void prefetchStopsAtAnEntryThatWasNeverUsedAndLeavesItsAClear() {
        long table = mapPages(8, KERNEL | A);
        guest.poke(table, 2, LongModeEntry.of(32, KERNEL));
        guest.touch(PAGE, READ);
        assertThat(guest.count(Counter.PREFETCH)).isEqualTo(1);
        assertThat(guest.entry(table, 2) & A).isZero();
        assertThat(guest.entry(table, 3) & D).isZero();
    }

    @Test
    void prefetchedLeafOfACleanPageIsReadOnly() {
        mapPages(8, KERNEL | A);
        guest.touch(PAGE, WRITE);
        assertThat(LongModeEntry.isPresent(guest.shadowEntry(PAGE + 0x1000, 1))).isTrue();
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(PAGE + 0x1000, 1)))
                .isFalse();
    }

    @Test
    void largePageIsFilledInRuns() {
        guest.map(PAGE, LARGE, KERNEL | A, 2);
        assertThat(faultsOfASweep(512)).isLessThan(512 / 16 + 8);
    }

    // ---- not-present tags (F6)

    @Test
    void secondFaultOnAnAbsentEntryNeedsNoWalk() {
        mapPages(1, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(guest.touch(PAGE + 0x1000, WRITE)).isEqualTo(new GuestFault(PageFaultCode.WRITE));
        long before = walks();
        assertThat(guest.touch(PAGE + 0x1000, USER)).isEqualTo(new GuestFault(PageFaultCode.USER));
        assertThat(walks()).isEqualTo(before);
        assertThat(guest.count(Counter.FAST_NOT_PRESENT)).isEqualTo(1);
    }

    @Test
    void tagGoesWhenTheEntryBecomesPresent() {
        long table = mapPages(1, KERNEL);
        guest.map(WINDOW, table, KERNEL);
        guest.touch(PAGE, READ);
        guest.touch(PAGE + 0x1000, READ);
        guest.store(WINDOW + 8, LongModeEntry.of(31, KERNEL), 0);
        assertThat(guest.touch(PAGE + 0x1000, READ)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void underOutOfSyncNothingIsTaggedNotPresent() {
        use(PolicyOption.COHERENCE, "out-of-sync");
        mapPages(1, KERNEL);
        guest.touch(PAGE, READ);
        guest.touch(PAGE + 0x1000, READ);
        long before = walks();
        guest.touch(PAGE + 0x1000, READ);
        assertThat(walks()).isGreaterThan(before);
    }

    // ---- device tags (F7)

    @Test
    void secondAccessToADeviceNeedsNoWalkOfTheFault() {
        guest.map(PAGE, DEVICE, KERNEL);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.MMIO);
        long before = walks();
        assertThat(guest.touch(PAGE + 8, WRITE)).isEqualTo(Emulate.MMIO);
        assertThat(guest.touch(PAGE + 8, READ)).isEqualTo(Emulate.MMIO);
        assertThat(walks()).isEqualTo(before);
        assertThat(guest.count(Counter.FAST_MMIO)).isEqualTo(2);
    }

    @Test
    void deviceTagDoesNotGrantUsersWhatTheyMayNot() {
        guest.map(PAGE, DEVICE, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(guest.touch(PAGE, USER)).isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.USER));
        guest.map(PAGE + 0x1000, DEVICE, SmallGuest.P);
        guest.touch(PAGE + 0x1000, READ);
        assertThat(guest.touch(PAGE + 0x1000, WRITE))
                .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.WRITE));
    }

    @Test
    void deviceTagGoesWithItsP2mEntryAndNoOther() {
        guest.map(PAGE, DEVICE, KERNEL);
        guest.map(PAGE + 0x1000, DEVICE + 1, KERNEL);
        guest.p2m.set(DEVICE + 1, 1, 0, P2mType.MMIO);
        guest.touch(PAGE, READ);
        guest.touch(PAGE + 0x1000, READ);
        guest.p2m.set(DEVICE, 1, guest.allocator.allocate(), P2mType.RAM);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        long before = walks();
        assertThat(guest.touch(PAGE + 0x1000, READ)).isEqualTo(Emulate.MMIO);
        assertThat(walks()).isEqualTo(before);
    }

    // ---- emulation

    /** Maps a page with its table in the window and makes the table shadowed. */
    private long shadowedTable() {
        long table = mapPages(1, KERNEL);
        guest.map(WINDOW, table, KERNEL);
        guest.touch(PAGE, READ);
        return table;
    }

    @Test
    void secondWriteThroughTheSamePageIsEmulatedWithoutAWalk() {
        shadowedTable();
        guest.store(WINDOW + 8, LongModeEntry.of(31, KERNEL), 0);
        long before = walks();
        guest.store(WINDOW + 16, LongModeEntry.of(32, KERNEL), 0);
        assertThat(walks()).isEqualTo(before);
        assertThat(guest.count(Counter.FAST_EMULATION)).isEqualTo(1);
        assertThat(guest.count(Counter.VTLB_HIT)).isPositive();
    }

    @Test
    void virtualTlbForgetsRightsThatPkruTookAway() {
        guest.state.cr4 |= Cr4.PROTECTION_KEYS;
        guest.engine.controlRegisterWritten(0, 4, guest.state.cr4 & ~Cr4.PROTECTION_KEYS);
        long table = mapPages(1, KERNEL);
        guest.map(WINDOW, table, KERNEL | US | LongModeEntry.withKey(3));
        guest.touch(PAGE, READ);
        guest.store(WINDOW + 8, LongModeEntry.of(31, KERNEL), 0);
        guest.store(WINDOW + 16, LongModeEntry.of(32, KERNEL), 0);
        assertThat(guest.count(Counter.VTLB_HIT)).isPositive();
        guest.state.pkru = 1 << 2 * 3 + 1;
        assertThat(guest.touch(WINDOW + 24, WRITE))
                .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.WRITE | PageFaultCode.PROTECTION_KEY));
        guest.instructions = port -> {
            port.write(WINDOW + 24, 8, 0, 0);
            return Emulation.Done.COMPLETE;
        };
        assertThatThrownBy(() -> guest.engine.emulate(0, Emulate.PAGETABLE, 1)).isInstanceOf(LinearMemory.Fault.class);
    }

    @Test
    void withoutTheShortcutsEachWriteIsWalked() {
        guest.close();
        guest = new SmallGuest(
                SmallGuest.POLICY.with(PolicyOption.FAST_EMULATION, "off").with(PolicyOption.VIRTUAL_TLB, "off"));
        shadowedTable();
        guest.store(WINDOW + 8, LongModeEntry.of(31, KERNEL), 0);
        long before = walks();
        guest.store(WINDOW + 16, LongModeEntry.of(32, KERNEL), 0);
        assertThat(walks()).isEqualTo(before + 2);
    }

    @Test
    void shortcutsEndWhenTheWindowIsMappedElsewhere() {
        long table = shadowedTable();
        long windowTable = guest.map(WINDOW + 0x1000, 40, KERNEL);
        guest.map(WINDOW + 0x2000, windowTable, KERNEL);
        guest.store(WINDOW + 8, LongModeEntry.of(31, KERNEL), 0);
        guest.store(WINDOW + 0x2000 + LongModeEntry.index(WINDOW, 1) * 8L, LongModeEntry.of(41, KERNEL), 0);
        guest.invalidatePage(WINDOW);
        guest.store(WINDOW + 8, 0x1234_5000L, 0);
        assertThat(guest.entry(41, 1)).isEqualTo(0x1234_5000L);
        assertThat(guest.entry(table, 1)).isEqualTo(LongModeEntry.of(31, KERNEL));
    }

    @Test
    void writeThatLeavesAnEntryAbsentIsNotRevalidated() {
        shadowedTable();
        long before = guest.count(Counter.VALIDATE);
        guest.store(WINDOW + 80, 0xABCD_0000L, 0);
        assertThat(guest.count(Counter.VALIDATE)).isEqualTo(before);
        assertThat(guest.count(Counter.SKIP_VERIFY)).isEqualTo(1);
        guest.store(WINDOW + 80, LongModeEntry.of(31, KERNEL), 0);
        assertThat(guest.count(Counter.VALIDATE)).isEqualTo(before + 1);
    }

    @Test
    void twoEntriesZeroedInARowEndATableAndOneDoesNot() {
        long table = shadowedTable();
        guest.store(WINDOW + 8, 0, 0);
        assertThat(guest.engine.frames.isShadowed(guest.mfn(table))).isTrue();
        guest.store(WINDOW + 8, 0, 0);
        assertThat(guest.engine.frames.isShadowed(guest.mfn(table))).isTrue();
        guest.store(WINDOW + 16, 0, 0);
        assertThat(guest.engine.frames.isShadowed(guest.mfn(table))).isFalse();
        assertThat(guest.count(Counter.EARLY_UNSHADOW)).isEqualTo(1);
    }

    @Test
    void zeroesBetweenOtherFaultsEndNothing() {
        long table = shadowedTable();
        guest.map(WINDOW + 0x3000, 33, KERNEL);
        guest.store(WINDOW + 8, 0, 0);
        guest.touch(WINDOW + 0x3000, READ);
        guest.store(WINDOW + 16, 0, 0);
        assertThat(guest.engine.frames.isShadowed(guest.mfn(table))).isTrue();
    }

    // ---- the dying hint (M4)

    @Test
    void dyingAddressSpaceLosesItsUserMappingsAndItsTablesAtTheFirstZero() {
        long table = guest.map(PAGE, 30, KERNEL | US);
        guest.map(0xFFFF_8000_0000_0000L, 31, KERNEL);
        guest.map(0xFFFF_8000_0000_1000L, table, KERNEL);
        guest.poke(ROOT, 256, guest.entry(ROOT, 256) & ~US);
        guest.touch(PAGE, READ);
        guest.touch(0xFFFF_8000_0000_0000L, READ);
        guest.engine.pagetableDying(0, ROOT << 12);
        assertThat(guest.engine.tables.entry(guest.root(), 0)).isZero();
        assertThat(guest.engine.tables.entry(guest.root(), 256)).isNotZero();
        assertThat(guest.count(Counter.DYING)).isEqualTo(1);
        guest.touch(PAGE, READ);
        guest.store(0xFFFF_8000_0000_1008L, 0, 0);
        assertThat(guest.engine.frames.isShadowed(guest.mfn(table))).isFalse();
    }

    @Test
    void dyingHintForWhatIsNoRootDoesNothing() {
        long table = shadowedTable();
        guest.engine.pagetableDying(0, table << 12);
        guest.engine.pagetableDying(0, DEVICE << 12);
        guest.engine.pagetableDying(0, -1);
        assertThat(guest.count(Counter.DYING)).isZero();
    }
}
