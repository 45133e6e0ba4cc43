package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.pv.AbsentEntries;
import io.umbra.shadow.pv.PvHost;
import io.umbra.shadow.pv.PvMachine;
import io.umbra.shadow.pv.PvPolicy;
import io.umbra.shadow.pv.PvTables;
import io.umbra.shadow.pv.ReservedSlots;
import io.umbra.shadow.pv.UpdateKind;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A PV domain on shadows, and the switch to them and back under it. */
class PvPagingTest {
    private static final int DOMAIN = 1;
    private static final int FRAMES = 2048;
    private static final long P = LongModeEntry.PRESENT;
    private static final long RW = LongModeEntry.WRITABLE;
    private static final long US = LongModeEntry.USER;
    private static final long A = LongModeEntry.ACCESSED;
    private static final long D = LongModeEntry.DIRTY;
    private static final long USED = P | US | A | D;
    private static final int USER = PageFaultCode.USER;
    private static final int WRITE = PageFaultCode.WRITE | USER;

    /** Pages of data: slot i of the level-1 table. */
    private static final int PAGES = 8;
    /** The level-1 table itself, read-only, is behind this slot. */
    private static final int SELF = 100;

    private static final ShadowPolicy POLICY =
            ShadowPolicy.DEFAULT.with(PolicyOption.PREFETCH, "0").with(PolicyOption.POOL, "128");

    private final MachineMemory memory = new MachineMemory(FRAMES);
    private final FrameAllocator allocator = new FrameAllocator(FRAMES, 5);
    private final PvMachine machine = new PvMachine(memory, allocator);
    private final Host host = new Host();
    private final PvTables tables =
            new PvTables(machine, DOMAIN, 1, host, PvPolicy.DEFAULT.with(AbsentEntries.audited(40, FRAMES << 12)));
    private final VcpuState state = new VcpuState();
    private final HardwareWalk hardware = new HardwareWalk(memory, state);
    private final PvPaging paging = new PvPaging(tables, memory, allocator, number -> true, POLICY);
    private final long[] data = new long[PAGES];
    private long level4;
    private long level1;
    private long storeAt;
    private long stored;

    /** Tells the paging, as whoever runs the vCPUs does. */
    private final class Host implements PvHost {
        @Override
        public void flushAll() {
            hardware.flush();
        }

        @Override
        public void invalidate(int vcpu, long linear) {
            hardware.invalidate(linear);
        }

        @Override
        public void loadBase(int vcpu, long mfn) {
            long old = state.cr3;
            state.cr3 = mfn << 12;
            paging.controlRegisterWritten(vcpu, 3, old);
        }

        @Override
        public void markDirty(long mfn) {
            paging.markDirty(mfn);
        }

        @Override
        public void removeShadows(long mfn) {
            paging.removeShadows(mfn);
        }

        @Override
        public void entryWritten(long maddr) {
            paging.entryWritten(maddr);
        }

        @Override
        public boolean hideTables(int level, long maddr, long entry) {
            paging.force();
            return true;
        }
    }

    @BeforeEach
    void build() {
        for (int i = 0; i < PAGES; i++) {
            data[i] = tables.allocate(0x1000 + i);
        }
        level1 = tables.allocate(0x2001);
        long level2 = tables.allocate(0x2002);
        long level3 = tables.allocate(0x2003);
        level4 = tables.allocate(0x2004);
        for (int i = 0; i < PAGES; i++) {
            poke(level1, i, LongModeEntry.of(data[i], USED | RW));
        }
        poke(level1, SELF, LongModeEntry.of(level1, USED & ~D));
        poke(level2, 0, LongModeEntry.of(level1, USED | RW));
        poke(level3, 0, LongModeEntry.of(level2, USED | RW));
        poke(level4, 0, LongModeEntry.of(level3, USED | RW));
        state.cr0 = Cr0.PROTECTION | Cr0.WRITE_PROTECT | Cr0.PAGING;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.efer = Efer.NO_EXECUTE | Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE;
        state.cr3 = level4 << 12;
        paging.attach(state, hardware, this::emulate);
        paging.assistStores(true);
        assertThat(tables.pin(4, level4)).isZero();
        assertThat(tables.newBase(level4)).isZero();
    }

    @AfterEach
    void auditAndClose() {
        paging.audit();
        paging.close();
        memory.close();
    }

    private void poke(long table, int slot, long entry) {
        memory.writeLong((table << 12) + slot * 8L, entry);
    }

    private long entry(int slot) {
        return memory.readLong((level1 << 12) + slot * 8L);
    }

    private static long linear(int slot) {
        return (long) slot << 12;
    }

    private long update(int slot, long entry) {
        return tables.update((level1 << 12) + slot * 8L, entry, UpdateKind.NORMAL, DOMAIN, DOMAIN);
    }

