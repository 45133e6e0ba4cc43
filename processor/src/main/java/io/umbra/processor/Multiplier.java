package io.umbra.processor;

import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * Products and quotients of RAX and RDX, and the flags and #DE that go with them. Multiplication sets CF and OF when the product does not fit its low half, and leaves the
 * other four as they were, which is what AMD's processors do where the manuals leave them undefined.
 */
final class Multiplier {
    private Multiplier() {}

    /** MUL: RDX:RAX (AX for bytes) = RAX × b. */
    static void multiply(Cpu cpu, long b, int size) {
        long a = cpu.register(VcpuState.RAX, size);
        long low = a * b;
        long high = size == 8 ? Math.unsignedMultiplyHigh(a, b) : low >>> 8 * size;
        storePair(cpu, low, high, size);
        overflows(cpu, high != 0);
    }

    /** IMUL with one operand. {@code b} is sign-extended. */
    static void multiplySigned(Cpu cpu, long b, int size) {
        int shift = 64 - 8 * size;
        long a = cpu.gpr[VcpuState.RAX] << shift >> shift;
        long low = a * b;
        long high = size == 8 ? Math.multiplyHigh(a, b) : low >> 8 * size;
        storePair(cpu, low, high, size);
        overflows(cpu, size == 8 ? high != low >> 63 : low != low << shift >> shift);
    }

    /** IMUL with two or three operands, both sign-extended. The result has garbage above {@code size} bytes. */
    static long multiplySigned(Cpu cpu, long a, long b, int size) {
        int shift = 64 - 8 * size;
        long low = a * b;
        overflows(cpu, size == 8 ? Math.multiplyHigh(a, b) != low >> 63 : low != low << shift >> shift);
        return low;
    }

    /** DIV: RAX and RDX (AL and AH for bytes) become quotient and remainder of RDX:RAX (AX) by {@code divisor}, which is zero-extended. */
    static void divide(Cpu cpu, long divisor, int size) {
        if (size == 8) {
            divide64(cpu, divisor);
            return;
        }
        long dividend = dividend(cpu, size);
        if (divisor == 0) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        long quotient = Long.divideUnsigned(dividend, divisor);
        if (quotient >>> 8 * size != 0) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        storePair(cpu, quotient, dividend - quotient * divisor, size);
        cpu.flags.divide();
    }

    /** IDIV: the same with signs; the remainder has the dividend's. {@code divisor} is sign-extended. */
    static void divideSigned(Cpu cpu, long divisor, int size) {
        if (size == 8) {
            divideSigned64(cpu, divisor);
            return;
        }
        int shift = size == 4 ? 0 : 64 - 16 * size;
        long dividend = dividend(cpu, size) << shift >> shift;
        if (divisor == 0 || dividend == Long.MIN_VALUE && divisor == -1) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        long quotient = dividend / divisor;
        int unused = 64 - 8 * size;
        if (quotient << unused >> unused != quotient) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        storePair(cpu, quotient, dividend - quotient * divisor, size);
        cpu.flags.divide();
    }

    private static void divide64(Cpu cpu, long divisor) {
        long high = cpu.gpr[VcpuState.RDX];
        long low = cpu.gpr[VcpuState.RAX];
        if (Long.compareUnsigned(high, divisor) >= 0) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        long quotient = high == 0 ? Long.divideUnsigned(low, divisor) : quotient(high, low, divisor);
        storePair(cpu, quotient, low - quotient * divisor, 8);
        cpu.flags.divide();
    }

    private static void divideSigned64(Cpu cpu, long divisor) {
        long high = cpu.gpr[VcpuState.RDX];
        long low = cpu.gpr[VcpuState.RAX];
        boolean negative = high < 0;
        long magnitude = Math.abs(divisor);
        long magnitudeLow = negative ? -low : low;
        long magnitudeHigh = negative ? ~high + (low == 0 ? 1 : 0) : high;
        if (Long.compareUnsigned(magnitudeHigh, magnitude) >= 0) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        long unsigned = magnitudeHigh == 0
                ? Long.divideUnsigned(magnitudeLow, magnitude)
                : quotient(magnitudeHigh, magnitudeLow, magnitude);
        boolean quotientNegative = negative != divisor < 0;
        long quotient = quotientNegative ? -unsigned : unsigned;
        if (quotient != 0 && quotient < 0 != quotientNegative) {
            throw cpu.fault(Vector.DIVIDE_ERROR);
        }
        storePair(cpu, quotient, low - quotient * divisor, 8);
        cpu.flags.divide();
    }

    /**
     * high:low / divisor, unsigned, where high &lt; divisor: schoolbook division by two digits of 32 bits (Knuth, The Art of Computer Programming, vol. 2,
     * 4.3.1, algorithm D).
     */
    private static long quotient(long high, long low, long divisor) {
        int shift = Long.numberOfLeadingZeros(divisor);
        long v = divisor << shift;
        long u = shift == 0 ? high : high << shift | low >>> 64 - shift;
        long rest = low << shift;
        long q1 = digit(u, rest >>> 32, v);
        long middle = (u << 32 | rest >>> 32) - q1 * v;
        long q0 = digit(middle, rest & 0xFFFF_FFFFL, v);
        return q1 << 32 | q0;
    }

    /** One digit of 32 bits: (u × 2³² + next) / v, where the top bit of {@code v} is set and u &lt; v. */
    private static long digit(long u, long next, long v) {
        long v1 = v >>> 32;
        long v0 = v & 0xFFFF_FFFFL;
        long q = Long.divideUnsigned(u, v1);
        long rest = u - q * v1;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * v0, rest << 32 | next) > 0) {
            q--;
            rest += v1;
            if (rest >>> 32 != 0) {
                break;
            }
        }
        return q;
    }

    /** AX, DX:AX or EDX:EAX. */
    private static long dividend(Cpu cpu, int size) {
        return size == 1
                ? cpu.gpr[VcpuState.RAX] & 0xFFFF
                : cpu.register(VcpuState.RDX, size) << 8 * size | cpu.register(VcpuState.RAX, size);
    }

    private static void storePair(Cpu cpu, long low, long high, int size) {
        cpu.setRegister(VcpuState.RAX, size, low);
        if (size == 1) {
            cpu.setHighByte(VcpuState.RAX, high);
        } else {
            cpu.setRegister(VcpuState.RDX, size, high);
        }
    }

    private static void overflows(Cpu cpu, boolean value) {
        cpu.flags.carry(value);
        cpu.flags.overflow(value);
    }
}
