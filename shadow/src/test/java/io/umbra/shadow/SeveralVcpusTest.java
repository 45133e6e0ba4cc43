package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Walk;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * One engine with several vCPUs, whose instructions take turns: what one does to tables, roots and the P2M, as another sees it. No two run at the same instant; what can go wrong between two
 * instructions shows all the same.
 */
class SeveralVcpusTest {
    private static final long P = LongModeEntry.PRESENT;
    private static final long RW = LongModeEntry.WRITABLE;
    private static final long A = LongModeEntry.ACCESSED;
    private static final long D = LongModeEntry.DIRTY;
    private static final long KERNEL = P | RW;
    private static final int READ = 0;
    private static final int WRITE = PageFaultCode.WRITE;

    /** Two roots over the same lower tables; all of memory is mapped at {@link #direct}. */
    private static final long ROOT = 1;

    private static final long OTHER_ROOT = 2;
    private static final long LEVEL_3 = 3;
    private static final long LEVEL_2 = 4;
    private static final long LEVEL_1 = 5;
    private static final long SECOND_LEVEL_1 = 6;
    private static final long DIRECT_LEVEL_1 = 7;
    private static final long DATA = 10;
    private static final int FRAMES = 64;

    private final MachineMemory memory = new MachineMemory(8192);
    private final FrameAllocator allocator = new FrameAllocator(8192, 11);
    private final P2m p2m = new P2m(memory, allocator);
    private final PhysicalMemory physical = new GuestPhysical();
    private ShadowPaging engine = new ShadowPaging(memory, allocator, p2m, DeviceMemory.NONE, SmallGuest.POLICY);
    private final List<Processor> vcpus = new ArrayList<>();

    /** One vCPU: its registers, its hardware, and one store at a time. */
    private final class Processor {
        private final int number = vcpus.size();
        private final VcpuState state = new VcpuState();
        private final HardwareWalk hardware = new HardwareWalk(memory, state);
        private long storeAt;
        private long stored;
        /** Tables have changed since its last flush: what it sees may be older. */
        private boolean mayBeStale;

        Processor(boolean paging) {
            state.cr0 = Cr0.PROTECTION | Cr0.WRITE_PROTECT | (paging ? Cr0.PAGING : 0);
            state.cr3 = ROOT << 12;
            state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_SIZE_EXTENSIONS;
            state.efer = Efer.NO_EXECUTE | Efer.LONG_MODE_ENABLE | (paging ? Efer.LONG_MODE_ACTIVE : 0);
            engine.attach(state, hardware, this::emulate);
        }

        private Emulation emulate(LinearMemory port) {
            port.write(storeAt, 8, stored, 0);
            return Emulation.Done.COMPLETE;
        }

        /** @return the last outcome, null when nothing faulted */
        FaultOutcome touch(long linear, int access) {
            FaultOutcome outcome = null;
            for (int tries = 0; tries < 12 && hardware.translate(linear, access) < 0; tries++) {
                outcome = engine.pageFault(number, linear, hardware.faultCode());
                if (!(outcome instanceof Fixed)) {
                    return outcome;
                }
            }
            return outcome;
        }

        void store(long linear, long value) {
            storeAt = linear;
            stored = value;
            for (int tries = 0; tries < 12; tries++) {
                FaultOutcome outcome = touch(linear, WRITE);
                if (outcome instanceof GuestFault) {
                    return;
                }
                if (outcome instanceof Emulate reason) {
                    if (engine.emulate(number, reason, 1) == Emulation.Done.COMPLETE) {
                        return;
                    }
                } else {
                    memory.writeLong(hardware.translate(linear, WRITE), value);
                    return;
                }
            }
            throw new AssertionError("the store does not come to an end");
        }

        void loadCr3(long gfn) {
            long old = state.cr3;
            state.cr3 = gfn << 12;
            engine.controlRegisterWritten(number, 3, old);
            mayBeStale = false;
        }

        void invalidate(long linear) {
            hardware.invalidate(linear);
            engine.invalidatePage(number, linear);
        }

        boolean maps(long linear, int access) {
            return hardware.translate(linear, access) >= 0;
        }

        /** What the definition says of an access, which is not made. */
        Walk definition(long linear, int access) {
            return DefinitionWalker.walk(PagingRegisters.of(state, 40, true, true), physical, linear, access, false);
        }
    }

    private final class GuestPhysical implements PhysicalMemory {
        private long machine(long address) {
            return mfn(address >>> 12) << 12 | address & 0xFFF;
        }

