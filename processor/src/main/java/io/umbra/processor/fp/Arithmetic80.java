package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.DENORMAL;
import static io.umbra.processor.fp.FloatEnvironment.DOWN;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;

/** The x87's arithmetic that rounds to the precision of the control word, and comparison. */
final class Arithmetic80 {
    private Arithmetic80() {}

    /** a + b, where b has another sign than its own. */
    static void add(Float80 destination, Float80 a, Float80 b, int signB, FloatEnvironment env) {
        if (!a.isOrdinary() || !b.isOrdinary()) {
            if (Result80.endsWithNaN(destination, a, b, env)) return;
            if (a.isInfinite() && b.isInfinite() && a.sign() != signB) {
                Result80.invalid(destination, env);
                return;
            }
            if (Result80.denormalStops(a, b, env)) return;
            if (a.isInfinite() || b.isInfinite()) {
                Result80.setInfinity(destination, a.isInfinite() ? a.sign() : signB);
                return;
            }
            if (a.isZero() && b.isZero()) {
                Result80.setZero(destination, a.sign() == signB ? signB : signOfCancellation(env));
                return;
            }
            if (a.isZero() || b.isZero()) {
                Float80 other = a.isZero() ? b : a;
                int sign = a.isZero() ? signB : a.sign();
                Result80.pack(destination, sign, other.exponent(), other.normalised(), 0, env.precision, env);
                return;
            }
        }
        if (a.exponent() >= b.exponent()) addSmaller(destination, a, a.sign(), b, signB, env);
        else addSmaller(destination, b, signB, a, a.sign(), env);
    }

    private static int signOfCancellation(FloatEnvironment env) {
        return env.rounding == DOWN ? Float80.SIGN : 0;
    }

    private static void addSmaller(
            Float80 destination, Float80 a, int signA, Float80 b, int signB, FloatEnvironment env) {
        int exponent = a.exponent();
        int shift = exponent - b.exponent();
        long larger = a.normalised();
        long smaller = Unsigned128.shiftRightHigh(b.normalised(), shift);
        long low = Unsigned128.shiftRightJamLow(b.normalised(), 0, shift);
        if (signA == signB) {
            long sum = larger + smaller;
            if (Long.compareUnsigned(sum, larger) < 0) {
                low = sum << 63 | Unsigned128.shiftRightJam(low, 1);
                sum = sum >>> 1 | Float80.INTEGER_BIT;
                exponent++;
            }
            Result80.pack(destination, signA, exponent, sum, low, env.precision, env);
            return;
        }
        int sign = signA;
        if (shift == 0 && Long.compareUnsigned(larger, smaller) < 0) {
            sign = signB;
            larger = smaller;
            smaller = a.normalised();
        }
        long high = larger - smaller - (low != 0 ? 1 : 0);
        low = -low;
        if ((high | low) == 0) {
            env.roundedUp = false;
            Result80.setZero(destination, signOfCancellation(env));
            return;
        }
        int up = high != 0 ? Long.numberOfLeadingZeros(high) : 64 + Long.numberOfLeadingZeros(low);
        long sum = Unsigned128.shiftLeftHigh(high, low, up);
        Result80.pack(destination, sign, exponent - up, sum, Unsigned128.shiftLeftLow(low, up), env.precision, env);
    }

    static void mul(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        int sign = a.sign() ^ b.sign();
        if (!a.isOrdinary() || !b.isOrdinary()) {
            if (Result80.endsWithNaN(destination, a, b, env)) return;
            boolean infinite = a.isInfinite() || b.isInfinite();
            boolean zero = a.isZero() || b.isZero();
            if (infinite && zero) {
                Result80.invalid(destination, env);
                return;
            }
            if (Result80.denormalStops(a, b, env)) return;
            if (infinite) {
                Result80.setInfinity(destination, sign);
                return;
            }
            if (zero) {
                Result80.setZero(destination, sign);
                return;
            }
        }
        int exponent = a.exponent() + b.exponent() - Float80.BIAS + 1;
        long high = Math.unsignedMultiplyHigh(a.normalised(), b.normalised());
        long low = a.normalised() * b.normalised();
        if (high >= 0) {
            high = high << 1 | low >>> 63;
            low <<= 1;
            exponent--;
        }
        Result80.pack(destination, sign, exponent, high, low, env.precision, env);
    }