    private Emulation emulate(LinearMemory port) {
        try {
            port.write(storeAt, 8, stored, USER);
            return Emulation.Done.COMPLETE;
        } catch (LinearMemory.Fault refused) {
            return Emulation.Failed.UNHANDLEABLE;
        }
    }

    private FaultOutcome touch(long linear, int access) {
        FaultOutcome outcome = null;
        for (int tries = 0; tries < 8 && hardware.translate(linear, access) < 0; tries++) {
            outcome = paging.pageFault(0, linear, hardware.faultCode());
            if (!(outcome instanceof Fixed)) {
                return outcome;
            }
        }
        return outcome;
    }

    private void store(long linear, long value) {
        storeAt = linear;
        stored = value;
        FaultOutcome outcome = touch(linear, WRITE);
        if (outcome instanceof Emulate reason) {
            assertThat(paging.emulate(0, reason, 1)).isEqualTo(Emulation.Done.COMPLETE);
        } else {
            assertThat(outcome).isNotInstanceOf(GuestFault.class);
            memory.writeLong(hardware.translate(linear, WRITE), value);
        }
    }

    private ShadowPage root() {
        long loaded = ((HardwarePaging.Shadow) hardware.loaded()).root() >>> 12;
        return shadows().tables.pool.at(loaded);
    }

    private ShadowPaging shadows() {
        return Objects.requireNonNull(paging.shadows);
    }

