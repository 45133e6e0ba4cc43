package io.umbra.processor;

import io.umbra.x86.VcpuState;

/**
 * One decoded instruction as the manuals write it: a mnemonic, up to four operands, and what the prefixes made of it. Made by the decoder, turned into an {@link Op}
 * by the instruction groups, and printed by the formatter. Not used while executing.
 */
final class Instruction {
    /** Of an operand; the register's number is in {@link Operand#register}. */
    enum Kind {
        /** General register, low {@code size} bytes. */
        GENERAL,
        /** AH, CH, DH, BH: number 0 … 3. */
        HIGH_BYTE,
        SEGMENT,
        CONTROL,
        DEBUG,
        /** ST(i). */
        X87,
        MMX,
        XMM,
        /** The instruction's memory operand; its address fields are in {@link Instruction}. */
        MEMORY,
        /** {@link Operand#value}, sign- or zero-extended to 64 bits as the instruction does. */
        IMMEDIATE,
        /** Branch target, as displacement from the next instruction. */
        RELATIVE,
        /** ptr16:16, ptr16:32: selector in {@code register}, offset in {@code value}. */
        FAR_POINTER
    }

    /**
     * @param size in bytes: 1, 2, 4, 6 (m16:32), 8, 10 (m80, m16:64), 16, 28, 108, 512 …; for MEMORY 0 when the instruction touches none (LEA, NOP)
     */
    record Operand(Kind kind, int register, int size, long value) {
        boolean isMemory() {
            return kind == Kind.MEMORY;
        }

        boolean isGeneral() {
            return kind == Kind.GENERAL;
        }
    }

    static final int NO_REGISTER = -1;
    static final int REP = 0xF3;
    static final int REPNE = 0xF2;

    Mnemonic mnemonic = Mnemonic.INVALID;
    Operand[] operands = {};
    /** Total length in bytes, 1 … 15. */
    int length;
    /** The code's default: 16, 32 or 64. */
    int mode;
    /** Effective operand size in bytes: 2, 4 or 8. */
    int operandSize;
    /** Effective address size in bytes: 2, 4 or 8. */
    int addressSize;
    /** 0, {@link #REP} or {@link #REPNE}, where it is not part of the opcode. */
    int repeat;

    boolean lock;
    /** Condition code 0 … 15 of Jcc, SETcc, CMOVcc. */
    int condition;
    /** The raw opcode: map (0, 0x0F, 0x0F38, 0x0F3A) in bits 31..8, last byte in 7..0; and the ModRM byte or -1. */
    int opcode;

    int modRm = -1;

    /** Encoded with a VEX prefix. */
    boolean vex;
    /** Of a VEX-coded instruction: 16, or 32 with VEX.L. */
    int vectorLength = 16;
    /** Which operand VEX.vvvv names: the first source of what has three operands. -1 when none is. */
    int vexOperand = NO_REGISTER;

    // The memory operand, when there is one.
    /** Effective segment, ES … GS as in {@link VcpuState}. */
    int segment = VcpuState.DS;
    /** An override prefix was present (whether or not it has an effect). */
    boolean segmentOverridden;

    int base = NO_REGISTER;
    int index = NO_REGISTER;
    /** A shift, 0 … 3. */
    int scale;
    /** Of the vector register that {@link #index} then is: 16 or 32 bytes. 0 for a general register. */
    int indexSize;

    long displacement;
    /** The displacement is relative to the next instruction. */
    boolean ripRelative;

    boolean hasMemory() {
        for (Operand operand : operands) {
            if (operand.isMemory()) {
                return true;
            }
        }
        return false;
    }

    /** @param offsetInPage of the instruction's first byte */
    Address address(int offsetInPage) {
        long constant = ripRelative ? displacement + offsetInPage + length : displacement;
        return new Address(segment, base, index, scale, constant, addressSize, ripRelative, mode == 64);
    }

    /** The same with other operands. */
    Instruction with(Operand... others) {
        Instruction copy = new Instruction();
        copy.mnemonic = mnemonic;
        copy.operands = others;
        copy.length = length;
        copy.mode = mode;
        copy.operandSize = operandSize;
        copy.addressSize = addressSize;
        copy.opcode = opcode;
        copy.modRm = modRm;
        copy.vex = vex;
        copy.vectorLength = vectorLength;
        copy.segment = segment;
        copy.segmentOverridden = segmentOverridden;
        copy.base = base;
        copy.index = index;
        copy.scale = scale;
        copy.indexSize = indexSize;
        copy.displacement = displacement;
        copy.ripRelative = ripRelative;
        return copy;
    }
}