    static void div(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        int sign = a.sign() ^ b.sign();
        if (!a.isOrdinary() || !b.isOrdinary()) {
            if (Result80.endsWithNaN(destination, a, b, env)) return;
            if (a.isInfinite() && b.isInfinite() || a.isZero() && b.isZero()) {
                Result80.invalid(destination, env);
                return;
            }
            if (b.isZero() && !a.isInfinite()) {
                Result80.divideByZero(destination, sign, env);
                return;
            }
            if (Result80.denormalStops(a, b, env)) return;
            if (a.isInfinite()) {
                Result80.setInfinity(destination, sign);
                return;
            }
            if (b.isInfinite() || a.isZero()) {
                Result80.setZero(destination, sign);
                return;
            }
        }
        int exponent = a.exponent() - b.exponent() + Float80.BIAS;
        long high = a.normalised();
        long low = 0;
        long divisor = b.normalised();
        if (Long.compareUnsigned(high, divisor) < 0) {
            exponent--;
        } else {
            low = high << 63;
            high >>>= 1;
        }
        long quotient = Unsigned128.divide(high, low, divisor);
        long remainder = low - quotient * divisor;
        // Half of the divisor and more is half a unit and more.
        int half = Long.compareUnsigned(remainder, divisor - remainder);
        Result80.pack(destination, sign, exponent, quotient, fraction(remainder != 0, half), env.precision, env);
    }

    /** A fraction of a unit, of which only matters whether it is zero, below, at or above one half. */
    private static long fraction(boolean nonzero, int comparedToHalf) {
        if (!nonzero) return 0;
        if (comparedToHalf == 0) return Long.MIN_VALUE;
        return comparedToHalf < 0 ? 1 : Long.MIN_VALUE | 1;
    }

    static void sqrt(Float80 destination, Float80 a, FloatEnvironment env) {
        if (!a.isOrdinary() || a.isNegative()) {
            if (Result80.endsWithNaN(destination, a, env)) return;
            if (a.isNegative() && !a.isZero()) {
                Result80.invalid(destination, env);
                return;
            }
            if (Result80.denormalStops(a, a, env)) return;
            if (a.isZero() || a.isInfinite()) {
                destination.copy(a);
                return;
            }
        }
        int unbiased = a.exponent() - Float80.BIAS;
        int shift = unbiased & 1 ^ 1;
        long high = a.normalised() >>> shift;
        long low = shift == 0 ? 0 : a.normalised() << 63;
        long root = Unsigned128.sqrt(high, low);
        // The remainder is at most 2 · root; above root it is more than half a unit, and it is never half a unit.
        long remainder = low - root * root;
        long borrow = Long.compareUnsigned(low, root * root) < 0 ? 1 : 0;
        boolean carry = high - Math.unsignedMultiplyHigh(root, root) - borrow != 0;
        int half = carry || Long.compareUnsigned(remainder, root) > 0 ? 1 : -1;
        Result80.pack(
                destination,
                0,
                (unbiased >> 1) + Float80.BIAS,
                root,
                fraction(carry || remainder != 0, half),
                env.precision,
                env);
    }

    static int compare(Float80 a, Float80 b, boolean quiet, FloatEnvironment env) {
        env.roundedUp = false;
        boolean unsupported = a.isUnsupported() || b.isUnsupported();
        if (unsupported || a.isNaN() || b.isNaN()) {
            if (!quiet || unsupported || a.isSignalling() || b.isSignalling()) env.flags |= INVALID;
            return Float80.UNORDERED;
        }
        if (a.isDenormal() || b.isDenormal()) env.flags |= DENORMAL;
        if (a.isZero() && b.isZero()) return Float80.EQUAL;
        if (a.isNegative() != b.isNegative()) return a.isNegative() ? Float80.LESS : Float80.GREATER;
        int order = compareMagnitude(a, b);
        return a.isNegative() ? -order : order;
    }

    private static int compareMagnitude(Float80 a, Float80 b) {
        // A pseudo-denormal has the value of exponent 1.
        int order = Integer.compare(Math.max(a.exponentField(), 1), Math.max(b.exponentField(), 1));
        return order != 0 ? order : Integer.signum(Long.compareUnsigned(a.significand, b.significand));
    }
}
