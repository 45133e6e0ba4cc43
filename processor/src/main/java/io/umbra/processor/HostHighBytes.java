package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/**
 * Instructions with AH, CH, DH or BH as host code. The guest's RAX is the host's RBX, so AH and AL are BH and BL where they are; of the others, which no REX prefix lets the host name so, a copy in RCX or RDX is
 * worked on. An instruction with such an operand has no REX prefix, so its other one is memory, a constant or a byte of one of the first four registers.
 */
final class HostHighBytes extends HostInstructions {
    /** Of a register's number in an operand: its second byte. */
    private static final int SECOND = 4;

    HostHighBytes(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        if (i.operands.length == 0 || !isHigh(first()) && (i.operands.length == 1 || !isHigh(second()))) {
            return false;
        }
        return switch (i.mnemonic) {
            case ADD -> arithmetic(Alu.ADD);
            case OR -> arithmetic(Alu.OR);
            case ADC -> arithmetic(Alu.ADC);
            case SBB -> arithmetic(Alu.SBB);
            case AND -> arithmetic(Alu.AND);
            case SUB -> arithmetic(Alu.SUB);
            case XOR -> arithmetic(Alu.XOR);
            case CMP -> arithmetic(Alu.CMP);
            case TEST -> test();
            case MOV -> move();
            case INC -> unary(0xFE, 0);
            case DEC -> unary(0xFE, 1);
            case NOT -> unary(0xF6, 2);
            case NEG -> unary(0xF6, 3);
            case SETCC -> set();
            default -> false;
        };
    }

    private static boolean isHigh(Operand operand) {
        return operand.kind() == Kind.HIGH_BYTE;
    }

    /** The number of a byte register that holds the operand: its own, or that of a copy in {@code scratch}. Flags stay. */
    private int value(Operand operand, int scratch) {
        int host = HostState.host(operand.register());
        boolean isOwn = operand.register() == VcpuState.RAX;
        if (!isOwn) {
            out.move(scratch, host);
        }
        return (isOwn ? host : scratch) + (isHigh(operand) ? SECOND : 0);
    }

    /** The value that {@link #value} gave for {@code scratch} has changed. Flags stay. */
    private void changed(Operand operand, int scratch) {
        if (operand.register() != VcpuState.RAX) {
            out.move(HostState.host(operand.register()), scratch);
        }
    }

    private void onRegisters(int opcode, int reg, int rm) {
        out.int8(opcode);
        out.int8(0xC0 | reg << 3 | rm);
    }

    /** On the byte at RAX. */
    private void onMemory(int opcode, int reg) {
        out.int8(opcode);
        out.int8(reg << 3 | RAX);
    }

    private boolean arithmetic(int operation) {
        boolean carries = operation == Alu.ADC || operation == Alu.SBB;
        return compute(8 * operation, 0x80, operation, operation != Alu.CMP, carries);
    }

    private boolean test() {
        return compute(0x84, 0xF6, 0, false, false);
    }

    /** @param opcode of the form whose second operand is a register; the reverse is 2 more, but TEST, which has none and needs none */
    private boolean compute(int opcode, int constantOpcode, int extension, boolean writes, boolean carries) {
        Operand to = first();
        Operand from = second();
        if (to.isMemory() || from.isMemory()) {
            locate(1, to.isMemory() && writes);
        }
        int source = from.isMemory() || from.kind() == Kind.IMMEDIATE ? 0 : value(from, RDX);
        int target = to.isMemory() ? 0 : value(to, RCX);
        if (carries) {
            emit.needCarry();
        }
        if (to.isMemory()) {
            onMemory(opcode, source);
        } else if (from.isMemory()) {
            onMemory(opcode == 0x84 ? opcode : opcode + 2, target);
        } else if (from.kind() == Kind.IMMEDIATE) {
            onRegisters(constantOpcode, extension, target);
            out.int8((int) from.value());
        } else {
            onRegisters(opcode, source, target);
        }
        emit.flagsChanged();
        if (writes && !to.isMemory()) {
            changed(to, RCX);
        }
        return true;
    }

    private boolean move() {
        Operand to = first();
        Operand from = second();
        if (to.isMemory()) {
            locate(1, true);
            onMemory(0x88, value(from, RDX));
            return true;
        }
        if (from.isMemory()) {
            locate(1, false);
            onMemory(0x8A, value(to, RCX));
        } else if (from.kind() == Kind.IMMEDIATE) {
            out.int8(0xB0 | value(to, RCX));
            out.int8((int) from.value());
        } else {
            onRegisters(0x88, value(from, RDX), value(to, RCX));
        }
        changed(to, RCX);
        return true;
    }

    private boolean unary(int opcode, int extension) {
        int target = value(first(), RCX);
        boolean keepsCarry = opcode == 0xFE;
        if (keepsCarry && emit.flagsAreLive()) {
            emit.needCarry();
        }
        onRegisters(opcode, extension, target);
        if (extension != 2 || keepsCarry) {
            emit.flagsChanged();
        }
        changed(first(), RCX);
        return true;
    }

    private boolean set() {
        emit.needFlags();
        int target = value(first(), RCX);
        out.int8(0x0F);
        onRegisters(0x90 + i.condition, 0, target);
        changed(first(), RCX);
        return true;
    }
}
