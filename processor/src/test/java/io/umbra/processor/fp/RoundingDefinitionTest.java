package io.umbra.processor.fp;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Arithmetic against the definition of correct rounding, on any host: of a result and its two neighbours, exact decimal
 * arithmetic says on which side of the true value each is.
 */
class RoundingDefinitionTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int CASES = 2_000;

    /** The sign of candidate − (a operation b), exactly. */
    @FunctionalInterface
    private interface Side {
        int of(BigDecimal candidate, BigDecimal a, BigDecimal b);
    }

    @FunctionalInterface
    private interface Operation64 {
        long apply(long a, long b, FloatEnvironment env);
    }

    @FunctionalInterface
    private interface Operation80 {
        void apply(Float80 destination, Float80 a, Float80 b, FloatEnvironment env);
    }

    private record Case(String name, Operation64 of64, Operation80 of80, Side side) {}

    private static final List<Case> CASES_BY_NAME = List.of(
            new Case("add", Float64::add, Float80::add, (r, a, b) -> r.compareTo(a.add(b))),
            new Case("sub", Float64::sub, Float80::sub, (r, a, b) -> r.compareTo(a.subtract(b))),
            new Case("mul", Float64::mul, Float80::mul, (r, a, b) -> r.compareTo(a.multiply(b))),
            new Case(
                    "div",
                    Float64::div,
                    Float80::div,
                    (r, a, b) -> r.multiply(b).compareTo(a) * b.signum()),
            new Case(
                    "sqrt",
                    (a, b, env) -> Float64.sqrt(a & Long.MAX_VALUE, env),
                    (d, a, b, env) -> {
                        a.signExponent &= 0x7fff;
                        Float80.sqrt(d, a, env);
                    },
                    (r, a, b) -> r.multiply(r).compareTo(a.abs())));

    @TestFactory
    List<DynamicTest> float64IsCorrectlyRounded() {
        return CASES_BY_NAME.stream()
                .map(c -> DynamicTest.dynamicTest(c.name, () -> check64(c)))
                .toList();
    }

    @TestFactory
    List<DynamicTest> float80IsCorrectlyRounded() {
        return CASES_BY_NAME.stream()
                .map(c -> DynamicTest.dynamicTest(c.name, () -> check80(c)))
                .toList();
    }

    private static void check64(Case c) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        for (int i = 0; i < CASES; i++) {
            env.rounding = operands.below(4);
            env.flags = 0;
            long a = moderate(operands, operands.float64());
            long b = moderate(operands, operands.float64(a));
            long r = c.of64.apply(a, b, env);
            if ((r & Long.MAX_VALUE) == 0) continue;
            BigDecimal x = exact(a);
            BigDecimal y = exact(b);
            check(
                    c.side.of(exact(r - 1), x, y) * sign(r),
                    c.side.of(exact(r), x, y) * sign(r),
                    c.side.of(exact(r + 1), x, y) * sign(r),
                    c.side.of(exact(r).add(exact(r - 1)).divide(BigDecimal.TWO), x, y) * sign(r),
                    c.side.of(exact(r).add(exact(r + 1)).divide(BigDecimal.TWO), x, y) * sign(r),
                    (r & 1) != 0,
                    r < 0,
                    env,
                    "%s(%x, %x) = %x, seed %d, case %d".formatted(c.name, a, b, r, SEED, i));
        }
    }

    private static void check80(Case c) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        Float80 a = new Float80();
        Float80 b = new Float80();
        Float80 r = new Float80();
        for (int i = 0; i < CASES; i++) {
            env.rounding = operands.below(4);
            env.flags = 0;
            a.set(operands.bits() | Long.MIN_VALUE, 0x3fff + operands.below(140) - 70 | operands.below(2) << 15);
            b.set(operands.bits() | Long.MIN_VALUE, 0x3fff + operands.below(140) - 70 | operands.below(2) << 15);
            c.of80.apply(r, a, b, env);
            if (r.significand == 0) continue;
            BigDecimal x = exact(a, 0);
            BigDecimal y = exact(b, 0);
            int sign = r.signExponent < 0x8000 ? 1 : -1;
            check(
                    c.side.of(exact(r, -2), x, y) * sign,
                    c.side.of(exact(r, 0), x, y) * sign,
                    c.side.of(exact(r, 2), x, y) * sign,
                    c.side.of(exact(r, -1), x, y) * sign,
                    c.side.of(exact(r, 1), x, y) * sign,
                    (r.significand & 1) != 0,
                    sign < 0,
                    env,
                    "%s(%x:%x, %x:%x) = %x:%x, seed %d, case %d"
                            .formatted(
                                    c.name,
                                    a.signExponent,
                                    a.significand,
                                    b.signExponent,
                                    b.significand,
                                    r.signExponent,
                                    r.significand,
                                    SEED,
                                    i));
            assertThat(env.roundedUp).isEqualTo(c.side.of(exact(r, 0), x, y) * sign > 0);
        }
    }

    /** All sides are in magnitude: negative is nearer to zero than the true value. */
    private static void check(
            int lower,
            int itself,
            int higher,
            int lowerHalf,
            int upperHalf,
            boolean odd,
            boolean negative,
            FloatEnvironment env,
            String what) {
        assertThat((env.flags & FloatEnvironment.INEXACT) != 0).as(what).isEqualTo(itself != 0);
        if (itself == 0) return;
        boolean nearest = env.rounding == FloatEnvironment.NEAREST;
        boolean outward = env.rounding == (negative ? FloatEnvironment.DOWN : FloatEnvironment.UP);
        if (nearest) {
            assertThat(lowerHalf).as(what).isLessThanOrEqualTo(odd ? -1 : 0);
            assertThat(upperHalf).as(what).isGreaterThanOrEqualTo(odd ? 1 : 0);
        } else if (outward) {
            assertThat(itself).as(what).isPositive();
            assertThat(lower).as(what).isNegative();
        } else {
            assertThat(itself).as(what).isNegative();
            assertThat(higher).as(what).isPositive();
        }
    }

    /** Keeps the number, but near 1. */
    private static long moderate(Operands operands, long bits) {
        return bits & 0x800f_ffff_ffff_ffffL | (long) (1023 + operands.below(120) - 60) << 52;
    }

    private static int sign(long bits) {
        return bits < 0 ? -1 : 1;
    }

    private static BigDecimal exact(long bits) {
        return new BigDecimal(Double.longBitsToDouble(bits));
    }

    /** The value moved by so many half units of its last place (of the binade that it is in). */
    private static BigDecimal exact(Float80 a, int halves) {
        BigInteger significand = new BigInteger(Long.toUnsignedString(a.significand))
                .shiftLeft(1)
                .add(BigInteger.valueOf(halves));
        int exponent = (a.signExponent & 0x7fff) - 16383 - 64;
        BigDecimal magnitude = exponent >= 0
                ? new BigDecimal(significand.shiftLeft(exponent))
                : new BigDecimal(significand).divide(new BigDecimal(BigInteger.ONE.shiftLeft(-exponent)));
        return a.signExponent < 0x8000 ? magnitude : magnitude.negate();
    }
}
