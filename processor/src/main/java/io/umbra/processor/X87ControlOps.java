package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** Control instructions that leave the stack alone: they are not remembered as the last instruction. Intel SDM vol. 1, 8.3.12. */
final class X87ControlOps {
    private X87ControlOps() {}

    static Op nothing(Instruction i) {
        boolean isCoprocessorControl = (i.opcode & 7) == 3;
        return isCoprocessorControl ? new Ignored() : new Nothing(i);
    }

    static Op storeControl(Instruction i, int offsetInPage) {
        return new StoreControl(i.address(offsetInPage));
    }

    static Op loadControl(Instruction i, int offsetInPage) {
        return new LoadControl(i.address(offsetInPage));
    }

    static Op storeStatus(Instruction i, int offsetInPage) {
        return i.hasMemory() ? new StoreStatus(i.address(offsetInPage)) : new StoreStatusInAx();
    }

    private static final class Nothing extends X87Op {
        Nothing(Instruction i) {
            super(i);
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {}
    }

    /** FNENI, FNDISI and FNSETPM, which mattered to the 8087 and the 80287. */
    private static final class Ignored extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
        }
    }

    /** WAIT: #NM only while CR0.MP and CR0.TS are both set. */
    static final class Wait extends Op {
        @Override
        void execute(Cpu cpu) {
            long both = Cr0.MONITOR_COPROCESSOR | Cr0.TASK_SWITCHED;
            if ((cpu.state.cr0 & both) == both) {
                throw cpu.fault(Vector.DEVICE_NOT_AVAILABLE);
            }
            cpu.x87.checkPending(cpu);
        }
    }

    static final class Initialise extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.x87.initialise();
        }
    }

    static final class ClearExceptions extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.x87.clearExceptions();
        }
    }

    private static final class LoadControl extends MemoryOp {
        LoadControl(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.x87.checkPending(cpu);
            cpu.x87.control((int) cpu.load16(address.linear(cpu, 2)));
        }
    }

    private static final class StoreControl extends MemoryOp {
        StoreControl(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.store16(address.linearForWrite(cpu, 2), cpu.state.x87Control);
        }
    }

    private static final class StoreStatus extends MemoryOp {
        StoreStatus(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.store16(address.linearForWrite(cpu, 2), cpu.state.x87Status);
        }
    }

    private static final class StoreStatusInAx extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.setRegister(VcpuState.RAX, 2, cpu.state.x87Status);
        }
    }
}
