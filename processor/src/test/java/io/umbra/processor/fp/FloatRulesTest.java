package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.DENORMAL;
import static io.umbra.processor.fp.FloatEnvironment.DIVIDE_BY_ZERO;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;
import static io.umbra.processor.fp.FloatEnvironment.OVERFLOW;
import static io.umbra.processor.fp.FloatEnvironment.UNDERFLOW;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The rules that are x86's own, one by one, on any host. */
class FloatRulesTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long MIN_NORMAL = 0x0010_0000_0000_0000L;
    private static final long HALF = Double.doubleToRawLongBits(0.5);
    private static final long ONE = Double.doubleToRawLongBits(1);
    private static final long SIGNALLING = 0x7ff0_0000_0000_0001L;
    private static final long QUIET = 0x7ff8_0000_0000_0002L;
    private static final long BIT_63 = Long.MIN_VALUE;

    private final FloatEnvironment env = new FloatEnvironment();
    private final Float80 result = new Float80();

    private static Float80 of(int signExponent, long significand) {
        Float80 a = new Float80();
        a.set(significand, signExponent);
        return a;
    }

    private void assertResult(int signExponent, long significand, int flags) {
        assertThat(result.signExponent).isEqualTo(signExponent);
        assertThat(result.significand).isEqualTo(significand);
        assertThat(env.flags).isEqualTo(flags);
    }

    @Test
    void fastPathsAgreeWithTheIntegerPath() {
        Operands operands = new Operands(SEED);
        FloatEnvironment other = new FloatEnvironment();
        BinaryFormat exact = BinaryFormat.DOUBLE;
        for (int i = 0; i < 100_000; i++) {
            long a = operands.float64();
            long b = operands.float64(a);
            env.flags = 0;
            other.flags = 0;
            long[] fast = {Float64.add(a, b, env), Float64.mul(a, b, env), Float64.div(a, b, env), Float64.sqrt(a, env)
            };
            long[] slow = {exact.add(a, b, other), exact.mul(a, b, other), exact.div(a, b, other), exact.sqrt(a, other)
            };
            assertThat(fast).as("%x %x, seed %d", a, b, SEED).isEqualTo(slow);
            assertThat(env.flags).as("%x %x, seed %d", a, b, SEED).isEqualTo(other.flags);
        }
    }

    @Test
    void firstNaNOfSseWinsAndIsQuieted() {
        assertThat(Float64.add(SIGNALLING, QUIET, env)).isEqualTo(0x7ff8_0000_0000_0001L);
        assertThat(env.flags).isEqualTo(INVALID);
        assertThat(Float64.add(QUIET, SIGNALLING, env)).isEqualTo(QUIET);
    }

    @Test
    void largerNaNOfTheX87WinsAndAQuietOneBeforeASignallingOne() {
        Float80.add(result, of(0x7fff, 0xc000_0000_0000_0001L), of(0xffff, 0xc000_0000_0000_0002L), env);
        assertResult(0xffff, 0xc000_0000_0000_0002L, 0);
        Float80.add(result, of(0x7fff, 0xbfff_ffff_ffff_ffffL), of(0x7fff, 0xc000_0000_0000_0000L), env);
        assertResult(0x7fff, 0xc000_0000_0000_0000L, INVALID);
    }

    @Test
    void invalidOperationGivesTheNegativeDefaultNaN() {
        assertThat(Float64.div(0, 0, env)).isEqualTo(Float64.DEFAULT_NAN);
        assertThat(Float32.sqrt(0xbf80_0000, env)).isEqualTo(Float32.DEFAULT_NAN);
        assertThat(env.flags).isEqualTo(INVALID);
    }

    @Test
    void minAndMaxGiveTheSecondOperandForZerosAndNaNs() {
        assertThat(Float64.min(0, BIT_63, env)).isEqualTo(BIT_63);
        assertThat(Float64.max(BIT_63, 0, env)).isZero();
        assertThat(Float64.min(QUIET, ONE, env)).isEqualTo(ONE);
        assertThat(env.flags).isEqualTo(INVALID);
    }

    @Test
    void denormalsAreZerosUnderDaz() {
        env.denormalsAreZero = true;
        assertThat(Float64.mul(1, ONE, env)).isZero();
        assertThat(env.flags).isZero();
    }

    @Test
    void maskedUnderflowIsFlushedWithTheSignUnderFtz() {
        env.flushToZero = true;
        assertThat(Float64.mul(MIN_NORMAL | BIT_63, HALF, env)).isEqualTo(BIT_63);
        assertThat(env.flags).isEqualTo(UNDERFLOW | INEXACT);
    }

    @Test
    void exactTinyResultIsAnUnderflowOnlyUnmasked() {
        assertThat(Float64.mul(MIN_NORMAL, HALF, env)).isEqualTo(MIN_NORMAL / 2);
        assertThat(env.flags).isZero();
        env.masked &= ~UNDERFLOW;
        Float64.mul(MIN_NORMAL, HALF, env);
        assertThat(env.flags).isEqualTo(UNDERFLOW);
    }

    @Test
    void tininessIsDetectedAfterRounding() {
        // (1 - 2⁻⁵³) · 2⁻¹⁰²² rounds to the least normal number, with 53 bits, too: it is not tiny.
        long almostOne = ONE - 1;
        assertThat(Float64.mul(MIN_NORMAL + 1, almostOne, env)).isEqualTo(MIN_NORMAL);
        assertThat(env.flags).isEqualTo(INEXACT);
        env.flags = 0;
        assertThat(Float64.mul(MIN_NORMAL, almostOne, env)).isEqualTo(MIN_NORMAL);
        assertThat(env.flags).isEqualTo(UNDERFLOW | INEXACT);
    }

    @Test
    void unmaskedDenormalOperandHidesWhatComesAfter() {
        env.masked &= ~DENORMAL;
        Float64.mul(1, 1, env);
        assertThat(env.flags).isEqualTo(DENORMAL);
    }

    @Test
    void unmaskedElementHidesRoundingOfTheOthers() {
        int flags = DIVIDE_BY_ZERO | INEXACT | OVERFLOW;
        assertThat(FloatEnvironment.ofPackedInstruction(flags, 63)).isEqualTo(flags);
        assertThat(FloatEnvironment.ofPackedInstruction(flags, 63 ^ DIVIDE_BY_ZERO))
                .isEqualTo(DIVIDE_BY_ZERO);
    }

    @Test
    void conversionThatDoesNotFitIsTheIndefiniteInteger() {
        assertThat(Float64.toInt32(Double.doubleToRawLongBits(0x1p31), env)).isEqualTo(Integer.MIN_VALUE);
        assertThat(Float32.toInt64Truncated(0x7fc0_0000, env)).isEqualTo(Long.MIN_VALUE);
        assertThat(Float80.toInt16(of(0x400e, BIT_63), env)).isEqualTo(Short.MIN_VALUE);
        assertThat(env.flags).isEqualTo(INVALID);
    }

    @Test
    void unsupportedEncodingsAreInvalidAndPseudoDenormalsAreNot() {
        Float80 one = of(0x3fff, BIT_63);
        Float80.add(result, one, of(0x3fff, 1), env);
        assertResult(0xffff, 0xc000_0000_0000_0000L, INVALID);
        env.flags = 0;
        Float80.mul(result, one, of(0, BIT_63), env);
        assertResult(1, BIT_63, DENORMAL);
    }

    @Test
    void precisionControlKeepsTheExponentRange() {
        env.precision = 24;
        Float80.mul(result, of(0x7000, BIT_63 | 1L << 20), of(0x4010, BIT_63), env);
        assertResult(0x7011, BIT_63, INEXACT);
    }

    @Test
    void unmaskedOverflowAndUnderflowMoveTheExponent() {
        env.masked = 0;
        Float80.mul(result, of(0x7ffe, BIT_63), of(0x4000, BIT_63), env);
        assertResult(0x7fff - 24576, BIT_63, OVERFLOW);
        env.flags = 0;
        Float80.mul(result, of(1, BIT_63), of(0x3ffe, BIT_63), env);
        assertResult(24576, BIT_63, UNDERFLOW);
    }

    @Test
    void unmaskedInvalidLeavesTheDestination() {
        env.masked = 0;
        result.set(7, 7);
        Float80.sqrt(result, of(0xbfff, BIT_63), env);
        assertResult(7, 7, INVALID);
    }

    @Test
    void denormalMemoryOperandIsReported() {
        Float80 operand = new Float80();
        Float80.widenFloat64(operand, 1);
        Float80.mul(result, of(0x3fff, BIT_63), operand, env);
        assertResult(0x3fff - 1074, BIT_63, DENORMAL);
    }

    @Test
    void remainderIsFoundInSteps() {
        Float80 pi = of(0x4000, 0xc90f_daa2_2168_c235L);
        assertThat(Float80.rem(result, of(0x5000, BIT_63), pi, env)).isEqualTo(Float80.PARTIAL);
        int steps = 1;
        int quotient;
        do {
            quotient = Float80.rem(result, result, pi, env);
            steps++;
        } while (quotient == Float80.PARTIAL);
        assertThat(steps).isBetween(4096 / 63, 4096 / 32 + 1);
        assertThat(Float80.compare(result, pi, env)).isEqualTo(Float80.LESS);
    }

    @Test
    void quotientBitsOfTheNearestRemainderAreThoseOfTheRoundedQuotient() {
        // 11 = 3 · 4 − 1
        assertThat(Float80.remNearest(result, of(0x4002, 0xb0L << 56), of(0x4000, 0xc0L << 56), env))
                .isEqualTo(4);
        assertResult(0xbfff, BIT_63, 0);
    }

    @Test
    void constantsFollowTheRoundingMode() {
        env.rounding = FloatEnvironment.TOWARD_ZERO;
        Float80.load(result, Constant80.PI, env);
        assertResult(0x4000, 0xc90f_daa2_2168_c234L, 0);
        env.rounding = FloatEnvironment.NEAREST;
        Float80.load(result, Constant80.PI, env);
        assertResult(0x4000, 0xc90f_daa2_2168_c235L, 0);
    }

    @Test
    void piOfTheReductionHas66Bits() {
        assertThat(Float80.fsin(result, of(0x4000, 0xc90f_daa2_2168_c235L), env))
                .isTrue();
        assertThat(result.signExponent).isEqualTo(0x8000 | 0x3fff - 64);
        assertThat(result.significand).isEqualTo(BIT_63);
    }

    @Test
    void trigonometricArgumentsFrom2To63AreOutOfRange() {
        assertThat(Float80.fcos(result, of(0x3fff + 63, BIT_63), env)).isFalse();
        assertThat(Float80.fcos(result, of(0x3fff + 62, -1), env)).isTrue();
    }

    @Test
    void knownValuesOfElementaryFunctions() {
        Float80 one = of(0x3fff, BIT_63);
        Float80.fpatan(result, of(0xbfff, BIT_63), of(0, 0), env);
        assertResult(0x4000, 0xc90f_daa2_2168_c235L, INEXACT);
        Float80.fpatan(result, one, one, env);
        assertResult(0x3ffe, 0xc90f_daa2_2168_c235L, INEXACT);
        Float80.fyl2x(result, of(0x4009, BIT_63), one, env);
        assertResult(0x4002, 0xa0L << 56, INEXACT);
        Float80.f2xm1(result, of(0x3ffe, BIT_63), env); // √2 − 1
        assertResult(0x3ffd, 0xd413_cccf_e779_9211L, INEXACT);
        Float80.fyl2xp1(result, of(0x3fff - 70, BIT_63), one, env); // 2⁻⁷⁰ · log₂ e
        assertResult(0x3fff - 70, 0xb8aa_3b29_5c17_f0bcL, INEXACT);
    }

    @Test
    void tangentPushesOne() {
        Float80 pushed = new Float80();
        assertThat(Float80.fptan(result, pushed, of(0x8000, 0), env)).isTrue();
        assertThat(result.signExponent).isEqualTo(0x8000);
        assertThat(pushed.significand).isEqualTo(BIT_63);
    }

    @Test
    void packedDecimalsHave18Digits() {
        Float80 packed = of(0x8012, 0x3456_7890_1234_5678L);
        Float80.fromBcd(result, packed);
        assertThat(Float80.toInt64(result, env)).isEqualTo(-123_456_789_012_345_678L);
        Float80.toBcd(result, result, env);
        assertResult(0x8012, 0x3456_7890_1234_5678L, 0);
        Float80.fromInt64(result, 1_000_000_000_000_000_000L);
        Float80.toBcd(result, result, env);
        assertResult(0xffff, 0xc000_0000_0000_0000L, INVALID);
    }

    @Test
    void examinationFollowsTheConditionCodes() {
        assertThat(Float80.classify(of(0x3fff, 1))).isEqualTo(Float80Class.UNSUPPORTED);
        assertThat(Float80.classify(of(0x7fff, BIT_63))).isEqualTo(Float80Class.INFINITY);
        assertThat(Float80.classify(of(0, BIT_63))).isEqualTo(Float80Class.DENORMAL);
        assertThat(Float80Class.DENORMAL.conditions()).isEqualTo(1 << 14 | 1 << 10);
    }
}
