package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.DENORMAL;
import static io.umbra.processor.fp.FloatEnvironment.DIVIDE_BY_ZERO;
import static io.umbra.processor.fp.FloatEnvironment.DOWN;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;
import static io.umbra.processor.fp.FloatEnvironment.OVERFLOW;
import static io.umbra.processor.fp.FloatEnvironment.UNDERFLOW;

/**
 * SSE arithmetic in integers, for every rounding mode and every operand: what {@link Float32} and {@link Float64} use
 * where the JVM's own arithmetic does not tell enough. Numbers are raw bits; binary32 is zero-extended to 64 bits.
 *
 * <p>A finite number is taken apart into sign, biased exponent and a significand of 64 bits with its top bit set, so
 * that its value is significand · 2⁻⁶³ · 2^(exponent − bias).
 */
final class BinaryFormat {
    static final BinaryFormat HALF = new BinaryFormat(11, 5);
    static final BinaryFormat SINGLE = new BinaryFormat(24, 8);
    static final BinaryFormat DOUBLE = new BinaryFormat(53, 11);

    final int precision;
    final int bias;
    final long signBit;
    final long infinity;
    final long quietBit;
    final long defaultNaN;
    private final int fractionBits;
    private final int maxExponent;

    private BinaryFormat(int precision, int exponentBits) {
        this.precision = precision;
        fractionBits = precision - 1;
        maxExponent = (1 << exponentBits) - 1;
        bias = maxExponent >> 1;
        signBit = 1L << fractionBits + exponentBits;
        infinity = (long) maxExponent << fractionBits;
        quietBit = 1L << fractionBits - 1;
        defaultNaN = signBit | infinity | quietBit;
    }

    boolean isNaN(long a) {
        return (a & ~signBit) > infinity;
    }

    boolean isSignalling(long a) {
        return isNaN(a) && (a & quietBit) == 0;
    }

    boolean isInfinite(long a) {
        return (a & ~signBit) == infinity;
    }

    boolean isZero(long a) {
        return (a & ~signBit) == 0;
    }

    boolean isDenormal(long a) {
        return (a & infinity) == 0 && !isZero(a);
    }

    boolean isNegative(long a) {
        return (a & signBit) != 0;
    }

    /** The operand as MXCSR.DAZ lets the operation see it. */
    long operand(long a, FloatEnvironment env) {
        return env.denormalsAreZero && isDenormal(a) ? a & signBit : a;
    }

    private long fraction(long a) {
        return a & (1L << fractionBits) - 1;
    }

    /** The biased exponent of a finite number other than zero; below 1 for denormals. */
    int exponent(long a) {
        int field = (int) ((a & infinity) >>> fractionBits);
        return field != 0 ? field : 65 - precision - Long.numberOfLeadingZeros(fraction(a));
    }

    /** The significand of a finite number other than zero, top bit set. */
    long significand(long a) {
        long fraction = fraction(a);
        if ((a & infinity) == 0) return fraction << Long.numberOfLeadingZeros(fraction);
        return (fraction | 1L << fractionBits) << 64 - precision;
    }

    /** The significand of a NaN or an infinity with an explicit integer bit. */
    long nanSignificand(long a) {
        return (fraction(a) | 1L << fractionBits) << 64 - precision;
    }

    private long invalid(FloatEnvironment env) {
        env.flags |= INVALID;
        return defaultNaN;
    }

    /** The result of an operation with one NaN operand. */
    long quieted(long nan, FloatEnvironment env) {
        if (isSignalling(nan)) env.flags |= INVALID;
        return nan | quietBit;
    }

    /** The result of an operation with a NaN among its two operands: the first that is one. SDM vol. 1, table 4-7. */
    private long propagated(long a, long b, FloatEnvironment env) {
        if (isSignalling(a) || isSignalling(b)) env.flags |= INVALID;
        return (isNaN(a) ? a : b) | quietBit;
    }

    /** Raises DENORMAL where an operand is one, and says whether that ends the operation. */
    private boolean denormalStops(long a, long b, FloatEnvironment env) {
        return (isDenormal(a) || isDenormal(b)) && env.raise(DENORMAL);
    }

