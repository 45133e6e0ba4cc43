package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.x86.Cr0;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NestedLogDirtyTest {
    private static final long LARGE = 512;
    private static final int WRITE = PageFaultCode.WRITE;

    private final MachineMemory memory = new MachineMemory(8192);
    private final FrameAllocator allocator = new FrameAllocator(8192, 7);
    private final P2m p2m = new P2m(memory, allocator);
    private final NestedPaging paging = new NestedPaging(memory, p2m, DeviceMemory.NONE);
    private final LogDirty log = paging.logDirty();
    private int flushes;

    NestedLogDirtyTest() {
        for (long gfn = 0; gfn < 64; gfn++) {
            p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
        }
        p2m.set(64, 1, allocator.allocate(), P2mType.READ_ONLY);
        p2m.set(65, 1, 0, P2mType.MMIO);
        p2m.set(LARGE, 2, allocator.allocateRun(), P2mType.RAM);
        VcpuState state = new VcpuState();
        state.cr0 = Cr0.PROTECTION;
        Tlb tlb = new Tlb() {
            @Override
            public void load(HardwarePaging loaded) {}

            @Override
            public void invalidate(long linear) {}

            @Override
            public void flush() {
                flushes++;
            }
        };
        paging.attach(state, tlb, port -> {
            port.write(0x5000, 8, 77, 0);
            return Emulation.Done.COMPLETE;
        });
    }

    @AfterEach
    void everyRuleHolds() {
        paging.audit();
        memory.close();
    }

    private boolean hardwareMayWrite(long gfn) {
        return LongModeEntry.isWritable(p2m.lookup(gfn));
    }

    private DirtyBitmap clean() {
        return ((DirtyRound.Complete) log.clean()).frames();
    }

    @Test
    void firstWriteToAFrameMarksItAndLaterOnesDoNotFault() {
        log.enable();
        assertThat(hardwareMayWrite(5)).isFalse();
        assertThat(P2m.isWritable(p2m.lookup(5))).as("the guest may").isTrue();
        assertThat(paging.nestedFault(0, 0x5123, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(hardwareMayWrite(5)).isTrue();
        assertThat(hardwareMayWrite(6)).isFalse();
        assertThat(log.dirtyCount()).isEqualTo(1);
        assertThat(log.faultCount()).isEqualTo(1);
        int before = flushes;
        assertThat(clean().contains(5)).isTrue();
        assertThat(flushes).isEqualTo(before + 1);
        assertThat(hardwareMayWrite(5)).isFalse();
        assertThat(clean().count()).isZero();
        assertThat(flushes).as("an idle round costs nothing").isEqualTo(before + 1);
    }

    @Test
    void largeLeafIsSplitByTheFirstWriteToIt() {
        long mfn = P2m.mfn(p2m.lookup(LARGE));
        log.enable();
        assertThat(paging.nestedFault(0, LARGE + 7 << 12, WRITE)).isEqualTo(Fixed.FIXUP);
        for (long i = 0; i < 512; i++) {
            assertThat(P2m.mfn(p2m.lookup(LARGE + i))).isEqualTo(mfn + i);
            assertThat(hardwareMayWrite(LARGE + i)).isEqualTo(i == 7);
        }
        assertThat(clean().count()).isEqualTo(1);
        assertThat(hardwareMayWrite(LARGE + 7)).isFalse();
    }

    @Test
    void offGivesAllRightsBackAndTypesAreAsBefore() {
        log.enable();
        paging.nestedFault(0, 0x5000, WRITE);
        log.off();
        assertThat(hardwareMayWrite(5) && hardwareMayWrite(6) && hardwareMayWrite(LARGE + 9))
                .isTrue();
        assertThat(P2m.type(p2m.lookup(6))).isEqualTo(P2mType.RAM);
        assertThat(P2m.type(p2m.lookup(64))).isEqualTo(P2mType.READ_ONLY);
        assertThat(P2m.type(p2m.lookup(65))).isEqualTo(P2mType.MMIO);
    }

    @Test
    void readOnlyMemoryAndDevicesAreAsWithoutTheLog() {
        log.enable();
        assertThat(paging.nestedFault(0, 64 << 12, WRITE)).isEqualTo(Emulate.READ_ONLY);
        assertThat(paging.nestedFault(0, 65 << 12, WRITE)).isEqualTo(Emulate.MMIO);
        assertThat(log.dirtyCount()).isZero();
    }

    @Test
    void emulatedStoresReachTheirFrameAndMarkIt() {
        log.enable();
        paging.emulate(0, Emulate.MMIO, 1);
        assertThat(memory.readLong(P2m.mfn(p2m.lookup(5)) << 12)).isEqualTo(77);
        assertThat(clean().contains(5)).isTrue();
    }

    @Test
    void devicesAndChangesOfTheP2mMark() {
        log.enable();
        paging.memoryWritten(0x9FFF, 2);
        p2m.set(20, 1, allocator.allocate(), P2mType.RAM);
        p2m.set(21, 1, 0, P2mType.HOLE);
        DirtyBitmap dirty = clean();
        assertThat(dirty.count()).isEqualTo(4);
        assertThat(dirty.contains(9) && dirty.contains(10) && dirty.contains(20) && dirty.contains(21))
                .isTrue();
        assertThat(hardwareMayWrite(20)).isFalse();
    }

    @Test
    void aTrackedRangeAndTheLogAreIndependent() {
        log.enable();
        paging.vram().begin(5, 2);
        paging.nestedFault(0, 0x5000, WRITE);
        log.clean();
        assertThat(paging.nestedFault(0, 0x5000, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(paging.vram().query().cardinality()).isEqualTo(1);
        assertThat(paging.nestedFault(0, 0x5000, WRITE)).isEqualTo(Fixed.FIXUP);
        log.off();
        assertThat(hardwareMayWrite(6)).as("still tracked").isFalse();
        paging.vram().begin(0, 0);
        assertThat(hardwareMayWrite(6)).isTrue();
    }

    @Test
    void frameThatIsWritableAndNotInTheBitmapBreaksLog1() {
        log.enable();
        p2m.allowWrites(9);
        assertThatThrownBy(paging::audit)
                .isInstanceOf(InvariantViolation.class)
                .hasMessageStartingWith("LOG-1: gfn 0x9 ");
        p2m.withholdWrites(9);
    }

    @Test
    void theTypeOfTheLogIsNotToBeSet() {
        assertThatThrownBy(() -> p2m.set(5, 1, 100, P2mType.LOG_DIRTY)).isInstanceOf(IllegalArgumentException.class);
    }
}
