package io.umbra.processor;

import io.umbra.processor.fp.Float32;
import io.umbra.processor.fp.Float64;
import io.umbra.processor.fp.FloatEnvironment;

/** What {@link FloatOps} needs beyond {@link Float32} and {@link Float64}: comparisons that answer with a mask, and the approximations. */
final class FloatArithmetic {
    private static final int QUIET_BIT = 1 << 22;
    private static final int SIGN = 1 << 31;
    private static final int EXPONENT = 0xFF << 23;
    /** The approximations keep 12 significant bits: so many lie below them. */
    private static final int BELOW_ESTIMATE = 12;

    /** Predicates of CMPPS: SDM vol. 2A, "CMPPD", table 3-1. Bit 2 negates, bit 3 gives unordered operands the other answer, bit 4 makes a quiet one signalling and the reverse. */
    private static final int EQUAL = 0, LESS = 1, LESS_OR_EQUAL = 2;

    private FloatArithmetic() {}

    /** @param predicate 0 … 31 */
    static long compare(int predicate, long a, long b, FloatEnvironment env) {
        int order = isSignalling(predicate) ? Float64.compareSignalling(a, b, env) : Float64.compareQuiet(a, b, env);
        return holds(predicate, order) ? -1L : 0;
    }

    /** @param predicate 0 … 31 */
    static int compare(int predicate, int a, int b, FloatEnvironment env) {
        int order = isSignalling(predicate) ? Float32.compareSignalling(a, b, env) : Float32.compareQuiet(a, b, env);
        return holds(predicate, order) ? -1 : 0;
    }

    private static boolean isSignalling(int predicate) {
        boolean ordered = (predicate & 3) == LESS || (predicate & 3) == LESS_OR_EQUAL;
        return ordered != ((predicate & 16) != 0);
    }

    private static boolean holds(int predicate, int order) {
        boolean claim = switch (predicate & 3) {
            case EQUAL -> order == Float64.EQUAL;
            case LESS -> order == Float64.LESS;
            case LESS_OR_EQUAL -> order == Float64.LESS || order == Float64.EQUAL;
            default -> order == Float64.UNORDERED;
        };
        boolean turned = (predicate & 8) != 0 && order == Float64.UNORDERED;
        return claim != ((predicate & 4) != 0) != turned;
    }

    /**
     * RCPPS, RCPSS. The manuals leave the value open within a relative error of 1.5 · 2⁻¹²; here it is the reciprocal rounded to nearest at 12 significant bits, so that the error is
     * at most 2⁻¹². Denormals count as zero whether they come or go. No exception is raised and MXCSR has no influence.
     */
    static int reciprocal(int a) {
        if (Float32.isNaN(a)) {
            return a | QUIET_BIT;
        }
        if ((a & EXPONENT) == 0) {
            return a & SIGN | EXPONENT;
        }
        return estimate(1 / (double) Float.intBitsToFloat(a));
    }

    /** RSQRTPS, RSQRTSS: of the reciprocal square root everything said of {@link #reciprocal}. */
    static int reciprocalRoot(int a) {
        if (Float32.isNaN(a)) {
            return a | QUIET_BIT;
        }
        if ((a & EXPONENT) == 0) {
            return a & SIGN | EXPONENT;
        }
        if (a < 0) {
            return Float32.DEFAULT_NAN;
        }
        return estimate(1 / Math.sqrt(Float.intBitsToFloat(a)));
    }

    private static int estimate(double exact) {
        int bits = Float.floatToRawIntBits((float) exact);
        if ((bits & EXPONENT) == 0) {
            return bits & SIGN;
        }
        return bits + (1 << BELOW_ESTIMATE - 1) & -(1 << BELOW_ESTIMATE);
    }
}
