package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Operand;

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NOT and NEG as host code. Guest and host are of one architecture, so most become the same instruction on other registers, and leave the same flags. */
final class HostArithmetic extends HostInstructions {
    HostArithmetic(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
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
            case INC -> unary(0xFF, 0);
            case DEC -> unary(0xFF, 1);
            case NOT -> unary(0xF7, 2);
            case NEG -> unary(0xF7, 3);
            default -> false;
        };
    }

    private boolean arithmetic(int operation) {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!isPlain(to) || !isPlain(from) && !isImmediate(from, size)) {
            return false;
        }
        boolean compares = operation == Alu.CMP;
        boolean carries = operation == Alu.ADC || operation == Alu.SBB;
        int forward = sized(0x01 + 8 * operation, size);
        int backward = sized(0x03 + 8 * operation, size);
        if (to.isMemory() || from.isMemory()) {
            locate(size, to.isMemory() && !compares);
        }
        if (to.isMemory()) {
            int value = from.isGeneral() ? emit.value(from.register(), RCX) : 0;
            if (carries) {
                emit.needCarry();
            }
            if (from.isGeneral()) {
                out.memory(forward, size, value, RAX, 0);
            } else {
                out.arithmetic(operation, size, RAX, 0, immediate(from.value(), size));
            }
            emit.flagsChanged();
            return true;
        }
        int register = to.register();
        int host = HostState.host(register);
        if (from.isMemory()) {
            int target = emit.value(register, RCX);
            if (carries) {
                emit.needCarry();
            }
            out.memory(backward, size, target, RAX, 0);
            emit.flagsChanged();
            if (!compares && target != host) {
                emit.made(register, Math.max(size, 4), target);
            }
            return true;
        }
        if (host < 0 && !from.isGeneral()) {
            if (carries) {
                emit.needCarry();
            }
            out.arithmetic(operation, size, RBP, HostState.spilled(register), immediate(from.value(), size));
        } else if (host < 0) {
            int value = emit.value(from.register(), RCX);
            if (carries) {
                emit.needCarry();
            }
            out.memory(forward, size, value, RBP, HostState.spilled(register));
        } else {
            if (carries) {
                emit.needCarry();
            }
            if (from.isGeneral()) {
                emit.onGuest(backward, size, host, from.register());
            } else {
                out.arithmetic(operation, size, host, immediate(from.value(), size));
            }
        }
        if (!compares) {
            emit.cleared(register, size);
        }
        emit.flagsChanged();
        return true;
    }

    private boolean test() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!isPlain(to) || !from.isGeneral() && !isImmediate(from, size)) {
            return false;
        }
        if (to.isMemory()) {
            locate(size, false);
            if (from.isGeneral()) {
                out.memory(sized(0x85, size), size, emit.value(from.register(), RCX), RAX, 0);
            } else {
                out.memory(sized(0xF7, size), size, 0, RAX, 0);
                out.immediate(size, immediate(from.value(), size));
            }
        } else if (from.isGeneral()) {
            emit.onGuest(sized(0x85, size), size, emit.value(from.register(), RCX), to.register());
        } else {
            emit.extendedOnGuest(sized(0xF7, size), size, 0, to.register());
            out.immediate(size, immediate(from.value(), size));
        }
        emit.flagsChanged();
        return true;
    }

    /** INC, DEC, NEG, NOT. */
    private boolean unary(int opcode, int extension) {
        Operand operand = first();
        int size = operand.size();
        if (!isPlain(operand)) {
            return false;
        }
        if (operand.isMemory()) {
            locate(size, true);
        }
        boolean keepsCarry = opcode == 0xFF;
        if (keepsCarry && emit.flagsAreLive()) {
            emit.needCarry();
        }
        if (operand.isMemory()) {
            out.memory(sized(opcode, size), size, extension, RAX, 0);
        } else {
            emit.extendedOnGuest(sized(opcode, size), size, extension, operand.register());
            emit.cleared(operand.register(), size);
        }
        if (extension != 2 || keepsCarry) {
            emit.flagsChanged();
        }
        return true;
    }
}
