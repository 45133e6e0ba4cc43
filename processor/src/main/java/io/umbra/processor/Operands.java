package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;

/** The operands that differ in nothing but kind, register and size (in bytes): made once, so that decoding does not allocate them. */
final class Operands {
    static final Operand ONE = new Operand(Kind.IMMEDIATE, Instruction.NO_REGISTER, 1, 1);

    private static final int REGISTERS = 16;
    private static final int REGISTER_SIZES = 33;
    private static final int MEMORY_SIZES = 513;

    private static final Operand[] GENERAL = registers(Kind.GENERAL);
    private static final Operand[] HIGH_BYTE = registers(Kind.HIGH_BYTE);
    private static final Operand[] SEGMENT = registers(Kind.SEGMENT);
    private static final Operand[] CONTROL = registers(Kind.CONTROL);
    private static final Operand[] DEBUG = registers(Kind.DEBUG);
    private static final Operand[] X87 = registers(Kind.X87);
    private static final Operand[] MMX = registers(Kind.MMX);
    private static final Operand[] XMM = registers(Kind.XMM);
    private static final Operand[] MEMORY = memories();

    private Operands() {}

    private static Operand[] registers(Kind kind) {
        Operand[] operands = new Operand[REGISTER_SIZES * REGISTERS];
        for (int size = 0; size < REGISTER_SIZES; size++) {
            for (int register = 0; register < REGISTERS; register++) {
                operands[at(register, size)] = new Operand(kind, register, size, 0);
            }
        }
        return operands;
    }

    private static Operand[] memories() {
        Operand[] operands = new Operand[MEMORY_SIZES];
        for (int size = 0; size < MEMORY_SIZES; size++) {
            operands[size] = new Operand(Kind.MEMORY, Instruction.NO_REGISTER, size, 0);
        }
        return operands;
    }

    private static int at(int register, int size) {
        return size * REGISTERS + register;
    }

    static Operand general(int register, int size) {
        return GENERAL[at(register, size)];
    }

    /** AH, CH, DH or BH: 0 … 3. */
    static Operand highByte(int register) {
        return HIGH_BYTE[at(register, 1)];
    }

    static Operand segment(int register, int size) {
        return SEGMENT[at(register, size)];
    }

    static Operand control(int register, int size) {
        return CONTROL[at(register, size)];
    }

    static Operand debug(int register, int size) {
        return DEBUG[at(register, size)];
    }

    static Operand x87(int register, int size) {
        return X87[at(register, size)];
    }

    static Operand mmx(int register, int size) {
        return MMX[at(register, size)];
    }

    static Operand xmm(int register, int size) {
        return XMM[at(register, size)];
    }

    /** The memory operand; size 0 … 512, 0 when memory is not touched. */
    static Operand memory(int size) {
        return MEMORY[size];
    }
}
