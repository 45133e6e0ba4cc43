package io.umbra.processor;

import io.umbra.x86.Cr4;

/** LDMXCSR, STMXCSR, FXSAVE and FXRSTOR. */
final class VectorStateOps {
    private VectorStateOps() {}

    static Op loadMxcsr(Instruction i, int offsetInPage) {
        return new LoadMxcsr(i.vex, i.address(offsetInPage));
    }

    static Op storeMxcsr(Instruction i, int offsetInPage) {
        return new StoreMxcsr(i.vex, i.address(offsetInPage));
    }

    static Op save(Instruction i, int offsetInPage) {
        return new Save(i, offsetInPage);
    }

    static Op restore(Instruction i, int offsetInPage) {
        return new Restore(i, offsetInPage);
    }

    private abstract static class MxcsrOp extends MemoryOp {
        private final boolean vex;

        MxcsrOp(boolean vex, Address address) {
            super(address);
            this.vex = vex;
        }

        final void check(Cpu cpu) {
            if (vex) {
                cpu.checkAvx();
            } else {
                cpu.checkSse();
            }
        }
    }

    private static final class LoadMxcsr extends MxcsrOp {
        LoadMxcsr(boolean vex, Address address) {
            super(vex, address);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.state.mxcsr = Mxcsr.checked(cpu, (int) cpu.load32(address.linear(cpu, 4)));
        }
    }

    private static final class StoreMxcsr extends MxcsrOp {
        StoreMxcsr(boolean vex, Address address) {
            super(vex, address);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.store32(address.linearForWrite(cpu, 4), cpu.state.mxcsr);
        }
    }

    private static boolean hasSse(Cpu cpu) {
        return (cpu.state.cr4 & Cr4.FXSAVE) != 0;
    }

    private static final class Save extends FxsaveImage {
        Save(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            long linear = checkAlignment(cpu, address.linearForWrite(cpu, BYTES), SLOT);
            cpu.probeWrite(linear, BYTES);
            saveX87(cpu, linear);
            if (hasSse(cpu)) {
                saveMxcsr(cpu, linear);
                saveXmm(cpu, linear);
            }
        }
    }

    private static final class Restore extends FxsaveImage {
        Restore(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            long linear = checkAlignment(cpu, address.linear(cpu, BYTES), SLOT);
            cpu.probeRead(linear, BYTES);
            if (hasSse(cpu)) {
                cpu.state.mxcsr = Mxcsr.checked(cpu, (int) cpu.load32(linear + MXCSR));
                restoreXmm(cpu, linear);
            }
            restoreX87(cpu, linear);
        }
    }
}
