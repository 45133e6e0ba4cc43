package io.umbra.processor;

import java.util.Arrays;

/**
 * Machine code of an x86-64 host, as bytes that do not depend on where they will lie. Registers are numbered as in the instruction formats: 0 … 15 are RAX, RCX, RDX, RBX, RSP, RBP,
 * RSI, RDI, R8 … R15; operand sizes are 1, 2, 4 or 8 bytes. Opcodes are given as in the manuals' tables for the form with operands larger than a byte; where the byte form is the even
 * number below, {@code sized} forms choose it. An opcode above 0xFF begins with its escape: 0xF38, 0xF3800 and 0xF3A00 are 0F 38, 0F 38 00 and 0F 3A 00. Intel SDM vol. 2, "Instruction Format".
 */
final class HostAssembler {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RBX = 3;
    static final int RSP = 4;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;

    /** Conditions, as in Jcc. */
    static final int ABOVE_OR_EQUAL = 3, EQUAL = 4, NOT_EQUAL = 5, ABOVE = 7, NEGATIVE = 8;

    static final int NONE = -1;

    private byte[] bytes = new byte[4096];
    private int length;

    private int[] labels = new int[64];
    private int labelCount;
    /** Pairs: where a 32-bit displacement is, and the label that it is to. */
    private int[] uses = new int[128];

    private int useCount;

    int length() {
        return length;
    }

    /** The code, once every label is bound. */
    byte[] finish() {
        for (int i = 0; i < useCount; i += 2) {
            int target = labels[uses[i + 1]];
            if (target < 0) {
                throw new IllegalStateException("label " + uses[i + 1] + " is not bound");
            }
            patch(uses[i], target - uses[i] - 4);
        }
        return Arrays.copyOf(bytes, length);
    }

    private void patch(int at, int value) {
        bytes[at] = (byte) value;
        bytes[at + 1] = (byte) (value >> 8);
        bytes[at + 2] = (byte) (value >> 16);
        bytes[at + 3] = (byte) (value >> 24);
    }

    // ---- labels -----------------------------------------------------------------------------------------------------

    int newLabel() {
        if (labelCount == labels.length) {
            labels = Arrays.copyOf(labels, 2 * labelCount);
        }
        labels[labelCount] = -1;
        return labelCount++;
    }

    void bind(int label) {
        labels[label] = length;
    }

    int place(int label) {
        return labels[label];
    }

    private void use(int label) {
        if (useCount == uses.length) {
            uses = Arrays.copyOf(uses, 2 * useCount);
        }
        uses[useCount++] = length;
        uses[useCount++] = label;
        int32(0);
    }

    void jump(int label) {
        int8(0xE9);
        use(label);
    }

    /** @param condition 0 … 15, as in Jcc */
    void jumpIf(int condition, int label) {
        int8(0x0F);
        int8(0x80 + condition);
        use(label);
    }

    /** @param distance of what is jumped to from the first byte of this code */
    void jumpOutside(int distance) {
        int8(0xE9);
        int32(distance - length - 4);
    }

    /** {@link #jumpOutside} on a condition. */
    void jumpOutsideIf(int condition, int distance) {
        int8(0x0F);
        int8(0x80 + condition);
        int32(distance - length - 4);
    }

    void callOutside(int distance) {
        int8(0xE8);
        int32(distance - length - 4);
    }

    // ---- bytes ------------------------------------------------------------------------------------------------------

    void int8(int value) {
        if (length == bytes.length) {
            bytes = Arrays.copyOf(bytes, 2 * length);
        }
        bytes[length++] = (byte) value;
    }

    void int16(int value) {
        int8(value);
        int8(value >> 8);
    }

    void int32(int value) {
        int16(value);
        int16(value >> 16);
    }

    void int64(long value) {
        int32((int) value);
        int32((int) (value >> 32));
    }

    // ---- instructions with a ModRM byte -----------------------------------------------------------------------------

    /** Prefixes and opcode. {@code isByte}: the byte register of {@code reg} or {@code rm} is meant, so SPL … DIL need a REX prefix. */
    private void opcode(int opcode, int size, int reg, int index, int rm, boolean isByte) {
        if (size == 2) {
            int8(0x66);
        }
        int rex = (size == 8 ? 8 : 0) | reg >> 3 << 2 | index >> 3 << 1 | rm >> 3;
        if (rex != 0 || isByte) {
            int8(0x40 | rex);
        }
        if (opcode > 0xFFFF) {
            int8(opcode >> 16);
        }
        if (opcode > 0xFF) {
            int8(opcode >> 8);
        }
        int8(opcode);
    }

