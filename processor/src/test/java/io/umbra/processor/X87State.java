package io.umbra.processor;

import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.Operands;
import io.umbra.x86.RFlags;

/** What an x87 instruction may depend on, at random: a state of the unit that FXRSTOR takes, flags, AX, and the bytes of a memory operand. */
final class X87State {
    static final int MEMORY_BYTES = 128;

    private static final int REGISTERS = 8;
    private static final int EXCEPTIONS = 0x3F;
    private static final int ALL_MASKED = 0x3F;
    private static final int STACK_FAULT = 0x40;
    private static final int CONDITIONS = 0x4700;
    private static final int PENDING = 0x8080;
    private static final int ONE = 0x3FFF;

    int control;
    int status;
    /** One bit a physical register: 1 = in use. */
    int inUse;

    long rflags;
    long rax;
    /** ST0 … ST7. */
    final Float80[] stack = new Float80[REGISTERS];

    final byte[] memory = new byte[MEMORY_BYTES];
    private final Float80 scratch = new Float80();

    X87State() {
        for (int i = 0; i < REGISTERS; i++) {
            stack[i] = new Float80();
        }
    }

    /** @param mayPend whether an unmasked exception may be waiting */
    void choose(Operands operands, boolean mayPend, int memorySize, boolean isReal, boolean isDecimal) {
        int masks = operands.oneIn(2) ? ALL_MASKED : operands.below(64);
        int precision = operands.oneIn(2) ? 3 : operands.below(3);
        control = masks | 0x40 | precision << 8 | operands.below(4) << 10;
        int top = operands.below(8);
        int flags = operands.oneIn(2) ? 0 : operands.below(64);
        if (!mayPend) {
            flags &= masks;
        }
        boolean pends = (flags & ~masks & EXCEPTIONS) != 0;
        status = top << 11
                | flags
                | (pends ? PENDING : 0)
                | (operands.oneIn(4) ? STACK_FAULT : 0)
                | operands.below(0x8000) & CONDITIONS;
        inUse = operands.oneIn(3) ? operands.below(256) : filled(top, 1 + operands.below(7));
        rflags = operands.below(0x1000) & RFlags.STATUS;
        rax = operands.bits();
        int near = operands.oneIn(2) ? ONE + operands.below(80) - 40 : operands.below(0x8000);
        for (Float80 register : stack) {
            operands.float80(register, operands.oneIn(4) ? operands.below(0x8000) : near);
        }
        if (operands.oneIn(8)) {
            stack[1].copy(stack[0]);
        }
        chooseMemory(operands, memorySize, isReal, isDecimal);
    }

    /** The bits of the registers ST0 to ST(count − 1). */
    private static int filled(int top, int count) {
        int stackOrder = (1 << count) - 1;
        return (stackOrder << top | stackOrder << top >> REGISTERS) & 0xFF;
    }

    private void chooseMemory(Operands operands, int size, boolean isReal, boolean isDecimal) {
        for (int i = 0; i < MEMORY_BYTES; i += 8) {
            put(i, operands.bits());
        }
        switch (size) {
            case 2 -> put(0, operands.integer());
            case 4 -> put(0, isReal ? operands.float32() : operands.integer());
            case 8 -> put(0, isReal ? operands.float64() : operands.integer());
            case 10 -> {
                if (isDecimal) {
                    put(0, digits(operands, 16));
                    put(8, operands.below(256) << 8 | digits(operands, 2));
                } else {
                    operands.float80(scratch);
                    put(0, scratch.significand);
                    put(8, scratch.signExponent);
                }
            }
            default -> {}
        }
    }

    private static long digits(Operands operands, int count) {
        long digits = 0;
        for (int i = 0; i < count; i++) {
            digits = digits << 4 | operands.below(10);
        }
        return digits;
    }

    private void put(int at, long value) {
        for (int i = 0; i < 8; i++) {
            memory[at + i] = (byte) (value >>> 8 * i);
        }
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("fcw %04x fsw %04x in use %02x flags %03x ax %04x"
                .formatted(control, status, inUse, rflags, rax & 0xFFFF));
        for (Float80 register : stack) {
            text.append(" %04x:%016x".formatted(register.signExponent, register.significand));
        }
        return text.append(" memory ")
                .append(java.util.HexFormat.of().formatHex(memory, 0, 32))
                .toString();
    }
}