        @Override
        public int readInt(long guestPhysical) {
            return memory.readInt(machine(guestPhysical));
        }

        @Override
        public long readLong(long guestPhysical) {
            return P2m.isBacked(p2m.lookup(guestPhysical >>> 12)) ? memory.readLong(machine(guestPhysical)) : 0;
        }

        @Override
        public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
            return memory.compareAndSetInt(machine(guestPhysical), expected, value);
        }

        @Override
        public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
            return memory.compareAndSetLong(machine(guestPhysical), expected, value);
        }
    }

    SeveralVcpusTest() {
        for (long gfn = 0; gfn < FRAMES; gfn++) {
            p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
        }
        for (long root : new long[] {ROOT, OTHER_ROOT}) {
            poke(root, 0, LongModeEntry.of(LEVEL_3, KERNEL | LongModeEntry.USER));
        }
        poke(LEVEL_3, 0, LongModeEntry.of(LEVEL_2, KERNEL));
        poke(LEVEL_2, 0, LongModeEntry.of(LEVEL_1, KERNEL));
        poke(LEVEL_2, 1, LongModeEntry.of(SECOND_LEVEL_1, KERNEL));
        poke(LEVEL_2, 2, LongModeEntry.of(DIRECT_LEVEL_1, KERNEL));
        for (int gfn = 0; gfn < FRAMES; gfn++) {
            poke(DIRECT_LEVEL_1, gfn, LongModeEntry.of(gfn, KERNEL | A | D));
        }
        for (int i = 0; i < 8; i++) {
            poke(LEVEL_1, i, LongModeEntry.of(DATA + i, KERNEL));
            poke(SECOND_LEVEL_1, i, LongModeEntry.of(DATA + 8 + i, KERNEL));
        }
    }

    private void start(int count, ShadowPolicy policy) {
        engine.close();
        engine = new ShadowPaging(memory, allocator, p2m, DeviceMemory.NONE, policy);
        vcpus.clear();
        for (int i = 0; i < count; i++) {
            vcpus.add(new Processor(true));
        }
    }

    private Processor vcpu(int number) {
        return vcpus.get(number);
    }

    private long mfn(long gfn) {
        return P2m.mfn(p2m.lookup(gfn));
    }

    private void poke(long table, int slot, long entry) {
        memory.writeLong((mfn(table) << 12) + slot * 8L, entry);
    }

    private long entry(long table, int slot) {
        return memory.readLong((mfn(table) << 12) + slot * 8L);
    }

    /** Where the guest maps all of its memory. */
    private static long direct(long gfn, int slot) {
        return 0x40_0000 + (gfn << 12) + slot * 8L;
    }

    private long count(Counter counter) {
        return engine.counters().get(counter);
    }

    @AfterEach
    void auditAndClose() {
        assertThat(Auditor.audit(engine)).isEmpty();
        engine.close();
        memory.close();
    }

    @Test
    void secondToTouchANewPageFindsItThere() {
        start(2, SmallGuest.POLICY);
        vcpu(0).touch(0x1000, READ);
        assertThat(vcpu(1).maps(0x1000, READ)).isTrue();
        assertThat(engine.pageFault(1, 0x1000, READ)).isEqualTo(Fixed.SPURIOUS);
        assertThat(count(Counter.SPURIOUS)).isEqualTo(1);
    }

    @Test
    void frameThatOneMakesATableIsReadOnlyToTheOther() {
        start(2, SmallGuest.POLICY);
        vcpu(1).store(direct(30, 0), 0);
        assertThat(vcpu(1).maps(direct(30, 0), WRITE)).isTrue();
        vcpu(0).store(direct(LEVEL_2, 3), LongModeEntry.of(30, KERNEL));
        vcpu(0).store(direct(30, 1), LongModeEntry.of(DATA, KERNEL));
        vcpu(0).touch(0x60_1000, READ);
        assertThat(vcpu(1).maps(direct(30, 0), WRITE)).isFalse();
        assertThat(vcpu(1).touch(direct(30, 0), WRITE)).isEqualTo(Emulate.PAGETABLE);
    }

    @Test
    void tableWriteOfOneIsInTheShadowsOfBoth() {
        start(2, SmallGuest.POLICY);
        vcpu(1).loadCr3(OTHER_ROOT);
        vcpu(0).touch(0x1000, READ);
        vcpu(1).touch(0x1000, READ);
        vcpu(0).store(direct(LEVEL_1, 1), LongModeEntry.of(DATA + 5, KERNEL | A));
        vcpu(1).loadCr3(OTHER_ROOT);
        assertThat(vcpu(1).hardware.translate(0x1000, READ)).isEqualTo(mfn(DATA + 5) << 12);
    }

    @Test
    void invalidationOfOneLeavesTheOthersTlbAlone() {
        start(2, SmallGuest.POLICY);
        vcpu(0).touch(0x1000, READ);
        vcpu(1).touch(0x1000, READ);
        vcpu(0).store(direct(LEVEL_1, 1), 0);
        vcpu(0).invalidate(0x1000);
        assertThat(vcpu(0).maps(0x1000, READ)).isFalse();
        assertThat(vcpu(1).maps(0x1000, READ)).isTrue();
    }

    @Test
    void p2mChangeReachesEveryTlb() {
        start(3, SmallGuest.POLICY);
        for (Processor vcpu : vcpus) {
            vcpu.touch(0x2000, READ);
        }
        p2m.set(DATA + 2, 1, allocator.allocate(), P2mType.RAM);
        assertThat(vcpus).noneMatch(vcpu -> vcpu.maps(0x2000, READ));
        for (Processor vcpu : vcpus) {
            vcpu.touch(0x2000, READ);
            assertThat(vcpu.hardware.translate(0x2000, READ)).isEqualTo(mfn(DATA + 2) << 12);
        }
    }

    @Test
    void rootThatBothHoldStaysWhenOneLeaves() {
        start(2, SmallGuest.POLICY);
        vcpu(0).touch(0x1000, READ);
        vcpu(1).loadCr3(OTHER_ROOT);
        assertThat(vcpu(0).maps(0x1000, READ)).isTrue();
        vcpu(1).loadCr3(ROOT);
        assertThat(vcpu(1).maps(0x1000, READ)).isTrue();
    }

    @Test
    void oneMayStartWithoutPaging() {
        start(1, SmallGuest.POLICY);
        vcpu(0).touch(0x1000, READ);
        vcpus.add(new Processor(false));
        vcpu(1).touch(DATA << 12, WRITE);
        assertThat(vcpu(1).hardware.translate(DATA << 12, WRITE)).isEqualTo(mfn(DATA) << 12);
        assertThat(vcpu(0).maps(0x1000, READ)).isTrue();
    }

    /** While one of them does not page, nobody's flush says when a table must be right again. */
    @Test
    void nothingGoesOutOfSyncWhileOneDoesNotPage() {
        start(1, SmallGuest.POLICY.with(PolicyOption.COHERENCE, "out-of-sync"));
        vcpus.add(new Processor(false));
        vcpu(0).touch(0x1000, READ);
        vcpu(0).store(direct(LEVEL_1, 2), LongModeEntry.of(DATA, KERNEL));
        assertThat(count(Counter.UNSYNC)).isZero();
    }

    @Test
    void othersFlushBringsTheContentsUpToDateAndLeavesTheTableToItsWriter() {
        start(2, SmallGuest.POLICY.with(PolicyOption.COHERENCE, "out-of-sync"));
        vcpu(0).touch(0x1000, READ);
        vcpu(1).touch(0x1000, READ);
        vcpu(0).store(direct(LEVEL_1, 1), LongModeEntry.of(DATA + 5, KERNEL | A));
        assertThat(engine.frames.isOutOfSync(mfn(LEVEL_1))).isTrue();
        assertThat(vcpu(1).hardware.translate(0x1000, READ)).isEqualTo(mfn(DATA + 1) << 12);
        vcpu(1).loadCr3(ROOT);
        assertThat(engine.frames.isOutOfSync(mfn(LEVEL_1))).isTrue();
        assertThat(vcpu(1).hardware.translate(0x1000, READ)).isEqualTo(mfn(DATA + 5) << 12);
        vcpu(0).loadCr3(ROOT);
        assertThat(engine.frames.isOutOfSync(mfn(LEVEL_1))).isFalse();
    }

    @Test
    void eachVcpuHasSlotsOfItsOwn() {
        start(2, SmallGuest.POLICY.with(PolicyOption.COHERENCE, "out-of-sync").with(PolicyOption.OOS_SLOTS, "1"));
        vcpu(0).touch(0x1000, READ);
        vcpu(0).touch(0x20_1000, READ);
        vcpu(0).store(direct(LEVEL_1, 1), LongModeEntry.of(DATA + 5, KERNEL | A));
        vcpu(1).store(direct(SECOND_LEVEL_1, 1), LongModeEntry.of(DATA + 5, KERNEL | A));
        assertThat(engine.frames.isOutOfSync(mfn(LEVEL_1))).isTrue();
        assertThat(engine.frames.isOutOfSync(mfn(SECOND_LEVEL_1))).isTrue();
    }

    @Test
    void reclaimEmptiesTheRootsOfAll() {
        start(2, SmallGuest.POLICY);
        vcpu(1).loadCr3(OTHER_ROOT);
        vcpu(0).touch(0x1000, READ);
        vcpu(1).touch(0x1000, READ);
        engine.blow();
        assertThat(vcpu(0).maps(0x1000, READ)).isFalse();
        assertThat(vcpu(1).maps(0x1000, READ)).isFalse();
    }

    /** Between a walk's read of an entry and its update of A, another processor writes the entry: its write stands, and the walk is made again. */
    @Test
    void entryThatAnotherChangesUnderTheWalkIsNotLost() {
        start(1, SmallGuest.POLICY);
        engine.logDirty().enable();
        boolean[] raced = {false};
        engine.logDirty().watch((gfn, cause) -> {
            if (cause == DirtyCause.WALK && gfn == LEVEL_1 && !raced[0]) {
                raced[0] = true;
                poke(LEVEL_1, 1, LongModeEntry.of(DATA + 6, KERNEL));
            }
        });
        vcpu(0).touch(0x1000, READ);
        assertThat(raced[0]).isTrue();
        assertThat(entry(LEVEL_1, 1)).isEqualTo(LongModeEntry.of(DATA + 6, KERNEL | A));
        assertThat(vcpu(0).hardware.translate(0x1000, READ)).isEqualTo(mfn(DATA + 6) << 12);
    }

    // ---- at random

    /** Four vCPUs edit tables, touch pages and flush, in any order. Who has flushed since the last edit sees what the definition says; the rules hold after each step. */
    @ParameterizedTest
    @EnumSource(Coherence.class)
    void turnsInAnyOrderAgreeWithTheDefinition(Coherence coherence) {
        String label = coherence.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        for (long seed = 1; seed <= 6; seed++) {
            start(4, SmallGuest.POLICY.with(PolicyOption.COHERENCE, label));
            SplittableRandom random = new SplittableRandom(seed);
            for (int step = 0; step < 400; step++) {
                takeTurn(vcpu(random.nextInt(4)), random);
                assertThat(Auditor.audit(engine))
                        .as("seed %d, step %d", seed, step)
                        .isEmpty();
            }
        }
    }

    private void takeTurn(Processor vcpu, SplittableRandom random) {
        int slot = random.nextInt(8);
        long table = random.nextBoolean() ? LEVEL_1 : SECOND_LEVEL_1;
        long linear = (table == LEVEL_1 ? 0 : 0x20_0000) + ((long) slot << 12);
        switch (random.nextInt(10)) {
            case 0, 1, 2 -> {
                long flags = random.nextInt(4) == 0 ? 0 : P | (random.nextBoolean() ? RW : 0);
                for (Processor other : vcpus) {
                    other.mayBeStale = true;
                }
                vcpu.store(direct(table, slot), LongModeEntry.of(DATA + random.nextInt(16), flags));
            }
            case 3, 4 -> vcpu.loadCr3(random.nextBoolean() ? ROOT : OTHER_ROOT);
            case 5 -> vcpu.invalidate(linear);
            case 6 -> engine.blow();
            default -> {
                int access = random.nextBoolean() ? WRITE : READ;
                Walk expected = vcpu.definition(linear, access);
                FaultOutcome outcome = vcpu.touch(linear, access);
                if (!vcpu.mayBeStale) {
                    agrees(vcpu, linear, access, expected, outcome);
                }
            }
        }
    }

    private void agrees(Processor vcpu, long linear, int access, Walk expected, FaultOutcome outcome) {
        switch (expected) {
            case Walk.Mapped mapped ->
                assertThat(vcpu.hardware.translate(linear, access)).isEqualTo(mfn(mapped.guestPhysical() >>> 12) << 12);
            case Walk.Fault fault -> assertThat(outcome).isEqualTo(new GuestFault(fault.code()));
            case Walk.NonCanonical _ -> throw new AssertionError("no address is");
        }
    }
}
