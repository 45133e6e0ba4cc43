package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.DIVIDE_BY_ZERO;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;

/** FRNDINT, FSCALE and FXTRACT: what moves the exponent. */
final class Scaling80 {
    private Scaling80() {}

    /** FRNDINT. */
    static void roundToInteger(Float80 destination, Float80 a, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, a, env) || Result80.denormalStops(a, a, env)) return;
        int unbiased = a.exponent() - Float80.BIAS;
        if (a.isZero() || a.isInfinite() || unbiased >= 63) {
            destination.copy(a);
            return;
        }
        long integer = unbiased < 0 ? 0 : a.normalised() >>> 63 - unbiased;
        long below = BinaryFormat.fractionBelow(a.normalised(), unbiased);
        boolean away = env.roundsAway(a.isNegative(), (integer & 1) != 0, below);
        if (away) integer++;
        if (below != 0) env.flags |= INEXACT;
        int shift = Long.numberOfLeadingZeros(integer);
        if (integer == 0) Result80.setZero(destination, a.sign());
        else destination.set(integer << shift, a.sign() | Float80.BIAS + 63 - shift);
        env.roundedUp = away;
    }

    /** FSCALE: a · 2^trunc(b). */
    static void scale(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, a, b, env)) return;
        if (b.isInfinite() && (b.isNegative() ? a.isInfinite() : a.isZero())) {
            Result80.invalid(destination, env);
            return;
        }
        if (Result80.denormalStops(a, b, env)) return;
        if (b.isInfinite()) {
            if (b.isNegative()) Result80.setZero(destination, a.sign());
            else Result80.setInfinity(destination, a.sign());
        } else if (a.isZero() || a.isInfinite()) {
            destination.copy(a);
        } else {
            Result80.pack(destination, a.sign(), a.exponent() + scaleOf(b), a.normalised(), 0, 64, env);
        }
    }

    /** The integer part of a scale, at most 2¹⁷ in magnitude: beyond every exponent, even adjusted. */
    private static int scaleOf(Float80 b) {
        int unbiased = b.exponent() - Float80.BIAS;
        if (unbiased < 0) return 0;
        int magnitude = unbiased > 16 ? 1 << 17 : (int) (b.normalised() >>> 63 - unbiased);
        return b.isNegative() ? -magnitude : magnitude;
    }

    /** FXTRACT: the unbiased exponent and the significand, in [1, 2) with the sign, as numbers. */
    static void extract(Float80 exponent, Float80 significand, Float80 a, FloatEnvironment env) {
        if (a.isNaN() || a.isUnsupported()) {
            Result80.endsWithNaN(exponent, a, env);
            if (!env.isUnmasked(INVALID)) significand.copy(exponent);
            return;
        }
        env.roundedUp = false;
        int sign = a.sign();
        if (a.isZero()) {
            Result80.divideByZero(exponent, Float80.SIGN, env);
            if (!env.isUnmasked(DIVIDE_BY_ZERO)) Result80.setZero(significand, sign);
            return;
        }
        if (Result80.denormalStops(a, a, env)) return;
        if (a.isInfinite()) {
            Result80.setInfinity(exponent, 0);
            Result80.setInfinity(significand, sign);
            return;
        }
        long normalised = a.normalised();
        Conversion80.fromInt64(exponent, a.exponent() - Float80.BIAS);
        significand.set(normalised, sign | Float80.BIAS);
    }
}
