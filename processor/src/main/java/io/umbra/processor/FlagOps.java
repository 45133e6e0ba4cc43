package io.umbra.processor;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** Instructions on RFLAGS itself: CLC, STC, CMC, CLD, STD, LAHF, SAHF, PUSHF, POPF, CLI, STI. Intel SDM vol. 2; AMD APM vol. 3. */
final class FlagOps {
    private static final long AH_FLAGS = RFlags.CARRY | RFlags.PARITY | RFlags.AUXILIARY | RFlags.ZERO | RFlags.SIGN;
    /** What POPF may always change. */
    private static final long FREELY_CHANGED = RFlags.STATUS
            | RFlags.TRAP
            | RFlags.DIRECTION
            | RFlags.NESTED_TASK
            | RFlags.ALIGNMENT_CHECK
            | RFlags.IDENTIFICATION;

    private FlagOps() {}

    static Op pushFlags(Instruction i) {
        return new PushFlags(i.operandSize);
    }

    static Op popFlags(Instruction i) {
        return new PopFlags(i.operandSize);
    }

    static int ioPrivilege(Cpu cpu) {
        return (int) (cpu.state.rflags >>> 12) & 3;
    }

    /** In virtual-8086 mode PUSHF, POPF and INT n need an IOPL of 3. */
    static void requireVirtualPrivilege(Cpu cpu) {
        if ((cpu.state.rflags & RFlags.VIRTUAL_8086) != 0 && ioPrivilege(cpu) < 3) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    private static void requireIoPrivilege(Cpu cpu) {
        if (cpu.state.cpl > ioPrivilege(cpu)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    /** What POPF may change. */
    static long changeable(Cpu cpu) {
        long interrupt = cpu.state.cpl <= ioPrivilege(cpu) ? RFlags.INTERRUPT : 0;
        long privilege = cpu.state.cpl == 0 ? RFlags.IO_PRIVILEGE : 0;
        return FREELY_CHANGED | interrupt | privilege;
    }

    static final class SetCarry extends Op {
        private final boolean value;

        SetCarry(boolean value) {
            this.value = value;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.flags.carry(value);
        }
    }

    static final class ComplementCarry extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.flags.carry(!cpu.flags.carry());
        }
    }

    static final class ClearDirection extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.state.rflags &= ~RFlags.DIRECTION;
        }
    }

    static final class SetDirection extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.state.rflags |= RFlags.DIRECTION;
        }
    }

    static final class LoadIntoAh extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.setHighByte(VcpuState.RAX, cpu.flags.toRFlags() & AH_FLAGS | RFlags.ALWAYS_ONE);
        }
    }

    static final class StoreFromAh extends Op {
        @Override
        void execute(Cpu cpu) {
            long kept = cpu.flags.toRFlags() & RFlags.OVERFLOW;
            cpu.flags.fromRFlags(cpu.highByte(VcpuState.RAX) & AH_FLAGS | kept);
        }
    }

    /** RF and VM are pushed as 0. */
    private static final class PushFlags extends StackOps.StackOp {
        private final int size;

        PushFlags(int size) {
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            requireVirtualPrivilege(cpu);
            Stack.push(cpu, size, cpu.rflags() & ~(RFlags.RESUME | RFlags.VIRTUAL_8086));
        }
    }

    /** IOPL changes at CPL 0 only, IF when CPL ≤ IOPL; neither raises an exception. RF is cleared; VM, VIF and VIP stay. */
    private static final class PopFlags extends StackOps.StackOp {
        private final int size;

        PopFlags(int size) {
            this.size = size;
        }

        @Override
        boolean endsBlock() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            requireVirtualPrivilege(cpu);
            long changed = changeable(cpu) & Place.mask(size);
            long value = Stack.top(cpu, size);
            Stack.drop(cpu, size);
            cpu.rflags(cpu.rflags() & ~changed & ~RFlags.RESUME | value & changed);
            cpu.rip = nextRip(cpu);
        }
    }

    static final class ClearInterrupt extends Op {
        @Override
        boolean endsBlock() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            requireIoPrivilege(cpu);
            cpu.state.rflags &= ~RFlags.INTERRUPT;
            cpu.rip = nextRip(cpu);
        }
    }

    /** When interrupts were disabled, the next instruction is still executed before one is taken. */
    static final class SetInterrupt extends Op {
        @Override
        boolean endsBlock() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            requireIoPrivilege(cpu);
            if (!cpu.state.interruptsEnabled()) {
                cpu.state.rflags |= RFlags.INTERRUPT;
                cpu.state.interruptShadow = true;
            }
            cpu.rip = nextRip(cpu);
        }
    }
}
