package io.umbra.processor;

import java.io.ByteArrayOutputStream;
import java.util.SplittableRandom;

/**
 * A loop of random instructions in 64-bit code, made from a seed: arithmetic of all sizes, bits, XMM registers, memory at [RSI + n], strings, branches, calls into another page, RFLAGS as a whole, and a
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
                switch (random.nextInt(8)) {
                    case 0, 1, 2 -> flags();
                    case 3, 4, 5 -> string();
                    case 6 -> patch();
                    default -> instruction();
                }
            }
            default -> instruction();
        }
    }

    /** PUSHF and POPF, with changes between them: IF, DF, AC, ID, and seldom TF; CLI, STI; and CMPXCHG16B below the stack, which is aligned here. */
    private void flags() {
        switch (random.nextInt(5)) {
            case 0 -> bytes(0x9C, 0x9D);
            case 1, 2 -> {
                bytes(0x9C, 0x81, 0x34, 0x24); // pushf; xor dword [rsp], n; popf
                word(random.nextInt() & (0x24_0ED5 | oneOf(0, 0x100)));
                bytes(0x9D);
            }
            case 3 -> bytes(oneOf(0xFA, 0xFB));
            default -> bytes(0x48, 0x0F, 0xC7, 0x4C, 0x24, 0xC0);
        }
    }

    /** STOS, MOVS or LODS between two places from RSI on that may overlap, mostly forward, with REP or without; RSI is kept. */
    private void string() {
        bytes(0x56, 0x48, 0x8D, 0x7E, random.nextInt(128)); // push rsi; lea rdi, [rsi + n]
        bytes(0x48, 0x8D, 0x76, random.nextInt(128)); // lea rsi, [rsi + n]
        if (random.nextInt(8) > 0) {
            bytes(0xFC); // cld
        }
        if (random.nextBoolean()) {
            bytes(0xB9); // mov ecx, n
            word(random.nextInt(12));
            bytes(0xF3);
        }
        switch (random.nextInt(4)) {
            case 0 -> bytes(0x66, oneOf(0xA5, 0xAB, 0xAD));
            case 1 -> bytes(0x48, oneOf(0xA5, 0xAB, 0xAD));
            default -> bytes(oneOf(0xA4, 0xA5, 0xAA, 0xAB, 0xAC, 0xAD));
        }
        bytes(0x5E); // pop rsi
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
        if (random.nextInt(3) == 0) {
            seldom();
        } else {
            usual();
        }
    }

    /** What kernels and libraries use here and there. */
    private void seldom() {
        switch (random.nextInt(12)) {
            case 0, 1 -> highByte();
            case 2 -> bitString();
            case 3 -> modRm(0x0F, 0xBC | random.nextInt(2)); // bsf, bsr
            case 4 -> {
                bytes(0xF3);
                modRm(0x0F, oneOf(0xB8, 0xBC, 0xBD)); // popcnt, tzcnt, lzcnt
            }
            case 5 -> modRm(0x0F, oneOf(0xA5, 0xAD)); // shld, shrd by CL
            case 6 -> modRm(0x0F, oneOf(0xB0, 0xB1, 0xC0, 0xC1)); // cmpxchg, xadd
            case 7 -> bytes(0x0F, 0xC7, 0x4E, random.nextInt(128)); // cmpxchg8b
            case 8 -> bytes(oneOf(0xF5, 0xF8, 0xF9, 0xFC, 0xFD, 0x9E, 0x9F)); // cmc … lahf
            case 9 -> {
                if (random.nextBoolean()) {
                    bytes(0x8C, oneOf(0xC0, 0xCB, 0xD1, 0xDA, 0xE0, 0xEB)); // mov r, sreg
                } else {
                    bytes(0x0F, 0xAE, oneOf(0xE8, 0xF0, 0xF8)); // fences
                }
            }
            default -> vector();
        }
    }

    /** With AH, CH, DH or BH, and so without REX prefix. */
    private void highByte() {
        int high = 4 | random.nextInt(4);
        int alu = random.nextInt(8) << 3;
        switch (random.nextInt(6)) {
            case 0 -> bytes(oneOf(alu, alu | 2, 0x84, 0x88, 0x8A), 0xC0 | high << 3 | random.nextInt(8));
            case 1 -> bytes(oneOf(alu, alu | 2, 0x84, 0x88, 0x8A), 0x46 | high << 3, random.nextInt(128));
            case 2 -> bytes(0x80, 0xC0 | alu | high, random.nextInt(256));
            case 3 -> bytes(0xF6, 0xC0 | high, random.nextInt(256)); // test
            case 4 -> {
                if (random.nextBoolean()) {
                    bytes(0xF6, oneOf(0xD0, 0xD8) | high); // not, neg
                } else {
                    bytes(0xFE, oneOf(0xC0, 0xC8) | high); // inc, dec
                }
            }
            default -> bytes(0x0F, 0x90 | random.nextInt(16), 0xC0 | high);
        }
    }

    /** Bit −128 … 127 from [rsi + n] on. */
    private void bitString() {
        int index = free();
        bytes(0x48 | index >> 3, 0x83, oneOf(0xE0, 0xC8) | index & 7); // and 0 … 127, or −128 … −1
        boolean isBelow = (lastByte() & 0xF8) == 0xC8;
        bytes(isBelow ? 0x80 | random.nextInt(128) : random.nextInt(128));
        prefixes(index, 0);
        bytes(0x0F, oneOf(0xA3, 0xAB, 0xB3, 0xBB), 0x46 | (index & 7) << 3, 16 + random.nextInt(96));
    }

    /** Integers in XMM registers. */
    private void vector() {
        int registers = 0xC0 | random.nextInt(64);
        int memory = 0x46 | random.nextInt(8) << 3;
        int extension = random.nextInt(16);
        switch (random.nextInt(9)) {
            case 0 -> bytes(0xF3, 0x0F, oneOf(0x6F, 0x7F), memory, random.nextInt(112)); // movdqu
            case 1 ->
                bytes(0x66, 0x40 | extension & 5, 0x0F, oneOf(0x60, 0x64, 0x74, 0xD4, 0xDB, 0xEF, 0xFC), registers);
            case 2 ->
                bytes(0x66, 0x40 | extension & 5, 0x0F, 0x38, oneOf(0, 1, 0x0B, 0x1C, 0x29, 0x39, 0x40), registers);
            case 3 -> bytes(0x66, 0x0F, 0x38, 0x17, registers); // ptest
            case 4 -> bytes(0x66, 0x0F, 0xD7, 0xC0 | oneOf(0, 1, 2, 3, 5, 7) << 3 | random.nextInt(8)); // pmovmskb
            case 5 -> bytes(0x66, 0x40 | extension & 8, 0x0F, 0x6E, 0xC0 | registers & 0x38 | oneOf(0, 1, 2, 3, 5, 7));
            case 6 -> bytes(0x66, 0x40 | extension & 8, 0x0F, oneOf(0x6E, 0x7E), memory, random.nextInt(120));
            case 7 ->
                bytes(0x66, 0x0F, 0x38, oneOf(0x20, 0x22, 0x24, 0x31, 0x35), memory, random.nextInt(120)); // pmovsx, zx
            default -> bytes(0x66, 0x0F, 0x3A, 0x0F, registers, random.nextInt(40)); // palignr
        }
    }

    private void usual() {
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
        boolean bitTest = opcode.length == 2 && opcode[1] == 0xA3; // its memory form reaches far
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

    private int oneOf(int... values) {
        return values[random.nextInt(values.length)];
    }

    private int lastByte() {
        return out.toByteArray()[out.size() - 1] & 0xFF;
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
