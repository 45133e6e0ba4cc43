package io.umbra.processor.fp;

/** The few operations on unsigned 128-bit integers, as (high, low) pairs, that significands need. */
final class Unsigned128 {
    private static final long LOW32 = 0xffff_ffffL;

    private Unsigned128() {}

    /** {@code value >> count} for any count ≥ 0, with every bit that falls out or-ed into bit 0. */
    static long shiftRightJam(long value, int count) {
        if (count == 0) return value;
        if (count >= 64) return value != 0 ? 1 : 0;
        return value >>> count | (value << -count != 0 ? 1 : 0);
    }

    /** The low half of {@code (high, low) >> count}, with every bit that falls out or-ed into bit 0. */
    static long shiftRightJamLow(long high, long low, int count) {
        if (count == 0) return low;
        if (count < 64) return high << -count | shiftRightJam(low, count);
        return shiftRightJam(high, count - 64) | (low != 0 ? 1 : 0);
    }

    /** The high half of {@code (high, low) >> count}. */
    static long shiftRightHigh(long high, int count) {
        return count < 64 ? high >>> count : 0;
    }

    /** The high half of {@code (high, low) << count}, count below 128. */
    static long shiftLeftHigh(long high, long low, int count) {
        if (count == 0) return high;
        return count < 64 ? high << count | low >>> -count : low << count - 64;
    }

    /** The low half of {@code (high, low) << count}. */
    static long shiftLeftLow(long low, int count) {
        return count < 64 ? low << count : 0;
    }

    /**
     * The quotient of (high, low) by a divisor whose top bit is set, in base 2³² (Knuth, TAOCP vol. 2, algorithm D).
     * Requires {@code high < divisor}. The remainder is {@code low - quotient * divisor}.
     */
    static long divide(long high, long low, long divisor) {
        long first = divideStep(high, low >>> 32, divisor);
        long rest = (high << 32 | low >>> 32) - first * divisor;
        return first << 32 | divideStep(rest, low & LOW32, divisor);
    }

    /** One digit of the quotient: (rest · 2³² + digit) / divisor, with {@code rest < divisor}. */
    private static long divideStep(long rest, long digit, long divisor) {
        long top = divisor >>> 32;
        long estimate = Long.divideUnsigned(rest, top);
        long left = rest - estimate * top;
        // At most two too large: the top bit of the divisor is set.
        while (estimate > LOW32 || Long.compareUnsigned(estimate * (divisor & LOW32), left << 32 | digit) > 0) {
            estimate--;
            left += top;
            if (left > LOW32) break;
        }
        return estimate;
    }

    /** The integer part of the square root of (high, low), where {@code high >= 2⁶²} unsigned. */
    static long sqrt(long high, long low) {
        long root = fromDouble(Math.sqrt(toDouble(high)) * 0x1p32);
        // Newton's step, which never ends below the root. The estimate is wrong by less than 2¹³, so that a double
        // holds
        // the correction with an error far below 1: one more than its integer part is not below the root, either.
        long squareLow = root * root;
        long differenceHigh =
                high - Math.unsignedMultiplyHigh(root, root) - (Long.compareUnsigned(low, squareLow) < 0 ? 1 : 0);
        double difference = differenceHigh * 0x1p64 + toDouble(low - squareLow);
        long correction = (long) Math.floor(difference / (2 * toDouble(root))) + 1;
        root = correction > 0 && root + correction >= 0 ? -1 : root + correction;
        while (squareExceeds(root, high, low)) root--;
        return root;
    }

    private static boolean squareExceeds(long root, long high, long low) {
        int order = Long.compareUnsigned(Math.unsignedMultiplyHigh(root, root), high);
        return order > 0 || order == 0 && Long.compareUnsigned(root * root, low) > 0;
    }

    private static double toDouble(long unsigned) {
        return unsigned >= 0 ? (double) unsigned : (double) (unsigned >>> 1 | unsigned & 1) * 2;
    }

    /** For values in [2⁶³, 2⁶⁴]; the end becomes 2⁶⁴ − 1. */
    private static long fromDouble(double value) {
        return value >= 0x1p64 ? -1 : (long) (value - 0x1p63) + Long.MIN_VALUE;
    }
}
