package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.DENORMAL;
import static io.umbra.processor.fp.FloatEnvironment.DIVIDE_BY_ZERO;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;
import static io.umbra.processor.fp.FloatEnvironment.OVERFLOW;
import static io.umbra.processor.fp.FloatEnvironment.UNDERFLOW;

/** How an x87 operation ends: with the result of a special operand, with an exception, or with rounding. */
final class Result80 {
    /** By how much an unmasked overflow lowers the exponent, and an unmasked underflow raises it. */
    private static final int BIAS_ADJUSTMENT = 24576;

    private Result80() {}

    static void setZero(Float80 destination, int sign) {
        destination.set(0, sign);
    }

    static void setInfinity(Float80 destination, int sign) {
        destination.set(Float80.INTEGER_BIT, sign | Float80.MAX_EXPONENT);
    }

    static void invalid(Float80 destination, FloatEnvironment env) {
        if (!env.raise(INVALID)) destination.set(Float80.DEFAULT_NAN, Float80.SIGN | Float80.MAX_EXPONENT);
    }

    static void divideByZero(Float80 destination, int sign, FloatEnvironment env) {
        if (!env.raise(DIVIDE_BY_ZERO)) setInfinity(destination, sign);
    }

    /** Ends an operation whose operand is unsupported or a NaN. */
    static boolean endsWithNaN(Float80 destination, Float80 a, FloatEnvironment env) {
        return endsWithNaN(destination, a, a, env);
    }

    /** Ends an operation with an operand that is unsupported or a NaN. Intel SDM vol. 1, table 4-7. */
    static boolean endsWithNaN(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        env.roundedUp = false;
        if (a.isUnsupported() || b.isUnsupported()) {
            invalid(destination, env);
            return true;
        }
        if (!a.isNaN() && !b.isNaN()) return false;
        boolean signalling = a.isSignalling() || b.isSignalling();
        Float80 nan = propagated(a, b);
        if (!signalling || !env.raise(INVALID)) destination.set(nan.significand | Float80.QUIET_BIT, nan.signExponent);
        return true;
    }

    /** A quiet NaN before a signalling one, then the larger significand, then the positive. */
    private static Float80 propagated(Float80 a, Float80 b) {
        if (!a.isNaN()) return b;
        if (!b.isNaN()) return a;
        if (a.isSignalling() != b.isSignalling()) return a.isSignalling() ? b : a;
        int order = Long.compareUnsigned(a.significand, b.significand);
        if (order == 0) return a.isNegative() ? b : a;
        return order > 0 ? a : b;
    }

    static boolean denormalStops(Float80 a, Float80 b, FloatEnvironment env) {
        return (a.isDenormal() || b.isDenormal()) && env.raise(DENORMAL);
    }

    // Rounding

    /**
     * Rounds (significand, low) · 2⁻⁶³ · 2^(exponent − bias) to a register.
     *
     * @param sign 0 or {@link Float80#SIGN}
     * @param significand top bit set
     * @param low the bits below the significand; any inexact tail is or-ed into bit 0
     * @param precision significant bits of the result: 24, 53 or 64
     */
    static void pack(
            Float80 destination,
            int sign,
            int exponent,
            long significand,
            long low,
            int precision,
            FloatEnvironment env) {
        long unit = 1L << 64 - precision;
        long kept = significand & -unit;
        long below = below(significand, low, precision);
        boolean away = env.roundsAway(sign != 0, (kept & unit) != 0, below);
        if (exponent < 1) {
            boolean tiny = exponent < 0 || !away || kept != -unit;
            if (!tiny || (env.masked & UNDERFLOW) != 0) {
                packDenormal(destination, sign, exponent, significand, low, precision, tiny, env);
                return;
            }
            env.flags |= UNDERFLOW;
            exponent += BIAS_ADJUSTMENT;
        }
        if (away) {
            kept += unit;
            if (kept == 0) {
                kept = Float80.INTEGER_BIT;
                exponent++;
            }
        }
        if (exponent >= Float80.MAX_EXPONENT) {
            env.flags |= OVERFLOW;
            if ((env.masked & OVERFLOW) != 0) {
                env.flags |= INEXACT;
                env.roundedUp = env.overflowsToInfinity(sign != 0);
                if (env.roundedUp) setInfinity(destination, sign);
                else destination.set(-unit, sign | Float80.MAX_EXPONENT - 1);
                return;
            }
            exponent -= BIAS_ADJUSTMENT;
        }
        if (below != 0) env.flags |= INEXACT;
        env.roundedUp = away;
        destination.set(kept, sign | exponent);
        if (exponent < 1 || exponent >= Float80.MAX_EXPONENT) packMassive(destination, sign, exponent, env);
    }

    /** An unmasked result of FSCALE that even the adjusted exponent does not hold. Intel SDM vol. 1, 8.5.4 and 8.5.5. */
    private static void packMassive(Float80 destination, int sign, int exponent, FloatEnvironment env) {
        env.flags |= INEXACT;
        env.roundedUp = exponent > 0;
        if (exponent > 0) setInfinity(destination, sign);
        else setZero(destination, sign);
    }

    private static void packDenormal(
            Float80 destination,
            int sign,
            int exponent,
            long significand,
            long low,
            int precision,
            boolean tiny,
            FloatEnvironment env) {
        int shift = 1 - exponent;
        long unit = 1L << 64 - precision;
        long shifted = Unsigned128.shiftRightHigh(significand, shift);
        long kept = shifted & -unit;
        long below = below(shifted, Unsigned128.shiftRightJamLow(significand, low, shift), precision);
        boolean away = env.roundsAway(sign != 0, (kept & unit) != 0, below);
        if (away) kept += unit;
        if (below != 0) env.flags |= tiny ? UNDERFLOW | INEXACT : INEXACT;
        env.roundedUp = away;
        destination.set(kept, sign | (kept < 0 ? 1 : 0));
    }

    private static long below(long significand, long low, int precision) {
        return precision == 64 ? low : significand << precision | (low != 0 ? 1 : 0);
    }
}
