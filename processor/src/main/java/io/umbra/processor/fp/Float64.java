package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.NEAREST;
import static io.umbra.processor.fp.FloatEnvironment.TOWARD_ZERO;
import static java.lang.Double.doubleToRawLongBits;
import static java.lang.Double.longBitsToDouble;

/**
 * IEEE binary64 on raw bits, as SSE computes it (Intel SDM vol. 1, chapter 11): DAZ, FTZ, masks and rounding from the
 * environment, flags into it. The result of an operation that raised an unmasked exception is unspecified: the caller
 * does not write it.
 *
 * <p>Where the rounding mode is nearest and no operand or result is near an end of the exponent range, the JVM's own
 * arithmetic gives the result, and what is left to find out is whether it is exact. Each operation says how.
 */
public final class Float64 {
    public static final int LESS = -1;
    public static final int EQUAL = 0;
    public static final int GREATER = 1;
    public static final int UNORDERED = 2;

    /** The NaN that an invalid operation gives. */
    public static final long DEFAULT_NAN = 0xfff8_0000_0000_0000L;

    private static final BinaryFormat FORMAT = BinaryFormat.DOUBLE;
    private static final long SIGN = 1L << 63;
    private static final long IMPLICIT = 1L << 52;
    private static final long INFINITY = 0x7ff0_0000_0000_0000L;
    private static final long INDEFINITE32 = Integer.MIN_VALUE;

    private Float64() {}

    public static boolean isNaN(long a) {
        return (a & ~SIGN) > INFINITY;
    }

    private static int exponent(long a) {
        return (int) (a >>> 52) & 0x7ff;
    }

    private static long significand(long a) {
        return a & IMPLICIT - 1 | IMPLICIT;
    }

    /** Normal, and neither in the lowest nor in the highest binade: rounding cannot reach an end of the range. */
    private static boolean isModerate(long a) {
        return Integer.compareUnsigned(exponent(a) - 2, 0x7fb) < 0;
    }

