package io.umbra.processor;

import java.lang.invoke.VarHandle;

/** Instructions that compute nothing: NOP and hints, fences, CLFLUSH. */
final class MiscOps {
    private MiscOps() {}

    /** NOP, PAUSE, hints and prefetches: no access is made and no fault is raised, whatever the operand. */
    static final class Nothing extends Op {
        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {}

        @Override
        void execute(Cpu cpu) {}
    }

    static final class Fence extends Op {
        @Override
        void execute(Cpu cpu) {
            VarHandle.fullFence();
        }
    }

    /** CLFLUSH: there is no cache to flush, but the line must be readable. */
    static final class FlushLine extends MemoryOp {
        FlushLine(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.probeRead(address.linear(cpu, 1), 1);
        }
    }
}
