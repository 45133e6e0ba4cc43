package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.NEAREST;
import static io.umbra.processor.fp.FloatEnvironment.TOWARD_ZERO;
import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;

/**
 * IEEE binary32 on raw bits, as SSE computes it: everything said of {@link Float64} holds. Where the JVM's own
 * arithmetic gives the result, binary64 is wide enough to check it in.
 */
public final class Float32 {
    public static final int LESS = -1;
    public static final int EQUAL = 0;
    public static final int GREATER = 1;
    public static final int UNORDERED = 2;

    /** The NaN that an invalid operation gives. */
    public static final int DEFAULT_NAN = 0xffc0_0000;

    private static final BinaryFormat FORMAT = BinaryFormat.SINGLE;
    private static final int SIGN = 1 << 31;
    private static final int INFINITY = 0x7f80_0000;
    private static final long INDEFINITE32 = Integer.MIN_VALUE;

    private Float32() {}

    public static boolean isNaN(int a) {
        return (a & ~SIGN) > INFINITY;
    }

    private static long wide(int a) {
        return Integer.toUnsignedLong(a);
    }

    /** Normal, and neither in the lowest nor in the highest binade: rounding cannot reach an end of the range. */
    private static boolean isModerate(int a) {
        return Integer.compareUnsigned((a >>> 23 & 0xff) - 2, 0xfb) < 0;
    }

