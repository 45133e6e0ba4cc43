package io.umbra.processor.fp;

import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;

/**
 * RCPSS and RSQRTSS. The architecture defines them up to a relative error of 1.5 · 2⁻¹²; here, the true value is rounded
 * to 12 significant bits. They raise nothing and follow no control bit: denormals are zeros, as operands and as results
 * (Intel SDM vol. 2B, "RCPPS").
 */
final class Approximation32 {
    private static final int SIGN = 1 << 31;
    private static final int INFINITY = 0x7f80_0000;
    private static final int MIN_NORMAL = 0x0080_0000;
    private static final int QUIET = 1 << 22;

    /** The bits of binary32's significand below the 12 that are kept. */
    private static final int DROPPED = 12;

    private Approximation32() {}

    static int reciprocal(int a) {
        if (Float32.isNaN(a)) return a | QUIET;
        if (isTiny(a)) return a & SIGN | INFINITY;
        return shortened(1 / (double) intBitsToFloat(a));
    }

    static int reciprocalRoot(int a) {
        if (Float32.isNaN(a)) return a | QUIET;
        if (isTiny(a)) return a & SIGN | INFINITY;
        if (a < 0) return Float32.DEFAULT_NAN;
        return shortened(1 / Math.sqrt(intBitsToFloat(a)));
    }

    private static boolean isTiny(int a) {
        return (a & INFINITY) == 0;
    }

    private static int shortened(double value) {
        int bits = floatToRawIntBits((float) value);
        if ((bits & ~SIGN) <= MIN_NORMAL) return bits & SIGN;
        return bits + (1 << DROPPED - 1) & -1 << DROPPED;
    }
}