    /** Exactness from Knuth's two-sum, whose error term is itself exact. */
    public static long add(long a, long b, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && isModerate(b)) {
            double x = longBitsToDouble(a);
            double y = longBitsToDouble(b);
            double sum = x + y;
            long result = doubleToRawLongBits(sum);
            if (isModerate(result)) {
                double second = sum - x;
                if (x - (sum - second) + (y - second) != 0) env.flags |= INEXACT;
                return result;
            }
        }
        return FORMAT.add(a, b, env);
    }

    public static long sub(long a, long b, FloatEnvironment env) {
        return add(a, isNaN(b) ? b : b ^ SIGN, env);
    }

    /**
     * A product of two 53-bit significands has 105 bits, or 106 when its exponent is the larger one; it is exact where
     * the 52 or 53 bits below the result are zero, and a product ends in as many zeros as its factors together. (When
     * rounding alone makes the exponent larger, the product is inexact by either count.)
     */
    public static long mul(long a, long b, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && isModerate(b)) {
            long result = doubleToRawLongBits(longBitsToDouble(a) * longBitsToDouble(b));
            if (isModerate(result)) {
                int zeros = Long.numberOfTrailingZeros(a | IMPLICIT) + Long.numberOfTrailingZeros(b | IMPLICIT);
                int larger = exponent(result) - exponent(a) - exponent(b) + 1023;
                if (zeros < 52 + larger) env.flags |= INEXACT;
                return result;
            }
        }
        return FORMAT.mul(a, b, env);
    }

    /**
     * Exact where quotient · divisor = dividend. As integers of one scale, both sides differ by at most half the
     * divisor's significand, so that their low 64 bits tell.
     */
    public static long div(long a, long b, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && isModerate(b)) {
            long result = doubleToRawLongBits(longBitsToDouble(a) / longBitsToDouble(b));
            if (isModerate(result)) {
                int scale = 52 + exponent(a) - 1023 - exponent(result) - exponent(b) + 2 * 1023;
                if (significand(result) * significand(b) != significand(a) << scale) env.flags |= INEXACT;
                return result;
            }
        }
        return FORMAT.div(a, b, env);
    }

    /** Exact where root² = argument; as in {@link #div}, the low 64 bits of both sides tell. */
    public static long sqrt(long a, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && a >= 0) {
            long result = doubleToRawLongBits(Math.sqrt(longBitsToDouble(a)));
            int scale = 52 + exponent(a) - 1023 - 2 * (exponent(result) - 1023);
            if (significand(result) * significand(result) != significand(a) << scale) env.flags |= INEXACT;
            return result;
        }
        return FORMAT.sqrt(a, env);
    }

    /** MINSD: the second operand when either is NaN (INVALID) or both are zeros. */
    public static long min(long a, long b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return longBitsToDouble(a) <= longBitsToDouble(b) ? a : b;
        return FORMAT.extreme(a, b, LESS, env);
    }

    /** MAXSD: the second operand when either is NaN (INVALID) or both are zeros. */
    public static long max(long a, long b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return longBitsToDouble(a) >= longBitsToDouble(b) ? a : b;
        return FORMAT.extreme(a, b, GREATER, env);
    }

    /** UCOMISD, and the quiet predicates of CMPSD: only a signalling NaN is INVALID. */
    public static int compareQuiet(long a, long b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return Double.compare(longBitsToDouble(a), longBitsToDouble(b));
        return FORMAT.compare(a, b, true, env);
    }

    /** COMISD, and the signalling predicates of CMPSD: any NaN is INVALID. */
    public static int compareSignalling(long a, long b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return Double.compare(longBitsToDouble(a), longBitsToDouble(b));
        return FORMAT.compare(a, b, false, env);
    }

    /** a · b + c, rounded once. */
    public static long fusedMultiplyAdd(long a, long b, long c, FloatEnvironment env) {
        return FORMAT.fusedMultiplyAdd(a, b, c, env);
    }

    /** {@code a} with the other sign, but a NaN as it is. */
    public static long negated(long a) {
        return isNaN(a) ? a : a ^ SIGN;
    }

    /** CVTSD2SS. */
    public static int toFloat32(long a, FloatEnvironment env) {
        double value = longBitsToDouble(a);
        float rounded = (float) value;
        if (env.rounding == NEAREST && Math.abs(rounded) >= 0x1p-125f && Math.abs(rounded) < 0x1p127f) {
            if (rounded != value) env.flags |= INEXACT;
            return Float.floatToRawIntBits(rounded);
        }
        return (int) FORMAT.convertTo(BinaryFormat.SINGLE, a, env);
    }

    /** CVTSD2SI: 0x80000000 with INVALID for what does not fit. */
    public static int toInt32(long a, FloatEnvironment env) {
        return (int) FORMAT.toInteger(a, env.rounding, INDEFINITE32, env);
    }

    /** CVTTSD2SI. */
    public static int toInt32Truncated(long a, FloatEnvironment env) {
        double value = longBitsToDouble(a);
        int result = (int) value;
        if (result == value && result != 0) return result;
        return (int) FORMAT.toInteger(a, TOWARD_ZERO, INDEFINITE32, env);
    }

    /** CVTSD2SI with REX.W: 0x80000000_00000000 with INVALID for what does not fit. */
    public static long toInt64(long a, FloatEnvironment env) {
        return FORMAT.toInteger(a, env.rounding, Long.MIN_VALUE, env);
    }

    /** CVTTSD2SI with REX.W. */
    public static long toInt64Truncated(long a, FloatEnvironment env) {
        return FORMAT.toInteger(a, TOWARD_ZERO, Long.MIN_VALUE, env);
    }

    /** CVTSI2SD: always exact. */
    public static long fromInt32(int value) {
        return doubleToRawLongBits((double) value);
    }

    /** CVTSI2SD with REX.W. */
    public static long fromInt64(long value, FloatEnvironment env) {
        if (Math.abs(value) >>> 53 == 0) return doubleToRawLongBits((double) value);
        return FORMAT.fromInteger(value, env);
    }

    /** ROUNDSD in a rounding mode of {@link FloatEnvironment#rounding}; INEXACT is raised unless suppressed. */
    public static long roundToInteger(long a, int mode, boolean suppressInexact, FloatEnvironment env) {
        return FORMAT.roundToInteger(a, mode, suppressInexact, env);
    }
}
