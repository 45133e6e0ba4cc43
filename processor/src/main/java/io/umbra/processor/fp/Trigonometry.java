package io.umbra.processor.fp;

import static io.umbra.processor.fp.Float80.BIAS;

import java.math.BigInteger;

/**
 * FSIN, FCOS, FSINCOS and FPTAN. The argument is reduced modulo π/2, exactly, with the π of 66 significant bits that
 * Intel documents (SDM vol. 1, 8.3.8) and that AMD's processors use, too: results for large arguments are those of
 * hardware, not those of mathematics.
 */
final class Trigonometry {
    /** π/2 as an integer of 66 bits, in 2⁻⁶⁵. */
    private static final long QUARTER_HIGH = 3;

    private static final long QUARTER_LOW = 0x243f_6a88_85a3_08d3L;

    private static final Wide QUARTER = Wide.normalised(false, 62, QUARTER_HIGH, QUARTER_LOW);

    /** 1/(2k+1)! with alternating signs: sin(r)/r in r². */
    private static final Wide[] SINE = new Wide[17];

    /** 1/(2k)! with alternating signs: cos(r) in r². */
    private static final Wide[] COSINE = new Wide[17];

    static {
        BigInteger factorial = BigInteger.ONE;
        for (int k = 0; k < SINE.length; k++) {
            Wide even = Wide.reciprocal(factorial);
            factorial = factorial.multiply(BigInteger.valueOf(2 * k + 1));
            Wide odd = Wide.reciprocal(factorial);
            factorial = factorial.multiply(BigInteger.valueOf(2 * k + 2));
            COSINE[k] = (k & 1) == 0 ? even : even.negated();
            SINE[k] = (k & 1) == 0 ? odd : odd.negated();
        }
    }

    private Trigonometry() {}

    /** An angle of 0 to π/4 in magnitude, and how many right angles were taken off it. */
    private record Reduced(int quarters, Wide angle) {
        static Reduced of(Float80 a) {
            Wide x = Wide.of(a);
            if (x.exponent() < -2) return new Reduced(0, x);
            // The remainder of significand · 2^(exponent + 2) and π/2, both in units of 2⁻⁶⁵, digit by digit.
            long high = 0;
            long low = x.high();
            int quarters = 0;
            for (int i = x.exponent() + 2; i > 0; i--) {
                high = high << 1 | low >>> 63;
                low <<= 1;
                quarters <<= 1;
                if (high > QUARTER_HIGH || high == QUARTER_HIGH && Long.compareUnsigned(low, QUARTER_LOW) >= 0) {
                    high -= QUARTER_HIGH + (Long.compareUnsigned(low, QUARTER_LOW) < 0 ? 1 : 0);
                    low -= QUARTER_LOW;
                    quarters++;
                }
            }
            Wide rest = Wide.normalised(false, 62, high, low);
            Wide over = rest.minus(QUARTER);
            Reduced reduced =
                    rest.compareMagnitude(over) <= 0 ? new Reduced(quarters, rest) : new Reduced(quarters + 1, over);
            return x.negative() ? new Reduced(-reduced.quarters, reduced.angle.negated()) : reduced;
        }

        Wide sine() {
            Wide square = angle.times(angle);
            Wide magnitude = (quarters & 1) == 0
                    ? angle.times(Wide.seriesBelowOne(SINE, square))
                    : Wide.seriesBelowOne(COSINE, square);
            return (quarters & 2) == 0 ? magnitude : magnitude.negated();
        }

        Wide cosine() {
            return new Reduced(quarters + 1, angle).sine();
        }

        /** A tiny angle is its tangent but for something smaller than this format holds. */
        Wide tangent() {
            return (quarters & 1) == 0 && angle.exponent() < -60 ? angle : sine().dividedBy(cosine());
        }
    }

    /** Finite and at least 2⁶³ in magnitude: C2 is set, and nothing else happens. */
    private static boolean isOutOfRange(Float80 a, FloatEnvironment env) {
        env.roundedUp = false;
        int exponent = a.exponentField();
        return !a.isUnsupported() && exponent >= BIAS + 63 && exponent != Float80.MAX_EXPONENT;
    }

    /** Ends an operation on an operand that has no sine, or that a denormal stops. */
    private static boolean ends(Float80 destination, Float80 a, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, a, env)) return true;
        if (!a.isInfinite()) return Result80.denormalStops(a, a, env);
        Result80.invalid(destination, env);
        return true;
    }

    static boolean fsin(Float80 destination, Float80 a, FloatEnvironment env) {
        if (isOutOfRange(a, env)) return false;
        if (ends(destination, a, env)) return true;
        if (a.isZero()) destination.copy(a);
        else Transcendental.pack(destination, Reduced.of(a).sine(), env);
        return true;
    }

    static boolean fcos(Float80 destination, Float80 a, FloatEnvironment env) {
        if (isOutOfRange(a, env)) return false;
        if (ends(destination, a, env)) return true;
        if (a.isZero()) Constant80.ONE.load(destination, env);
        else Transcendental.pack(destination, Reduced.of(a).cosine(), env);
        return true;
    }

    /** The sine replaces ST0, then the cosine is pushed. */
    static boolean fsincos(Float80 sine, Float80 cosine, Float80 a, FloatEnvironment env) {
        if (isOutOfRange(a, env)) return false;
        if (ends(sine, a, env)) {
            if (!env.isUnmasked(FloatEnvironment.PRE_COMPUTATION)) cosine.copy(sine);
        } else if (a.isZero()) {
            sine.copy(a);
            Constant80.ONE.load(cosine, env);
        } else {
            Reduced reduced = Reduced.of(a);
            Transcendental.pack(sine, reduced.sine(), env);
            Transcendental.pack(cosine, reduced.cosine(), env);
        }
        return true;
    }

    /** The tangent replaces ST0, then 1 is pushed; a NaN is pushed, too. */
    static boolean fptan(Float80 tangent, Float80 pushed, Float80 a, FloatEnvironment env) {
        if (isOutOfRange(a, env)) return false;
        if (ends(tangent, a, env)) {
            if (!env.isUnmasked(FloatEnvironment.PRE_COMPUTATION)) pushed.copy(tangent);
            return true;
        }
        if (a.isZero()) {
            tangent.copy(a);
        } else {
            Transcendental.pack(tangent, Reduced.of(a).tangent(), env);
        }
        pushed.set(Float80.INTEGER_BIT, BIAS);
        return true;
    }
}
