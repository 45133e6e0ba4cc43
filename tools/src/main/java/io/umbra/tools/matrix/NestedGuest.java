package io.umbra.tools.matrix;

import io.umbra.processor.HardwareWalk;
import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.DeviceMemory;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.NestedPaging;
import io.umbra.shadow.P2m;
import io.umbra.shadow.Paging;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;

/** The same small guest under nested paging: the software processor's own walker walks its tables and the P2M, and only what the P2M refuses comes to the engine. */
class NestedGuest extends ShadowedGuest {
    NestedGuest(MatrixMode mode) {
        super(mode, ShadowPolicy.DEFAULT);
    }

    @Override
    Paging engine(MachineMemory memory, FrameAllocator allocator, P2m map, DeviceMemory devices, ShadowPolicy policy) {
        return new NestedPaging(memory, map, devices);
    }

    @Override
    Hardware hardware(MachineMemory memory, VcpuState state) {
        return new Walker(new SoftwareProcessor(state, memory));
    }

    /** The processor does this itself. */
    @Override
    boolean loadPointers(Paging paging, VcpuState state) {
        for (int i = 0; i < state.pdpte.length; i++) {
            state.pdpte[i] = pointerInMemory(i);
        }
        return true;
    }

    /** The processor's walks, each made anew. */
    static class Walker implements Hardware {
        private final SoftwareProcessor processor;
        private HardwareWalk last = new HardwareWalk.PageFault(0);

        Walker(SoftwareProcessor processor) {
            this.processor = processor;
        }

        @Override
        public long translate(long linear, int access) {
            last = processor.walk(linear, access);
            return last instanceof HardwareWalk.Mapped(long address) ? address : -1;
        }

        /** Page faults are the guest's own business. */
        @Override
        public FaultOutcome refused(Paging engine, long linear) {
            return switch (last) {
                case HardwareWalk.PageFault(int code) -> new GuestFault(code & ~PageFaultCode.IMPLICIT);
                case HardwareWalk.NestedFault(long address, int access) -> engine.nestedFault(0, address, access);
                case HardwareWalk.Mapped _ -> throw new IllegalStateException("nothing was refused");
            };
        }

        @Override
        public void load(HardwarePaging paging) {
            processor.load(paging);
        }

        @Override
        public void invalidate(long linear) {}

        @Override
        public void flush() {}
    }
}
