package io.umbra.processor;

import java.io.ByteArrayOutputStream;
import java.util.SplittableRandom;

/**
 * A loop of random instructions in 64-bit code, made from a seed: arithmetic of all sizes, memory at [RSI + n], branches, calls into another page, pushed flags, and a
 * store into the loop's own code. It ends with HLT after as many rounds as R15 says.
 */
final class RandomProgram {
    /** Where functions are, from the beginning of the program: in the second page. */
    static final int FUNCTIONS = 0x1800;

    private static final int FUNCTION_BYTES = 64;
    private static final int FUNCTION_COUNT = 4;
    /** All but RSP, RSI and R15. */
    private static final int[] FREE = {0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14};

    private final SplittableRandom random;
    private ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int patched = -1;

    private RandomProgram(long seed) {
        random = new SplittableRandom(seed);
    }

    /** @return the first page and a half; functions are in the second page */
    static byte[] of(long seed, int length) {
        RandomProgram program = new RandomProgram(seed);
        byte[] code = new byte[FUNCTIONS + FUNCTION_COUNT * FUNCTION_BYTES];
        byte[] loop = program.loop(length);
        System.arraycopy(loop, 0, code, 0, loop.length);
        for (int i = 0; i < FUNCTION_COUNT; i++) {
            byte[] function = program.function();
            System.arraycopy(function, 0, code, FUNCTIONS + i * FUNCTION_BYTES, function.length);
        }
        return code;
    }

    private byte[] loop(int length) {
        for (int i = 0; i < length; i++) {
            statement();
        }
        bytes(0x49, 0xFF, 0xCF, 0x0F, 0x85); // dec r15; jnz to the beginning
        word(-(out.size() + 4));
        bytes(0xF4);
        return out.toByteArray();
    }

    private byte[] function() {
        out = new ByteArrayOutputStream();
        int length = 1 + random.nextInt(4);
        for (int i = 0; i < length; i++) {
            instruction();
        }
        bytes(0xC3);
        return out.toByteArray();
    }

    private void statement() {
        switch (random.nextInt(12)) {
            case 0 -> skip();
            case 1 -> call();
            case 2 -> {
                int pushed = free();
                bytes(0x40 | pushed >> 3, 0x50 | pushed & 7);
                instruction();
                int popped = free();
                bytes(0x40 | popped >> 3, 0x58 | popped & 7);
            }
            case 3 -> {
                if (random.nextInt(4) == 0) {
                    bytes(0x9C, 0x9D); // pushf; popf
                } else if (random.nextInt(4) == 0) {
                    patch();
                } else {
                    instruction();
                }
            }
            default -> instruction();
        }
    }

    /** Jcc over one instruction. */
    private void skip() {
        ByteArrayOutputStream outer = out;
        out = new ByteArrayOutputStream();
        instruction();
        byte[] skipped = out.toByteArray();
        out = outer;
        bytes(0x70 | random.nextInt(16), skipped.length);
        out.writeBytes(skipped);
    }

    private void call() {
        bytes(0xE8);
        word(FUNCTIONS + random.nextInt(FUNCTION_COUNT) * FUNCTION_BYTES - out.size() - 4);
    }

    /** add eax, n; or, if there is one already, a store of AL over its n. */
    private void patch() {
        if (patched < 0) {
            bytes(0x83, 0xC0, random.nextInt(128));
            patched = out.size() - 1;
        } else {
            bytes(0x88, 0x05);
            word(patched - out.size() - 4);
        }
    }

    private void instruction() {
        int cc = random.nextInt(16);
        int alu = random.nextInt(8) << 3;
        switch (random.nextInt(20)) {
            case 0, 1, 2 -> modRm(alu | random.nextInt(4));
            case 3 -> immediate(0x83, random.nextInt(8), 1);
            case 4 -> immediate(0x80, random.nextInt(8), 1);
            case 5 -> immediate(0xC1, new int[] {0, 1, 2, 3, 4, 5, 7}[random.nextInt(7)], 1);
            case 6 -> immediate(random.nextBoolean() ? 0xD3 : 0xD1, new int[] {0, 1, 4, 5, 7}[random.nextInt(5)], 0);
            case 7 -> immediate(0xF7, 2 + random.nextInt(4), 0);
            case 8 -> modRm(0x0F, 0xAF);
            case 9, 10, 11 -> modRm(0x88 | random.nextInt(4));
            case 12 -> modRm(0x0F, random.nextBoolean() ? 0xB6 : 0xB7);
            case 13 -> modRm(0x0F, random.nextBoolean() ? 0xBE : 0xBF);
            case 14 -> modRm(0x63);
            case 15 -> modRm(0x0F, 0x40 | cc);
            case 16 -> modRm(0x0F, 0x90 | cc);
            case 17 -> immediate(random.nextBoolean() ? 0xFF : 0xFE, random.nextInt(2), 0);
            case 18 -> modRm(new int[] {0x84, 0x85, 0x86, 0x87}[random.nextInt(4)]);
            default -> {
                switch (random.nextInt(5)) {
                    case 0 -> bytes(0xF8 | random.nextInt(2)); // clc, stc
                    case 1 -> bytes(0x90);
                    case 2 -> address();
                    case 3 -> modRm(0x0F, random.nextBoolean() ? 0xC1 : 0xB1); // xadd, cmpxchg
                    default -> modRm(0x0F, 0xA3); // bt
                }
            }
        }
    }

    /** lea r, [r + r × scale + n] */
    private void address() {
        int base = free();
        int index = free();
        bytes(0x48 | base >> 3 | index >> 3 << 1, 0x8D, 0x44 | (free() & 7) << 3);
        bytes(random.nextInt(4) << 6 | (index & 7) << 3 | base & 7, random.nextInt(256));
    }

    /** With a register, or with memory at [rsi + n]. Byte registers are those that a REX prefix gives, or AH … BH without one. */
    private void modRm(int... opcode) {
        int register = free();
        boolean memory = random.nextInt(3) == 0;
        boolean bitTest = opcode[opcode.length - 1] == 0xA3; // its memory form reaches far
        int rm = memory && !bitTest ? 6 : free();
        prefixes(register, memory && !bitTest ? 0 : rm);
        bytes(opcode);
        if (memory && !bitTest) {
            bytes(0x46 | (register & 7) << 3, random.nextInt(128));
        } else {
            bytes(0xC0 | (register & 7) << 3 | rm & 7);
        }
    }

    private void immediate(int opcode, int extension, int size) {
        boolean memory = random.nextInt(3) == 0;
        int rm = memory ? 6 : free();
        prefixes(0, memory ? 0 : rm);
        bytes(opcode);
        if (memory) {
            bytes(0x46 | extension << 3, random.nextInt(128));
        } else {
            bytes(0xC0 | extension << 3 | rm & 7);
        }
        if (size == 1) {
            bytes(random.nextInt(256));
        }
    }

    private void prefixes(int register, int rm) {
        int wide = random.nextInt(3);
        if (wide == 0) {
            bytes(0x66);
        }
        bytes(0x40 | (wide == 2 ? 8 : 0) | register >> 3 << 2 | rm >> 3);
    }

    private int free() {
        return FREE[random.nextInt(FREE.length)];
    }

    private void bytes(int... values) {
        for (int value : values) {
            out.write(value);
        }
    }

    private void word(int value) {
        bytes(value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF, value >>> 24);
    }
}
