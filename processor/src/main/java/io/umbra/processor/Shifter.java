package io.umbra.processor;

/**
 * Shifts and rotates: results and flags. Values are zero-extended to 64 bits going in and have garbage above {@code bits} coming out. Counts are already masked (to 5
 * bits, to 6 for 64-bit operands) and not 0: a count of 0 changes no flag, and no shift is computed for it.
 *
 * <p>OF is defined for counts of 1 only. For all others the rules here are the same, as AMD's processors have it: to the left, the top bit of the result
 * XOR CF; to the right, the two top bits of the result XORed.
 */
final class Shifter {
    static final int ROL = 0;
    static final int ROR = 1;
    static final int RCL = 2;
    static final int RCR = 3;
    static final int SHL = 4;
    static final int SHR = 5;
    static final int SAR = 7;

    private Shifter() {}

    static long shiftLeft(Cpu cpu, long a, int count, int bits) {
        long r = a << count;
        return shiftedLeft(cpu, r, a >>> bits - count & 1, bits);
    }

    static long shiftRight(Cpu cpu, long a, int count, int bits) {
        return shiftedRight(cpu, a >>> count, a >>> count - 1 & 1, bits);
    }

    static long shiftRightSigned(Cpu cpu, long a, int count, int bits) {
        long signed = a << 64 - bits >> 64 - bits;
        return shiftedRight(cpu, signed >> count, signed >> count - 1 & 1, bits);
    }

    /** SHLD: the bits that come in from the right are the top ones of {@code b}. Undefined for 16-bit operands and more than 16. */
    static long shiftLeftDouble(Cpu cpu, long a, long b, int count, int bits) {
        if (count > bits) {
            long r = rotatedLeft(b, count - bits, bits);
            cpu.flags.shift(r, bits, 0, 0);
            return r;
        }
        return shiftedLeft(cpu, a << count | b >>> bits - count, a >>> bits - count & 1, bits);
    }

    /** SHRD: the bits that come in from the left are the low ones of {@code b}. Undefined for 16-bit operands and more than 16. */
    static long shiftRightDouble(Cpu cpu, long a, long b, int count, int bits) {
        if (count > bits) {
            return shiftedRight(cpu, rotatedRight(b, count - bits, bits), 0, bits);
        }
        return shiftedRight(cpu, a >>> count | b << bits - count, a >>> count - 1 & 1, bits);
    }

    static long rotateLeft(Cpu cpu, long a, int count, int bits) {
        long r = rotatedLeft(a, count & bits - 1, bits);
        carryFromLeft(cpu, r, r & 1, bits);
        return r;
    }

    static long rotateRight(Cpu cpu, long a, int count, int bits) {
        long r = rotatedRight(a, count & bits - 1, bits);
        carryFromRight(cpu, r, r >>> bits - 1 & 1, bits);
        return r;
    }

    /** RCL: CF is one more bit on top. */
    static long rotateLeftThroughCarry(Cpu cpu, long a, int count, int bits) {
        long carry = cpu.flags.carry() ? 1 : 0;
        int n = count % (bits + 1);
        if (n == 0) {
            carryFromLeft(cpu, a, carry, bits);
            return a;
        }
        long r = a << n | carry << n - 1 | (n == 1 ? 0 : a >>> bits + 1 - n);
        carryFromLeft(cpu, r, a >>> bits - n & 1, bits);
        return r;
    }

    /** RCR: CF is one more bit at the bottom. */
    static long rotateRightThroughCarry(Cpu cpu, long a, int count, int bits) {
        long carry = cpu.flags.carry() ? 1 : 0;
        int n = count % (bits + 1);
        if (n == 0) {
            carryFromRight(cpu, a, carry, bits);
            return a;
        }
        long r = a >>> n | carry << bits - n | (n == 1 ? 0 : a << bits + 1 - n);
        carryFromRight(cpu, r, a >>> n - 1 & 1, bits);
        return r;
    }

    /** Any of the numbered operations. */
    static long compute(Cpu cpu, int operation, long a, int count, int bits) {
        return switch (operation) {
            case ROL -> rotateLeft(cpu, a, count, bits);
            case ROR -> rotateRight(cpu, a, count, bits);
            case RCL -> rotateLeftThroughCarry(cpu, a, count, bits);
            case RCR -> rotateRightThroughCarry(cpu, a, count, bits);
            case SHR -> shiftRight(cpu, a, count, bits);
            case SAR -> shiftRightSigned(cpu, a, count, bits);
            default -> shiftLeft(cpu, a, count, bits);
        };
    }

    private static long rotatedLeft(long a, int n, int bits) {
        return n == 0 ? a : a << n | a >>> bits - n;
    }

    private static long rotatedRight(long a, int n, int bits) {
        return n == 0 ? a : a >>> n | a << bits - n;
    }

    private static long shiftedLeft(Cpu cpu, long r, long carry, int bits) {
        cpu.flags.shift(r, bits, carry, r >>> bits - 1 & 1 ^ carry);
        return r;
    }

    private static long shiftedRight(Cpu cpu, long r, long carry, int bits) {
        cpu.flags.shift(r, bits, carry, (r >>> bits - 1 ^ r >>> bits - 2) & 1);
        return r;
    }

    private static void carryFromLeft(Cpu cpu, long r, long carry, int bits) {
        cpu.flags.carry(carry != 0);
        cpu.flags.overflow((r >>> bits - 1 & 1) != carry);
    }

    private static void carryFromRight(Cpu cpu, long r, long carry, int bits) {
        cpu.flags.carry(carry != 0);
        cpu.flags.overflow(((r >>> bits - 1 ^ r >>> bits - 2) & 1) != 0);
    }
}
