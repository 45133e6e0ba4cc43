package io.umbra.processor;

/**
 * The binary arithmetic and logic of the integer instructions: results and flags, each written once. Operands may have garbage above
 * {@code bits} (8, 16, 32, 64), and so may results; whoever stores a result cuts it. Intel SDM vol. 1, "Status Flags"; AF after logic, which is undefined there,
 * is 0 as AMD's processors leave it.
 *
 * <p>Operations are numbered as in the opcodes of the first six rows of the opcode map and in the reg field of group 1.
 */
final class Alu {
    static final int ADD = 0;
    static final int OR = 1;
    static final int ADC = 2;
    static final int SBB = 3;
    static final int AND = 4;
    static final int SUB = 5;
    static final int XOR = 6;
    /** Subtracts, and its result is not stored. */
    static final int CMP = 7;
    /** ANDs, and its result is not stored. */
    static final int TEST = 8;

    private Alu() {}

    static long add(Cpu cpu, long a, long b, int bits) {
        long r = a + b;
        cpu.flags.add(a, b, r, bits);
        return r;
    }

    static long addWithCarry(Cpu cpu, long a, long b, int bits) {
        long r = a + b + (cpu.flags.carry() ? 1 : 0);
        cpu.flags.add(a, b, r, bits);
        return r;
    }

    static long subtract(Cpu cpu, long a, long b, int bits) {
        long r = a - b;
        cpu.flags.subtract(a, b, r, bits);
        return r;
    }

    static long subtractWithBorrow(Cpu cpu, long a, long b, int bits) {
        long r = a - b - (cpu.flags.carry() ? 1 : 0);
        cpu.flags.subtract(a, b, r, bits);
        return r;
    }

    static long and(Cpu cpu, long a, long b, int bits) {
        long r = a & b;
        cpu.flags.logic(r, bits);
        return r;
    }

    static long or(Cpu cpu, long a, long b, int bits) {
        long r = a | b;
        cpu.flags.logic(r, bits);
        return r;
    }

    static long xor(Cpu cpu, long a, long b, int bits) {
        long r = a ^ b;
        cpu.flags.logic(r, bits);
        return r;
    }

    static long increment(Cpu cpu, long a, int bits) {
        cpu.flags.increment(a, a + 1, bits);
        return a + 1;
    }

    static long decrement(Cpu cpu, long a, int bits) {
        cpu.flags.decrement(a, a - 1, bits);
        return a - 1;
    }

    static long negate(Cpu cpu, long a, int bits) {
        return subtract(cpu, 0, a, bits);
    }

    /** Any of the numbered operations, for the forms that are not worth a class each. */
    static long compute(Cpu cpu, int operation, long a, long b, int bits) {
        return switch (operation) {
            case ADD -> add(cpu, a, b, bits);
            case OR -> or(cpu, a, b, bits);
            case ADC -> addWithCarry(cpu, a, b, bits);
            case SBB -> subtractWithBorrow(cpu, a, b, bits);
            case SUB, CMP -> subtract(cpu, a, b, bits);
            case XOR -> xor(cpu, a, b, bits);
            default -> and(cpu, a, b, bits);
        };
    }
}