    /**
     * Rounds and encodes.
     *
     * @param sign 0 or {@link #signBit}
     * @param significand top bit set; bits that were cut off before are or-ed into bit 0
     * @param sse whether MXCSR.FTZ applies; if not, it is the x87 that stores, and an unmasked overflow or underflow
     *     stores nothing
     */
    long pack(long sign, int exponent, long significand, boolean sse, FloatEnvironment env) {
        long kept = significand >>> 64 - precision;
        long below = significand << precision;
        boolean away = env.roundsAway(sign != 0, (kept & 1) != 0, below);
        if (exponent < 1) {
            boolean tiny = exponent < 0 || !away || kept != (1L << precision) - 1;
            return packDenormal(sign, exponent, significand, tiny, sse, env);
        }
        long magnitude = ((long) (exponent - 1) << fractionBits) + kept + (away ? 1 : 0);
        if (exponent >= maxExponent || magnitude >= infinity) return overflow(sign, sse && below != 0, env);
        if (below != 0) env.flags |= INEXACT;
        env.roundedUp = away;
        return sign | magnitude;
    }

    private long packDenormal(
            long sign, int exponent, long significand, boolean tiny, boolean sse, FloatEnvironment env) {
        boolean masked = (env.masked & UNDERFLOW) != 0;
        if (tiny && sse && env.flushToZero && masked) {
            env.flags |= UNDERFLOW | INEXACT;
            return sign;
        }
        if (tiny && !masked) {
            // Exactness is then that of the result with an unbounded exponent.
            env.flags |= sse && significand << precision != 0 ? UNDERFLOW | INEXACT : UNDERFLOW;
            return sign;
        }
        long shifted = Unsigned128.shiftRightJam(significand, 1 - exponent);
        long kept = shifted >>> 64 - precision;
        long below = shifted << precision;
        if (below != 0) env.flags |= INEXACT;
        if (tiny && below != 0) env.flags |= UNDERFLOW;
        env.roundedUp = env.roundsAway(sign != 0, (kept & 1) != 0, below);
        return sign | kept + (env.roundedUp ? 1 : 0);
    }

    private long overflow(long sign, boolean inexact, FloatEnvironment env) {
        env.flags |= OVERFLOW;
        boolean masked = (env.masked & OVERFLOW) != 0;
        if (inexact || masked) env.flags |= INEXACT;
        env.roundedUp = masked && env.overflowsToInfinity(sign != 0);
        return sign | infinity - (env.roundedUp ? 0 : 1);
    }

    long add(long first, long second, FloatEnvironment env) {
        if (isNaN(first) || isNaN(second)) return propagated(first, second, env);
        long a = operand(first, env);
        long b = operand(second, env);
        if (isInfinite(a) && b == (a ^ signBit)) return invalid(env);
        if (denormalStops(a, b, env) || isInfinite(a)) return a;
        if (isInfinite(b)) return b;
        if (isZero(a) || isZero(b)) return addZero(a, b, env);
        return exponent(a) >= exponent(b) ? addSmaller(a, b, env) : addSmaller(b, a, env);
    }

    private long addZero(long a, long b, FloatEnvironment env) {
        if (!isZero(a)) return repack(a, env);
        if (!isZero(b)) return repack(b, env);
        return a == b ? a : zeroOfCancellation(env);
    }

    /** A denormal that passes through an operation unchanged is a tiny result like any other. */
    private long repack(long a, FloatEnvironment env) {
        return isDenormal(a) ? pack(a & signBit, exponent(a), significand(a), true, env) : a;
    }

    private long zeroOfCancellation(FloatEnvironment env) {
        return env.rounding == DOWN ? signBit : 0;
    }

    private long addSmaller(long a, long b, FloatEnvironment env) {
        int exponent = exponent(a);
        // One bit of room for the carry; below it, a double leaves ten bits: enough to round, whatever cancels.
        long larger = significand(a) >>> 1;
        long smaller = Unsigned128.shiftRightJam(significand(b) >>> 1, exponent - exponent(b));
        long sign = a & signBit;
        long sum = larger + smaller;
        if (((a ^ b) & signBit) != 0) {
            sum = larger - smaller;
            if (sum == 0) return zeroOfCancellation(env);
            if (sum < 0) {
                sum = -sum;
                sign ^= signBit;
            }
        }
        int shift = Long.numberOfLeadingZeros(sum);
        return pack(sign, exponent + 1 - shift, sum << shift, true, env);
    }

    long mul(long first, long second, FloatEnvironment env) {
        if (isNaN(first) || isNaN(second)) return propagated(first, second, env);
        long a = operand(first, env);
        long b = operand(second, env);
        long sign = (a ^ b) & signBit;
        boolean infinite = isInfinite(a) || isInfinite(b);
        boolean zero = isZero(a) || isZero(b);
        if (infinite && zero) return invalid(env);
        if (denormalStops(a, b, env)) return a;
        if (infinite) return sign | infinity;
        if (zero) return sign;
        long high = Math.unsignedMultiplyHigh(significand(a), significand(b));
        long low = significand(a) * significand(b);
        int shift = high < 0 ? 0 : 1;
        long product = Unsigned128.shiftLeftHigh(high, low, shift) | (low != 0 ? 1 : 0);
        return pack(sign, exponent(a) + exponent(b) - bias + 1 - shift, product, true, env);
    }