    @Test
    void hardwareWalksTheGuestsOwnTablesUntilItIsSwitched() {
        assertThat(hardware.loaded()).isEqualTo(new HardwarePaging.Shadow(level4 << 12, false, false));
        assertThat(touch(linear(3), WRITE)).isNull();
        paging.switchOn();
        assertThat(hardware.loaded()).isNotEqualTo(new HardwarePaging.Shadow(level4 << 12, false, false));
        assertThat(touch(linear(3), WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(hardware.translate(linear(3), WRITE)).isEqualTo(data[3] << 12);
        paging.switchOff();
        assertThat(hardware.loaded()).isEqualTo(new HardwarePaging.Shadow(level4 << 12, false, false));
        assertThat(touch(linear(3), WRITE)).isNull();
    }

    @Test
    void everyFrameOfTheShadowsComesBack() {
        paging.switchOn();
        paging.switchOff();
        long free = allocator.freeFrames();
        for (int i = 0; i < 5; i++) {
            paging.switchOn();
            touch(linear(1), WRITE);
            paging.switchOff();
        }
        assertThat(allocator.freeFrames()).isEqualTo(free);
    }

    @Test
    void rootsShadowHasTheHypervisorsSlotsAndNoOthers() {
        paging.switchOn();
        for (int slot = ReservedSlots.FIRST; slot < ReservedSlots.FIRST + ReservedSlots.COUNT; slot++) {
            assertThat(shadows().tables.entry(root(), slot))
                    .isEqualTo(tables.reservedSlots().entry(slot));
        }
        assertThat(shadows().tables.entry(root(), ReservedSlots.FIRST - 1)).isZero();
        assertThat(shadows().tables.entry(root(), ReservedSlots.FIRST + ReservedSlots.COUNT))
                .isZero();
        shadows().blow();
        assertThat(shadows().tables.entry(root(), ReservedSlots.FIRST)).isNotZero();
    }

    @Test
    void auditorSeesASlotOfTheHypervisorsChanged() {
        paging.switchOn();
        long address = root().entryAddress(ReservedSlots.FIRST);
        long entry = memory.readLong(address);
        memory.writeLong(address, entry | RW);
        assertThatThrownBy(paging::audit).isInstanceOf(InvariantViolation.class).hasMessageStartingWith("ROOT-2");
        memory.writeLong(address, entry);
    }

    @Test
    void guestReadsTheM2pWithoutAFaultAndMayNotWriteIt() {
        paging.switchOn();
        long m2p = io.umbra.shadow.pv.MachineToPhys.LINEAR;
        assertThat(hardware.translate(m2p, USER)).isNotNegative();
        assertThat(touch(m2p, WRITE)).isEqualTo(new GuestFault(WRITE | PageFaultCode.PRESENT));
    }

    @Test
    void updateIsInTheShadowAtOnce() {
        paging.switchOn();
        touch(linear(1), WRITE);
        assertThat(update(1, LongModeEntry.of(data[5], USED))).isZero();
        tables.flush();
        assertThat(hardware.translate(linear(1), USER)).isEqualTo(data[5] << 12);
        assertThat(touch(linear(1), WRITE)).isEqualTo(new GuestFault(WRITE | PageFaultCode.PRESENT));
    }

    @Test
    void storeToATableIsAuditedThoughTheShadowIsEmpty() {
        paging.switchOn();
        long slotAddress = linear(SELF) + 2 * 8;
        assertThat(hardware.translate(slotAddress, WRITE)).isNegative();
        assertThat(hardware.faultCode() & PageFaultCode.PRESENT).isZero();
        store(slotAddress, LongModeEntry.of(data[6], USED | RW));
        tables.flush();
        assertThat(LongModeEntry.frame(entry(2))).isEqualTo(data[6]);
        touch(linear(2), USER);
        assertThat(hardware.translate(linear(2), USER)).isEqualTo(data[6] << 12);
    }

    @Test
    void storeThatTheAuditRefusesIsTheGuestsPageFault() {
        paging.switchOn();
        storeAt = linear(SELF) + 2 * 8;
        stored = LongModeEntry.of(level1, USED | RW);
        assertThat(touch(storeAt, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(paging.emulate(0, Emulate.PAGETABLE, 1)).isInstanceOf(Emulation.Raised.class);
        assertThat(LongModeEntry.frame(entry(2))).isEqualTo(data[2]);
    }

    @Test
    void walksSetAccessedAndDirtyInTheGuestsTables() {
        update(4, LongModeEntry.of(data[4], P | US | RW));
        paging.switchOn();
        touch(linear(4), USER);
        assertThat(entry(4) & (A | D)).isEqualTo(A);
        touch(linear(4), WRITE);
        assertThat(entry(4) & (A | D)).isEqualTo(A | D);
        paging.switchOff();
        assertThat(entry(4) & (A | D)).isEqualTo(A | D);
    }

    @Test
    void frameThatCeasesToBeATableHasNoShadow() {
        paging.switchOn();
        touch(linear(1), USER);
        assertThat(shadows().frames.isShadowed(level1)).isTrue();
        long level2 = LongModeEntry.frame(memory.readLong(LongModeEntry.frame(memory.readLong(level4 << 12)) << 12));
        assertThat(tables.update(level2 << 12, 0, UpdateKind.NORMAL, DOMAIN, DOMAIN))
                .isZero();
        assertThat(shadows().frames.isShadowed(level1)).isFalse();
        assertThat(touch(linear(1), USER)).isEqualTo(new GuestFault(USER));
    }

    // ---- the log

    private void logOn() {
        paging.switchOn();
        paging.logDirty().enable();
    }

    private DirtyBitmap clean() {
        return paging.byPfn(((DirtyRound.Complete) paging.logDirty().clean()).frames());
    }

    @Test
    void withoutShadowsNothingIsLogged() {
        assertThatThrownBy(paging::logDirty).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void writesUpdatesAndStoresToTablesAreLoggedByPfn() {
        logOn();
        touch(linear(1), USER);
        store(linear(2), 7);
        DirtyBitmap round = clean();
        assertThat(round.contains(0x1001)).isFalse();
        assertThat(round.contains(0x1002)).isTrue();
        store(linear(2), 8);
        update(7, LongModeEntry.of(data[1], USED));
        round = clean();
        assertThat(round.contains(0x1002)).isTrue();
        assertThat(round.contains(0x2001)).isTrue();
        assertThat(clean().count()).isZero();
    }

    /** A descriptor of privilege level 0 is given level 3 in place. */
    @Test
    void descriptorsThatTheAuditAdjustsAreLogged() {
        long frame = tables.allocate(0x3001);
        memory.writeLong(frame << 12, 0x00CF_9B00_0000_FFFFL);
        logOn();
        clean();
        assertThat(tables.setGdt(new long[] {frame}, 1)).isZero();
        assertThat(memory.readLong(frame << 12)).isEqualTo(0x00CF_FB00_0000_FFFFL);
        assertThat(clean().contains(0x3001)).isTrue();
    }

    @Test
    void whateverTheGuestPutsIntoTheM2pTheLogGoesOn() {
        logOn();
        assertThat(tables.machphys(data[2], -1)).isZero();
        assertThat(tables.machphys(data[3], 1L << 60)).isZero();
        assertThat(tables.machphys(data[4], 0x1005)).isZero();
        clean();
        for (int i = 2; i < 6; i++) {
            store(linear(i), i);
        }
        DirtyBitmap round = clean();
        assertThat(round.count()).isEqualTo(1);
        assertThat(round.contains(0x1005)).isTrue();
    }

    @Test
    void forcedShadowsStayWhenTheLogEnds() {
        paging.force();
        paging.logDirty().enable();
        paging.logDirty().off();
        paging.switchOff();
        assertThat(paging.hasShadows()).isTrue();
    }

    /** XSA-273: a direct store, in the middle of which hardware's tables become others. */
    @Test
    void xsa273StoreOfAVulnerableEntryForcesShadowsUnderIt() {
        store(linear(SELF) + 2 * 8, LongModeEntry.of(data[2], US | RW));
        expectForced();
        store(linear(SELF) + 2 * 8, LongModeEntry.of(data[5], USED | RW));
        touch(linear(2), WRITE);
        assertThat(hardware.translate(linear(2), WRITE)).isEqualTo(data[5] << 12);
        store(linear(SELF) + 2 * 8, LongModeEntry.of(data[5], US));
        expectForced();
    }

    @Test
    void xsa273UpdateAndValidationForceShadows() {
        assertThat(update(2, 0)).isZero();
        assertThat(paging.isForced()).isFalse();
        long table = tables.allocate(0x2005);
        poke(table, 9, LongModeEntry.of(data[3], 0));
        long level2 = LongModeEntry.frame(memory.readLong(LongModeEntry.frame(memory.readLong(level4 << 12)) << 12));
        assertThat(tables.update(
                        (level2 << 12) + 8, LongModeEntry.of(table, USED | RW), UpdateKind.NORMAL, DOMAIN, DOMAIN))
                .isZero();
        expectForced();
        assertThat(touch(linear(512 + 9), USER)).isEqualTo(new GuestFault(USER));
        expectForced();
    }

    /** While the log is on, shadows are there already, and stay when it ends. */
    @Test
    void xsa273ShadowsThatTheLogHadStayWhenItEnds() {
        logOn();
        assertThat(update(2, LongModeEntry.of(data[2], US))).isZero();
        paging.logDirty().off();
        paging.switchOff();
        expectForced();
        assertThat(paging.counters().get(Counter.PV_SHADOWS_ON)).isEqualTo(1);
        logOn();
        store(linear(3), 7);
        assertThat(clean().contains(0x1003)).isTrue();
        paging.switchOff();
        expectForced();
    }

    /** Hardware finds no entry that is vulnerable, however the guest's faults have filled what it walks. */
    private void expectForced() {
        assertThat(paging.isForced()).isTrue();
        for (int slot = 0; slot < 512; slot++) {
            touch(linear(slot), USER);
        }
        expectSafe(((HardwarePaging.Shadow) hardware.loaded()).root(), 4);
        assertThat(paging.hasShadows()).isTrue();
    }

    private void expectSafe(long table, int level) {
        for (int slot = 0; slot < 512; slot++) {
            long entry = memory.readLong(table + slot * 8L);
            if (!LongModeEntry.isPresent(entry)) {
                assertThat(entry & 0xFF_FFFF_F000L)
                        .as("level %d slot %d", level, slot)
                        .isZero();
                assertThat(level > 1 && (entry & LongModeEntry.PAGE_SIZE) != 0).isFalse();
            } else if (level > 1 && (level < 4 || !reserved(slot))) {
                expectSafe(LongModeEntry.frame(entry) << 12, level - 1);
            }
        }
    }

    private static boolean reserved(int slot) {
        return slot >= ReservedSlots.FIRST && slot < ReservedSlots.FIRST + ReservedSlots.COUNT;
    }

    // ---- at random

    /** Updates, stores and touches, with the switch turned between any two of them: the guest sees what its tables say. */
    @Test
    void switchedAtAnyMomentTheGuestSeesItsOwnTables() {
        for (long seed = 1; seed <= 20; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            for (int step = 0; step < 300; step++) {
                takeStep(random);
                if (step % 10 == 0) {
                    paging.audit();
                }
            }
        }
    }

    private void takeStep(SplittableRandom random) {
        int slot = random.nextInt(PAGES);
        long entry = LongModeEntry.of(data[random.nextInt(PAGES)], random.nextBoolean() ? USED | RW : USED);
        switch (random.nextInt(8)) {
            case 0 -> paging.switchOn();
            case 1 -> paging.switchOff();
            case 2 -> {
                assertThat(update(slot, random.nextInt(5) == 0 ? 0 : entry)).isZero();
                tables.flush();
            }
            case 3 -> {
                store(linear(SELF) + slot * 8L, entry);
                tables.flush();
            }
            default -> {
                int access = random.nextBoolean() ? WRITE : USER;
                FaultOutcome outcome = touch(linear(slot), access);
                long now = entry(slot);
                boolean permitted = LongModeEntry.isPresent(now) && (access == USER || LongModeEntry.isWritable(now));
                if (permitted) {
                    assertThat(hardware.translate(linear(slot), access)).isEqualTo(LongModeEntry.frame(now) << 12);
                } else {
                    assertThat(outcome).isEqualTo(new GuestFault(access | (int) (now & P)));
                }
            }
        }
    }
}
