package io.umbra.processor.fp;

import java.math.BigInteger;

/**
 * A number with a significand of 128 bits, in which the elementary functions are computed. Immutable; the exponent is
 * unbounded for all purposes. Results are truncated: each operation is right to 2⁻¹²⁵ of its result.
 *
 * @param exponent that of the top bit of the significand
 * @param high upper half of the significand, its top bit set; 0 for zero only
 * @param low lower half of the significand
 */
record Wide(boolean negative, int exponent, long high, long low) {
    static final Wide ZERO = new Wide(false, 0, 0, 0);
    static final Wide ONE = of(1);
    static final Wide TWO = of(2);

    private static final Wide JUST_BELOW_ONE = new Wide(false, -1, -1, -1);
    private static final BigInteger MASK = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

    static Wide of(long value) {
        return normalised(value < 0, 127, 0, Math.abs(value));
    }

    /** The value of a finite register. */
    static Wide of(Float80 a) {
        if (a.significand == 0) return ZERO;
        return new Wide(a.isNegative(), a.exponent() - Float80.BIAS, a.normalised(), 0);
    }

    /** 1 / n. */
    static Wide reciprocal(BigInteger n) {
        int shift = 127 + n.bitLength();
        BigInteger quotient = BigInteger.ONE.shiftLeft(shift).divide(n);
        int excess = quotient.bitLength() - 128;
        return ofBits(quotient.shiftRight(excess), 127 + excess - shift);
    }

    private static Wide ofBits(BigInteger bits, int exponent) {
        return new Wide(
                false, exponent, bits.shiftRight(64).longValue(), bits.and(MASK).longValue());
    }

    /** (high, low) · 2^(exponent − 127). */
    static Wide normalised(boolean negative, int exponent, long high, long low) {
        if ((high | low) == 0) return ZERO;
        int shift = high != 0 ? Long.numberOfLeadingZeros(high) : 64 + Long.numberOfLeadingZeros(low);
        return new Wide(
                negative,
                exponent - shift,
                Unsigned128.shiftLeftHigh(high, low, shift),
                Unsigned128.shiftLeftLow(low, shift));
    }

    boolean isZero() {
        return high == 0;
    }

    boolean isPowerOfTwo() {
        return high == Long.MIN_VALUE && low == 0;
    }

    Wide negated() {
        return new Wide(!negative, exponent, high, low);
    }

    Wide abs() {
        return negative ? negated() : this;
    }

    /** this · 2^count. */
    Wide scaled(int count) {
        return isZero() ? this : new Wide(negative, exponent + count, high, low);
    }

    Wide plus(Wide other) {
        if (isZero()) return other;
        if (other.isZero()) return this;
        return compareMagnitude(other) >= 0 ? plusSmaller(other) : other.plusSmaller(this);
    }

    Wide minus(Wide other) {
        return plus(other.negated());
    }

    private Wide plusSmaller(Wide other) {
        int shift = exponent - other.exponent;
        if (shift >= 128) return this;
        long otherHigh = Unsigned128.shiftRightHigh(other.high, shift);
        long otherLow = shiftRightLow(other.high, other.low, shift);
        if (negative != other.negative) {
            long borrow = Long.compareUnsigned(low, otherLow) < 0 ? 1 : 0;
            return normalised(negative, exponent, high - otherHigh - borrow, low - otherLow);
        }
        long sumLow = low + otherLow;
        long carry = Long.compareUnsigned(sumLow, low) < 0 ? 1 : 0;
        long sumHigh = high + otherHigh + carry;
        if (sumHigh < 0) return new Wide(negative, exponent, sumHigh, sumLow);
        return new Wide(negative, exponent + 1, sumHigh >>> 1 | Long.MIN_VALUE, sumLow >>> 1 | sumHigh << 63);
    }

    private static long shiftRightLow(long high, long low, int count) {
        if (count == 0) return low;
        return count < 64 ? high << -count | low >>> count : high >>> count - 64;
    }

    int compareMagnitude(Wide other) {
        if (isZero() || other.isZero()) return Boolean.compare(other.isZero(), isZero());
        if (exponent != other.exponent) return Integer.compare(exponent, other.exponent);
        int order = Long.compareUnsigned(high, other.high);
        return order != 0 ? order : Long.compareUnsigned(low, other.low);
    }

    Wide times(Wide other) {
        if (isZero() || other.isZero()) return ZERO;
        long productHigh = Math.unsignedMultiplyHigh(high, other.high);
        long productLow = high * other.high;
        long sum = productLow + Math.unsignedMultiplyHigh(high, other.low);
        if (Long.compareUnsigned(sum, productLow) < 0) productHigh++;
        productLow = sum + Math.unsignedMultiplyHigh(low, other.high);
        if (Long.compareUnsigned(productLow, sum) < 0) productHigh++;
        return normalised(negative != other.negative, exponent + other.exponent + 1, productHigh, productLow);
    }

    /** By Newton's iteration for the reciprocal, from the 53 bits of a double. */
    Wide dividedBy(Wide divisor) {
        double leading = (divisor.high >>> 11) * 0x1p-52;
        long bits = Double.doubleToRawLongBits(1 / leading);
        int reciprocalExponent = (int) (bits >>> 52) - 1023;
        Wide mantissa = new Wide(divisor.negative, 0, divisor.high, divisor.low);
        Wide reciprocal = new Wide(divisor.negative, reciprocalExponent, bits << 11 | Long.MIN_VALUE, 0);
        for (int step = 0; step < 2; step++) {
            reciprocal = reciprocal.plus(reciprocal.times(ONE.minus(mantissa.times(reciprocal))));
        }
        return times(reciprocal).scaled(-divisor.exponent);
    }

    /** c₀ + c₁x + c₂x² + … */
    static Wide series(Wide[] coefficients, Wide x) {
        Wide sum = coefficients[coefficients.length - 1];
        for (int i = coefficients.length - 2; i >= 0; i--) sum = sum.times(x).plus(coefficients[i]);
        return sum;
    }

    /** A series whose value is below c₀ = 1, also where the difference is too small for it. */
    static Wide seriesBelowOne(Wide[] coefficients, Wide x) {
        Wide sum = series(coefficients, x);
        return sum.equals(ONE) ? JUST_BELOW_ONE : sum;
    }
}