    /** first · second + third, rounded once. Of several NaNs the first is the result. */
    long fusedMultiplyAdd(long first, long second, long third, FloatEnvironment env) {
        if (isNaN(first) || isNaN(second)) {
            if (isSignalling(third)) env.flags |= INVALID;
            return propagated(first, second, env);
        }
        long a = operand(first, env);
        long b = operand(second, env);
        long c = operand(third, env);
        boolean infinite = isInfinite(a) || isInfinite(b);
        boolean zero = isZero(a) || isZero(b);
        if (isNaN(c)) return quieted(c, env);
        long sign = (a ^ b) & signBit;
        if (infinite && (zero || isInfinite(c) && (c & signBit) != sign)) return invalid(env);
        if (denormalStops(a, b, env) || denormalStops(c, c, env)) return a;
        if (infinite) return sign | infinity;
        if (isInfinite(c)) return c;
        if (zero) return addZero(sign, c, env);
        return fused(sign, a, b, c, env);
    }

    /** Of finite numbers, the factors not zero: both summands as integers of 128 bits, with one bit of room for the carry. What alignment cuts off is or-ed into the last bit. */
    private long fused(long sign, long a, long b, long c, FloatEnvironment env) {
        long product = Math.unsignedMultiplyHigh(significand(a), significand(b));
        long high = product >>> 1;
        long low = product << 63 | significand(a) * significand(b) >>> 1;
        int exponent = exponent(a) + exponent(b) - bias + 1;
        if (!isZero(c)) {
            long otherHigh = significand(c) >>> 1;
            long otherLow = 0;
            int distance = exponent - exponent(c);
            if (distance >= 0) {
                otherLow = Unsigned128.shiftRightJamLow(otherHigh, 0, Math.min(distance, 127));
                otherHigh = Unsigned128.shiftRightHigh(otherHigh, Math.min(distance, 127));
            } else {
                low = Unsigned128.shiftRightJamLow(high, low, Math.min(-distance, 127));
                high = Unsigned128.shiftRightHigh(high, Math.min(-distance, 127));
                exponent = exponent(c);
            }
            if ((c & signBit) == sign) {
                low += otherLow;
                high += otherHigh + (Long.compareUnsigned(low, otherLow) < 0 ? 1 : 0);
            } else {
                boolean borrows = Long.compareUnsigned(low, otherLow) < 0;
                low -= otherLow;
                high -= otherHigh + (borrows ? 1 : 0);
                if ((high | low) == 0) return zeroOfCancellation(env);
                if (high < 0) {
                    sign ^= signBit;
                    high = low == 0 ? -high : ~high;
                    low = -low;
                }
            }
        }
        int shift = high != 0 ? Long.numberOfLeadingZeros(high) : 64 + Long.numberOfLeadingZeros(low);
        long top = Unsigned128.shiftLeftHigh(high, low, shift);
        long rest = Unsigned128.shiftLeftLow(low, shift);
        return pack(sign, exponent + 1 - shift, top | (rest != 0 ? 1 : 0), true, env);
    }

    long div(long first, long second, FloatEnvironment env) {
        if (isNaN(first) || isNaN(second)) return propagated(first, second, env);
        long a = operand(first, env);
        long b = operand(second, env);
        long sign = (a ^ b) & signBit;
        if (isInfinite(a) && isInfinite(b) || isZero(a) && isZero(b)) return invalid(env);
        if (isZero(b) && !isInfinite(a)) {
            env.flags |= DIVIDE_BY_ZERO;
            return sign | infinity;
        }
        if (denormalStops(a, b, env)) return a;
        if (isInfinite(a)) return sign | infinity;
        if (isInfinite(b) || isZero(a)) return sign;
        long dividend = significand(a);
        long divisor = significand(b);
        int shift = Long.compareUnsigned(dividend, divisor) < 0 ? 0 : 1;
        long low = shift == 0 ? 0 : dividend << 63;
        long quotient = Unsigned128.divide(dividend >>> shift, low, divisor);
        if (low != quotient * divisor) quotient |= 1;
        return pack(sign, exponent(a) - exponent(b) + bias - 1 + shift, quotient, true, env);
    }

