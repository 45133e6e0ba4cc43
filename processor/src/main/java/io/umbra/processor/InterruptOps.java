package io.umbra.processor;

import io.umbra.x86.Event;
import io.umbra.x86.Vector;

/** INT n, INT3, INT1, INTO, BOUND and the undefined instructions. */
final class InterruptOps {
    private InterruptOps() {}

    static Op interrupt(Instruction i) {
        int vector = (int) i.operands[0].value() & 0xFF;
        return new SoftwareInterrupt(new Event(Event.Kind.SOFTWARE_INTERRUPT, vector, 0, i.length));
    }

    static Op breakpoint(Instruction i) {
        return new SoftwareInterrupt(new Event(Event.Kind.SOFTWARE_EXCEPTION, Vector.BREAKPOINT, 0, i.length));
    }

    static Op debugTrap(Instruction i) {
        return new SoftwareInterrupt(new Event(Event.Kind.PRIVILEGED_SOFTWARE_EXCEPTION, Vector.DEBUG, 0, i.length));
    }

    static Op interruptOnOverflow(Instruction i) {
        return new InterruptOnOverflow(new Event(Event.Kind.SOFTWARE_EXCEPTION, Vector.OVERFLOW, 0, i.length));
    }

    static Op bound(Instruction i, int offsetInPage) {
        return new Bound(i.operands[0].register(), i.operandSize, i.address(offsetInPage));
    }

    /** Leaves its event to be delivered; RIP stays. */
    private static class SoftwareInterrupt extends Op {
        private final Event event;

        SoftwareInterrupt(Event event) {
            this.event = event;
        }

        @Override
        boolean endsBlock() {
            return true;
        }

        @Override
        boolean isEmulatable() {
            return false;
        }

        @Override
        void execute(Cpu cpu) {
            if (event.kind() == Event.Kind.SOFTWARE_INTERRUPT) {
                FlagOps.requireVirtualPrivilege(cpu);
            }
            cpu.softwareEvent = event;
            cpu.rip = rip(cpu);
        }
    }

    private static final class InterruptOnOverflow extends SoftwareInterrupt {
        InterruptOnOverflow(Event event) {
            super(event);
        }

        @Override
        void execute(Cpu cpu) {
            if (cpu.flags.overflow()) {
                super.execute(cpu);
            } else {
                cpu.rip = nextRip(cpu);
            }
        }
    }

    /** #BR unless lower ≤ index ≤ upper, all signed. */
    private static final class Bound extends MemoryOp {
        private final int register;
        private final int size;

        Bound(int register, int size, Address address) {
            super(address);
            this.register = register;
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            long linear = address.linear(cpu, 2 * size);
            long lower = signed(cpu.load(linear, size));
            long upper = signed(cpu.load(linear + size & 0xFFFF_FFFFL, size));
            long index = signed(cpu.gpr[register]);
            if (index < lower || index > upper) {
                throw cpu.fault(Vector.BOUND_RANGE);
            }
        }

        private long signed(long value) {
            int unused = 64 - 8 * size;
            return value << unused >> unused;
        }
    }

    /** UD0, UD1, UD2: #UD, without touching an operand. */
    static final class Undefined extends Op {
        @Override
        boolean endsBlock() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
    }
}
