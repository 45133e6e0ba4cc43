package io.umbra.processor.fp;

import static io.umbra.processor.fp.Float80.BIAS;
import static io.umbra.processor.fp.Float80.SIGN;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.UNDERFLOW;

import java.math.BigInteger;

/**
 * The x87's elementary functions other than trigonometric ones: power series summed to more than 100 bits, and rounded
 * once, as RC says. Results are therefore the correctly rounded ones but for cases closer to a rounding boundary than
 * 2⁻³⁰ of a unit; Intel and AMD promise less than one unit. Precision control has no effect.
 */
final class Transcendental {
    private static final Wide LN_2 = new Wide(false, -1, 0xb172_17f7_d1cf_79abL, 0xc9e3_b398_03f2_f6afL);
    private static final Wide LOG2_E = new Wide(false, 0, 0xb8aa_3b29_5c17_f0bbL, 0xbe87_fed0_691d_3e88L);
    private static final Wide PI = new Wide(false, 1, 0xc90f_daa2_2168_c234L, 0xc4c6_628b_80dc_1cd1L);

    /** The significand of √2. */
    private static final long SQRT_2 = 0xb504_f333_f9de_6484L;

    /** 1/(k+1)!: (eˣ − 1)/x for |x| ≤ ln 2. */
    private static final Wide[] EXPONENTIAL = new Wide[34];

    /** 1/(2k+1): artanh(z)/z in z², for |z| ≤ 0.172. */
    private static final Wide[] AREA_TANGENT = new Wide[28];

    /** ±1/(2k+1): arctan(z)/z in z², for |z| ≤ √2 − 1. */
    private static final Wide[] ARCTANGENT = new Wide[48];

    static {
        BigInteger factorial = BigInteger.ONE;
        for (int k = 0; k < EXPONENTIAL.length; k++) {
            factorial = factorial.multiply(BigInteger.valueOf(k + 1));
            EXPONENTIAL[k] = Wide.reciprocal(factorial);
        }
        for (int k = 0; k < AREA_TANGENT.length; k++) AREA_TANGENT[k] = Wide.reciprocal(BigInteger.valueOf(2 * k + 1));
        for (int k = 0; k < ARCTANGENT.length; k++) {
            Wide coefficient = Wide.reciprocal(BigInteger.valueOf(2 * k + 1));
            ARCTANGENT[k] = (k & 1) == 0 ? coefficient : coefficient.negated();
        }
    }

    private Transcendental() {}

    /** Rounds an irrational result: the bits behind those computed are not all zero. */
    static void pack(Float80 destination, Wide result, FloatEnvironment env) {
        packExact(destination, new Wide(result.negative(), result.exponent(), result.high(), result.low() | 1), env);
    }

    /** Rounds a result of which every bit is known. Processors report it as inexact all the same. */
    private static void packExact(Float80 destination, Wide result, FloatEnvironment env) {
        int sign = result.negative() ? SIGN : 0;
        Result80.pack(destination, sign, result.exponent() + BIAS, result.high(), result.low(), 64, env);
        env.flags |= destination.isDenormal() ? INEXACT | UNDERFLOW : INEXACT;
    }

    // 2ˣ − 1

