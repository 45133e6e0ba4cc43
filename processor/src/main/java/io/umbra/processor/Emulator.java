package io.umbra.processor;

import io.umbra.x86.Event;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Vector;

/** Executes one instruction, by the definition that the interpreter executes, with its memory diverted to a port. */
final class Emulator {
    private final Cpu cpu;
    private final Interpreter interpreter;

    Emulator(Cpu cpu, Interpreter interpreter) {
        this.cpu = cpu;
        this.interpreter = interpreter;
    }

    Emulation emulate(LinearMemory port) {
        cpu.memory.port(port);
        cpu.emulating = true;
        interpreter.enter();
        try {
            return execute();
        } finally {
            cpu.emulating = false;
            cpu.memory.port(null);
            cpu.repeatAgain = false;
            cpu.exit = null;
            cpu.softwareEvent = null;
            cpu.privilegeChanged();
        }
    }

    private Emulation execute() {
        Op op;
        try {
            op = interpreter.opForEmulation();
        } catch (GuestException fault) {
            return raised(fault, false);
        }
        if (!op.isEmulatable()) {
            return Emulation.Failed.UNHANDLEABLE;
        }
        cpu.ripBase = cpu.rip - op.offset;
        try {
            op.execute(cpu);
        } catch (GuestException fault) {
            return raised(fault, op.isStackOperand());
        }
        cpu.state.rflags = cpu.rflags();
        if (cpu.repeatAgain) {
            return Emulation.Done.ITERATION;
        }
        interpreter.retired(op.endsBlock() ? cpu.rip : op.nextRip(cpu));
        return Emulation.Done.COMPLETE;
    }

    /** What the guest gets where descriptor tables alone were accessed, which are canonical. */
    static Emulation.Raised raised(GuestException fault) {
        return raised(fault, false) instanceof Emulation.Raised raised
                ? raised
                : new Emulation.Raised(Event.exception(Vector.GENERAL_PROTECTION), 0);
    }

    private static Emulation raised(GuestException fault, boolean stackOperand) {
        return switch (fault.reason) {
            case EXCEPTION -> new Emulation.Raised(Event.exception(fault.vector, fault.errorCode), 0);
            case NON_CANONICAL ->
                new Emulation.Raised(
                        Event.exception(stackOperand ? Vector.STACK_FAULT : Vector.GENERAL_PROTECTION), fault.linear);
            case PAGE_FAULT ->
                new Emulation.Raised(
                        Event.exception(Vector.PAGE_FAULT, fault.errorCode & PageFaultCode.ARCHITECTURAL),
                        fault.linear);
            case NESTED_FAULT, UNHANDLEABLE -> Emulation.Failed.UNHANDLEABLE;
        };
    }
}