    /** {@code opcode reg, rm} with a register as second operand. */
    void registers(int opcode, int size, int reg, int rm) {
        opcode(opcode, size, reg, 0, rm, size == 1 && (reg > 3 || rm > 3));
        int8(0xC0 | (reg & 7) << 3 | rm & 7);
    }

    /** The same with an extension of the opcode in place of the register. */
    void extended(int opcode, int size, int extension, int rm) {
        opcode(opcode, size, 0, 0, rm, size == 1 && rm > 3);
        int8(0xC0 | extension << 3 | rm & 7);
    }

    /** {@code opcode reg, [base + displacement]}. */
    void memory(int opcode, int size, int reg, int base, int displacement) {
        memory(opcode, size, reg, base, NONE, 0, displacement);
    }

    /** {@code opcode reg, [base + index << scale + displacement]}; {@code base} or {@code index} may be {@link #NONE}. */
    void memory(int opcode, int size, int reg, int base, int index, int scale, int displacement) {
        opcode(opcode, size, reg, Math.max(index, 0), Math.max(base, 0), size == 1 && reg > 3);
        operand(reg, base, index, scale, displacement);
    }

    private void operand(int reg, int base, int index, int scale, int displacement) {
        int field = (reg & 7) << 3;
        boolean needsSib = index != NONE || base == NONE || (base & 7) == RSP;
        int mod = base == NONE
                ? 0
                : displacement == 0 && (base & 7) != RBP ? 0 : displacement == (byte) displacement ? 1 : 2;
        if (!needsSib) {
            int8(mod << 6 | field | base & 7);
        } else {
            int8(mod << 6 | field | 4);
            int8(scale << 6 | (index == NONE ? 4 : index & 7) << 3 | (base == NONE ? 5 : base & 7));
        }
        if (base == NONE || mod == 2) {
            int32(displacement);
        } else if (mod == 1) {
            int8(displacement);
        }
    }

    /** An SSE instruction with a mandatory prefix, on XMM {@code vector} and [base + displacement]. */
    void vector(int prefix, int opcode, int vector, int base, int displacement) {
        int8(prefix);
        memory(opcode, 4, vector, base, displacement);
    }

    /** An immediate operand of an instruction of {@code size}: at most 32 bits, sign-extended. */
    void immediate(int size, int value) {
        switch (size) {
            case 1 -> int8(value);
            case 2 -> int16(value);
            default -> int32(value);
        }
    }

    // ---- what is often needed ---------------------------------------------------------------------------------------

    void move(int target, int source) {
        registers(0x8B, 8, target, source);
    }

    void load(int target, int base, int displacement) {
        memory(0x8B, 8, target, base, displacement);
    }

    void store(int source, int base, int displacement) {
        memory(0x89, 8, source, base, displacement);
    }

    void constant(int target, long value) {
        if (value == (value & 0xFFFF_FFFFL)) {
            if (target > 7) {
                int8(0x41);
            }
            int8(0xB8 | target & 7);
            int32((int) value);
        } else if (value == (int) value) {
            extended(0xC7, 8, 0, target);
            int32((int) value);
        } else {
            int8(0x48 | target >> 3);
            int8(0xB8 | target & 7);
            int64(value);
        }
    }

    /** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP (0 … 7) of a register and a constant. */
    void arithmetic(int operation, int size, int target, int value) {
        if (value == (byte) value && size > 1) {
            extended(0x83, size, operation, target);
            int8(value);
        } else {
            extended(size == 1 ? 0x80 : 0x81, size, operation, target);
            immediate(size, value);
        }
    }

    /** The same of memory. */
    void arithmetic(int operation, int size, int base, int displacement, int value) {
        boolean isShort = value == (byte) value && size > 1;
        memory(isShort ? 0x83 : size == 1 ? 0x80 : 0x81, size, operation, base, displacement);
        if (isShort) {
            int8(value);
        } else {
            immediate(size, value);
        }
    }

    void shiftRight(int target, int count) {
        extended(0xC1, 8, 5, target);
        int8(count);
    }

    void shiftRightArithmetic(int target, int count) {
        extended(0xC1, 8, 7, target);
        int8(count);
    }

    void shiftLeft(int target, int count) {
        extended(0xC1, 8, 4, target);
        int8(count);
    }

    void push(int register) {
        if (register > 7) {
            int8(0x41);
        }
        int8(0x50 | register & 7);
    }

    void pop(int register) {
        if (register > 7) {
            int8(0x41);
        }
        int8(0x58 | register & 7);
    }

    void ret() {
        int8(0xC3);
    }
}