    static void f2xm1(Float80 destination, Float80 a, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, a, env) || Result80.denormalStops(a, a, env)) return;
        if (a.isZero() || a.isInfinite()) {
            if (a.isInfinite() && a.isNegative()) destination.set(Float80.INTEGER_BIT, SIGN | BIAS);
            else destination.copy(a);
            return;
        }
        Wide x = Wide.of(a);
        if (x.compareMagnitude(Wide.ONE) < 0) {
            Wide y = x.times(LN_2);
            pack(destination, y.times(Wide.series(EXPONENTIAL, y)), env);
        } else if (x.isPowerOfTwo() && x.exponent() == 0) {
            packExact(destination, x.negative() ? x.scaled(-1) : x, env);
        } else {
            outOfRange(destination, a, env);
        }
    }

    /** Where the manuals define nothing, processors leave the operand as an inexact result. */
    private static void outOfRange(Float80 destination, Float80 a, FloatEnvironment env) {
        destination.copy(a);
        env.flags |= INEXACT;
    }

    // y · log₂ x

    static void fyl2x(Float80 destination, Float80 x, Float80 y, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, x, y, env)) return;
        boolean negative = x.isNegative() && !x.isZero();
        boolean one = !x.isInfinite() && !x.isZero() && Wide.of(x).equals(Wide.ONE);
        if (negative || y.isZero() && (x.isZero() || x.isInfinite()) || y.isInfinite() && one) {
            Result80.invalid(destination, env);
            return;
        }
        if (x.isZero() && !y.isInfinite()) {
            Result80.divideByZero(destination, y.sign() ^ SIGN, env);
            return;
        }
        if (Result80.denormalStops(x, y, env)) return;
        boolean belowOne = !x.isInfinite() && (x.isZero() || x.exponent() < BIAS);
        int sign = y.sign() ^ (belowOne ? SIGN : 0);
        if (x.isInfinite() || y.isInfinite()) Result80.setInfinity(destination, sign);
        else if (y.isZero() || one) Result80.setZero(destination, sign);
        else multiplyByLog2(destination, Wide.of(x), Wide.of(y), env);
    }

    /** Stores y · log₂ x, where x is positive and not 1. A power of two has an exact logarithm. */
    private static void multiplyByLog2(Float80 destination, Wide x, Wide y, FloatEnvironment env) {
        if (x.isPowerOfTwo()) {
            packExact(destination, y.times(Wide.of(x.exponent())), env);
            return;
        }
        int whole = Long.compareUnsigned(x.high(), SQRT_2) > 0 ? x.exponent() + 1 : x.exponent();
        Wide fraction = x.scaled(-whole);
        Wide log2 = log2(fraction.minus(Wide.ONE), fraction.plus(Wide.ONE)).plus(Wide.of(whole));
        pack(destination, y.times(log2), env);
    }

    /** log₂(x) of x near 1, given x − 1 and x + 1: ln x = 2 · artanh((x − 1)/(x + 1)). */
    private static Wide log2(Wide minusOne, Wide plusOne) {
        Wide z = minusOne.dividedBy(plusOne);
        return z.times(Wide.series(AREA_TANGENT, z.times(z))).scaled(1).times(LOG2_E);
    }

    // y · log₂(x + 1)

    static void fyl2xp1(Float80 destination, Float80 x, Float80 y, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, x, y, env)) return;
        boolean minusInfinity = x.isInfinite() && x.isNegative();
        if (minusInfinity || x.isInfinite() && y.isZero() || x.isZero() && y.isInfinite()) {
            Result80.invalid(destination, env);
            return;
        }
        if (Result80.denormalStops(x, y, env)) return;
        int sign = x.sign() ^ y.sign();
        if (x.isInfinite() || y.isInfinite()) {
            Result80.setInfinity(destination, sign);
            return;
        }
        if (x.isZero() || y.isZero()) {
            Result80.setZero(destination, sign);
            return;
        }
        Wide argument = Wide.of(x);
        if (argument.exponent() < -2) {
            pack(destination, Wide.of(y).times(log2(argument, argument.plus(Wide.TWO))), env);
        } else if (argument.negative() && argument.exponent() >= 0) {
            outOfRange(destination, x, env);
        } else {
            multiplyByLog2(destination, argument.plus(Wide.ONE), Wide.of(y), env);
        }
    }

    // arctan(y / x), of the quadrant of (x, y)

    static void fpatan(Float80 destination, Float80 x, Float80 y, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, x, y, env) || Result80.denormalStops(x, y, env)) return;
        int sign = y.sign();
        boolean steep = y.isInfinite() || !x.isInfinite() && !y.isZero() && x.isZero();
        if (!x.isNegative() && !steep && (y.isZero() || x.isInfinite())) {
            Result80.setZero(destination, sign);
            return;
        }
        Wide angle;
        if (x.isInfinite() && y.isInfinite()) angle = inQuadrant(PI.scaled(-2), x.isNegative());
        else if (steep) angle = PI.scaled(-1);
        else if (y.isZero() || x.isInfinite()) angle = PI;
        else angle = angle(Wide.of(x), Wide.of(y).abs());
        pack(destination, sign != 0 ? angle.negated() : angle, env);
    }

    private static Wide inQuadrant(Wide angle, boolean second) {
        return second ? PI.minus(angle) : angle;
    }

    /** The angle of (x, y), in (0, π), for y above zero and x other than zero. */
    private static Wide angle(Wide x, Wide y) {
        Wide width = x.abs();
        Wide angle = width.compareMagnitude(y) >= 0
                ? arctangent(y.dividedBy(width))
                : PI.scaled(-1).minus(arctangent(width.dividedBy(y)));
        return inQuadrant(angle, x.negative());
    }

    /** For arguments in [0, 1]; those above √2 − 1 are turned by π/4. */
    private static Wide arctangent(Wide t) {
        if (t.exponent() < -2 || t.plus(Wide.ONE).times(t.plus(Wide.ONE)).compareMagnitude(Wide.TWO) <= 0) {
            return t.times(Wide.seriesBelowOne(ARCTANGENT, t.times(t)));
        }
        Wide turned = t.minus(Wide.ONE).dividedBy(t.plus(Wide.ONE));
        return PI.scaled(-2).plus(turned.times(Wide.seriesBelowOne(ARCTANGENT, turned.times(turned))));
    }
}
