package io.umbra.processor.fp;

import static io.umbra.processor.fp.Float80.BIAS;
import static io.umbra.processor.fp.Float80.MAX_EXPONENT;
import static io.umbra.processor.fp.Float80.SIGN;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;

/** x87 registers from and to the other formats of memory: FLD, FST, FILD, FIST. */
final class Conversion80 {
    private Conversion80() {}

    /** Widens without any exception: a signalling NaN stays one, and a denormal is remembered as such. */
    static void widen(Float80 destination, long bits, BinaryFormat format) {
        int sign = format.isNegative(bits) ? SIGN : 0;
        if (format.isNaN(bits) || format.isInfinite(bits)) {
            destination.set(format.nanSignificand(bits), sign | MAX_EXPONENT);
        } else if (format.isZero(bits)) {
            Result80.setZero(destination, sign);
        } else {
            destination.set(format.significand(bits), sign | format.exponent(bits) - format.bias + BIAS);
            destination.wasDenormal = format.isDenormal(bits);
        }
    }

    /** FLD m32 and m64. A denormal is loaded even where its exception is unmasked, as AMD's processors do. */
    static void load(Float80 destination, long bits, BinaryFormat format, FloatEnvironment env) {
        env.roundedUp = false;
        if (format.isSignalling(bits) && env.raise(INVALID)) return;
        if (format.isDenormal(bits)) env.flags |= FloatEnvironment.DENORMAL;
        widen(destination, format.isNaN(bits) ? bits | format.quietBit : bits, format);
        destination.wasDenormal = false;
    }

    /** FST m32 and m64. */
    static long store(Float80 a, BinaryFormat format, FloatEnvironment env) {
        env.roundedUp = false;
        long sign = a.isNegative() ? format.signBit : 0;
        if (a.isUnsupported()) {
            env.flags |= INVALID;
            return format.defaultNaN;
        }
        if (a.isNaN()) {
            if (a.isSignalling()) env.flags |= INVALID;
            return sign | format.infinity | format.quietBit | a.significand << 1 >>> 65 - format.precision;
        }
        if (a.isInfinite()) return sign | format.infinity;
        if (a.isZero()) return sign;
        return format.pack(sign, a.exponent() - BIAS + format.bias, a.normalised(), false, env);
    }

    static void fromInt64(Float80 destination, long value) {
        if (value == 0) {
            Result80.setZero(destination, 0);
            return;
        }
        long magnitude = Math.abs(value);
        int shift = Long.numberOfLeadingZeros(magnitude);
        destination.set(magnitude << shift, (value < 0 ? SIGN : 0) | BIAS + 63 - shift);
    }

    /** FIST and FISTTP: to [−limit − 1, limit], of which the least is the indefinite integer. */
    static long toInteger(Float80 a, int mode, long limit, FloatEnvironment env) {
        return toInteger(a, mode, limit, limit + 1, -limit - 1, env);
    }

    /**
     * @param positiveLimit the largest integer
     * @param negativeLimit the largest magnitude of a negative one
     * @param indefinite what to return, with INVALID, for anything else
     */
    static long toInteger(
            Float80 a, int mode, long positiveLimit, long negativeLimit, long indefinite, FloatEnvironment env) {
        env.roundedUp = false;
        if (a.isZero()) return 0;
        int unbiased = a.exponent() - BIAS;
        if (!a.isUnsupported() && unbiased <= 63) {
            long integer = unbiased < 0 ? 0 : a.normalised() >>> 63 - unbiased;
            long below = BinaryFormat.fractionBelow(a.normalised(), unbiased);
            boolean away = FloatEnvironment.roundsAway(mode, a.isNegative(), (integer & 1) != 0, below);
            if (away) integer++;
            if (Long.compareUnsigned(integer, a.isNegative() ? negativeLimit : positiveLimit) <= 0) {
                if (below != 0) env.flags |= INEXACT;
                env.roundedUp = away;
                return a.isNegative() ? -integer : integer;
            }
        }
        env.flags |= INVALID;
        return indefinite;
    }
}