    long sqrt(long argument, FloatEnvironment env) {
        if (isNaN(argument)) return quieted(argument, env);
        long a = operand(argument, env);
        if (isZero(a)) return a;
        if (isNegative(a)) return invalid(env);
        if (denormalStops(a, a, env) || isInfinite(a)) return a;
        int unbiased = exponent(a) - bias;
        int shift = unbiased & 1 ^ 1;
        long high = significand(a) >>> shift;
        long low = shift == 0 ? 0 : significand(a) << 63;
        long root = Unsigned128.sqrt(high, low);
        if (low != root * root || high != Math.unsignedMultiplyHigh(root, root)) root |= 1;
        return pack(0, (unbiased >> 1) + bias, root, true, env);
    }

    /** One of -1, 0, 1, or 2 for unordered. */
    int compare(long first, long second, boolean quiet, FloatEnvironment env) {
        if (isNaN(first) || isNaN(second)) {
            if (!quiet || isSignalling(first) || isSignalling(second)) env.flags |= INVALID;
            return 2;
        }
        long a = operand(first, env);
        long b = operand(second, env);
        if (isDenormal(a) || isDenormal(b)) env.flags |= DENORMAL;
        return Long.compare(ordered(a), ordered(b));
    }

    /** A number whose order as an integer is the order of the floating-point numbers; both zeros are 0. */
    private long ordered(long a) {
        return isNegative(a) ? -(a & ~signBit) : a;
    }

    /** MINSS and MAXSS: the second operand unless the first is strictly beyond it. */
    long extreme(long first, long second, int wanted, FloatEnvironment env) {
        int order = compare(first, second, false, env);
        return operand(order == wanted ? first : second, env);
    }

    /** CVTSS2SD and CVTSD2SS. */
    long convertTo(BinaryFormat target, long argument, FloatEnvironment env) {
        if (isNaN(argument)) {
            long nan = quieted(argument, env);
            int shift = target.fractionBits - fractionBits;
            long payload = shift >= 0 ? fraction(nan) << shift : fraction(nan) >>> -shift;
            return (isNegative(nan) ? target.signBit : 0) | target.infinity | payload;
        }
        long a = operand(argument, env);
        long sign = isNegative(a) ? target.signBit : 0;
        if (denormalStops(a, a, env) || isZero(a)) return sign;
        if (isInfinite(a)) return sign | target.infinity;
        return target.pack(sign, exponent(a) - bias + target.bias, significand(a), true, env);
    }

    /** To a signed integer of 32 or 64 bits; {@code indefinite}, which is its least value, with INVALID. */
    long toInteger(long argument, int mode, long indefinite, FloatEnvironment env) {
        long a = operand(argument, env);
        if (isZero(a)) return 0;
        int unbiased = exponent(a) - bias;
        if (unbiased <= 63) {
            boolean negative = isNegative(a);
            long integer = unbiased < 0 ? 0 : significand(a) >>> 63 - unbiased;
            long below = fractionBelow(significand(a), unbiased);
            if (FloatEnvironment.roundsAway(mode, negative, (integer & 1) != 0, below)) integer++;
            long limit = negative ? -indefinite : -indefinite - 1;
            if (Long.compareUnsigned(integer, limit) <= 0) {
                if (below != 0) env.flags |= INEXACT;
                return negative ? -integer : integer;
            }
        }
        env.flags |= INVALID;
        return indefinite;
    }

    /** What lies below the integer part, in 2⁻⁶⁴. */
    static long fractionBelow(long significand, int unbiased) {
        if (unbiased >= 63) return 0;
        return unbiased >= 0 ? significand << unbiased + 1 : Unsigned128.shiftRightJam(significand, -1 - unbiased);
    }

    long fromInteger(long value, FloatEnvironment env) {
        if (value == 0) return 0;
        long magnitude = Math.abs(value);
        int shift = Long.numberOfLeadingZeros(magnitude);
        return pack(value < 0 ? signBit : 0, bias + 63 - shift, magnitude << shift, true, env);
    }

    /** ROUNDSS and ROUNDSD in one of the rounding modes. */
    long roundToInteger(long argument, int mode, boolean suppressInexact, FloatEnvironment env) {
        if (isNaN(argument)) return quieted(argument, env);
        long a = operand(argument, env);
        if (isZero(a)) return a;
        int unbiased = exponent(a) - bias;
        if (unbiased >= fractionBits) return a;
        long integer = unbiased < 0 ? 0 : significand(a) >>> 63 - unbiased;
        long below = fractionBelow(significand(a), unbiased);
        if (FloatEnvironment.roundsAway(mode, isNegative(a), (integer & 1) != 0, below)) integer++;
        if (below != 0 && !suppressInexact) env.flags |= INEXACT;
        long sign = a & signBit;
        if (integer == 0) return sign;
        int shift = Long.numberOfLeadingZeros(integer);
        return pack(sign, bias + 63 - shift, integer << shift, false, env);
    }
}