    /** Exactness from Knuth's two-sum, whose error term is itself exact. */
    public static int add(int a, int b, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && isModerate(b)) {
            float x = intBitsToFloat(a);
            float y = intBitsToFloat(b);
            float sum = x + y;
            int result = floatToRawIntBits(sum);
            if (isModerate(result)) {
                float second = sum - x;
                if (x - (sum - second) + (y - second) != 0) env.flags |= INEXACT;
                return result;
            }
        }
        return (int) FORMAT.add(wide(a), wide(b), env);
    }

    public static int sub(int a, int b, FloatEnvironment env) {
        return add(a, isNaN(b) ? b : b ^ SIGN, env);
    }

    /** The product in binary64 is exact: 48 of 53 bits. */
    public static int mul(int a, int b, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && isModerate(b)) {
            double product = (double) intBitsToFloat(a) * intBitsToFloat(b);
            float rounded = (float) product;
            int result = floatToRawIntBits(rounded);
            if (isModerate(result)) {
                if (rounded != product) env.flags |= INEXACT;
                return result;
            }
        }
        return (int) FORMAT.mul(wide(a), wide(b), env);
    }

    /** Exact where quotient · divisor, exact in binary64, is the dividend. */
    public static int div(int a, int b, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && isModerate(b)) {
            float quotient = intBitsToFloat(a) / intBitsToFloat(b);
            int result = floatToRawIntBits(quotient);
            if (isModerate(result)) {
                if ((double) quotient * intBitsToFloat(b) != intBitsToFloat(a)) env.flags |= INEXACT;
                return result;
            }
        }
        return (int) FORMAT.div(wide(a), wide(b), env);
    }

    /** Exact where root², exact in binary64, is the argument. (A root rounded twice, through binary64, is correct.) */
    public static int sqrt(int a, FloatEnvironment env) {
        if (env.rounding == NEAREST && isModerate(a) && a >= 0) {
            float root = (float) Math.sqrt(intBitsToFloat(a));
            if ((double) root * root != intBitsToFloat(a)) env.flags |= INEXACT;
            return floatToRawIntBits(root);
        }
        return (int) FORMAT.sqrt(wide(a), env);
    }

    /** MINSS: the second operand when either is NaN (INVALID) or both are zeros. */
    public static int min(int a, int b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return intBitsToFloat(a) <= intBitsToFloat(b) ? a : b;
        return (int) FORMAT.extreme(wide(a), wide(b), LESS, env);
    }

    /** MAXSS: the second operand when either is NaN (INVALID) or both are zeros. */
    public static int max(int a, int b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return intBitsToFloat(a) >= intBitsToFloat(b) ? a : b;
        return (int) FORMAT.extreme(wide(a), wide(b), GREATER, env);
    }

    /** UCOMISS, and the quiet predicates of CMPSS: only a signalling NaN is INVALID. */
    public static int compareQuiet(int a, int b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return Float.compare(intBitsToFloat(a), intBitsToFloat(b));
        return FORMAT.compare(wide(a), wide(b), true, env);
    }

    /** COMISS, and the signalling predicates of CMPSS: any NaN is INVALID. */
    public static int compareSignalling(int a, int b, FloatEnvironment env) {
        if (isModerate(a) && isModerate(b)) return Float.compare(intBitsToFloat(a), intBitsToFloat(b));
        return FORMAT.compare(wide(a), wide(b), false, env);
    }

    /** a · b + c, rounded once. */
    public static int fusedMultiplyAdd(int a, int b, int c, FloatEnvironment env) {
        return (int) FORMAT.fusedMultiplyAdd(wide(a), wide(b), wide(c), env);
    }

    /** {@code a} with the other sign, but a NaN as it is. */
    public static int negated(int a) {
        return isNaN(a) ? a : a ^ SIGN;
    }

    /** VCVTPH2PS: exact, and denormals are numbers like others whatever MXCSR says. */
    public static int fromFloat16(int half, FloatEnvironment env) {
        BinaryFormat format = BinaryFormat.HALF;
        if (format.isDenormal(half)) return floatToRawIntBits(Float.float16ToFloat((short) half));
        return (int) format.convertTo(FORMAT, half, env);
    }

    /** VCVTPS2PH in one of the rounding modes. MXCSR.FTZ does not count. */
    public static int toFloat16(int a, int mode, FloatEnvironment env) {
        int rounding = env.rounding;
        boolean flush = env.flushToZero;
        env.rounding = mode;
        env.flushToZero = false;
        int half = (int) FORMAT.convertTo(BinaryFormat.HALF, wide(a), env);
        env.rounding = rounding;
        env.flushToZero = flush;
        return half;
    }

    /** CVTSS2SD: exact, but a NaN is quieted and a denormal operand reported. */
    public static long toFloat64(int a, FloatEnvironment env) {
        if (isModerate(a)) return Double.doubleToRawLongBits(intBitsToFloat(a));
        return FORMAT.convertTo(BinaryFormat.DOUBLE, wide(a), env);
    }

    /** CVTSS2SI: 0x80000000 with INVALID for what does not fit. */
    public static int toInt32(int a, FloatEnvironment env) {
        return (int) FORMAT.toInteger(wide(a), env.rounding, INDEFINITE32, env);
    }

    /** CVTTSS2SI. */
    public static int toInt32Truncated(int a, FloatEnvironment env) {
        return (int) FORMAT.toInteger(wide(a), TOWARD_ZERO, INDEFINITE32, env);
    }

    /** CVTSS2SI with REX.W: 0x80000000_00000000 with INVALID for what does not fit. */
    public static long toInt64(int a, FloatEnvironment env) {
        return FORMAT.toInteger(wide(a), env.rounding, Long.MIN_VALUE, env);
    }

    /** CVTTSS2SI with REX.W. */
    public static long toInt64Truncated(int a, FloatEnvironment env) {
        return FORMAT.toInteger(wide(a), TOWARD_ZERO, Long.MIN_VALUE, env);
    }

    /** CVTSI2SS. */
    public static int fromInt32(int value, FloatEnvironment env) {
        return fromInt64(value, env);
    }

    /** CVTSI2SS with REX.W. */
    public static int fromInt64(long value, FloatEnvironment env) {
        if (Math.abs(value) >>> 24 == 0) return floatToRawIntBits((float) value);
        return (int) FORMAT.fromInteger(value, env);
    }

    /** ROUNDSS in a rounding mode of {@link FloatEnvironment#rounding}; INEXACT is raised unless suppressed. */
    public static int roundToInteger(int a, int mode, boolean suppressInexact, FloatEnvironment env) {
        return (int) FORMAT.roundToInteger(wide(a), mode, suppressInexact, env);
    }

    /** RCPSS: 1/a to 12 significant bits; raises nothing. */
    public static int reciprocal(int a) {
        return Approximation32.reciprocal(a);
    }

    /** RSQRTSS: 1/√a to 12 significant bits; raises nothing. */
    public static int reciprocalRoot(int a) {
        return Approximation32.reciprocalRoot(a);
    }
}
