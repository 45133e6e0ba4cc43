package io.umbra.processor.fp;

/**
 * Packed decimal integers of the x87: FBLD and FBSTP. As 80 raw bits in a holder:
 *
 * <pre>
 * signExponent  15 sign | 14..8 ignored | 7..0 digits 17 and 16
 * significand   digits 15 to 0, four bits each
 * </pre>
 */
final class Bcd {
    private static final long LIMIT = 999_999_999_999_999_999L;
    private static final int DIGITS_BELOW = 16;

    private Bcd() {}

    /** FBLD: always exact. Digits above 9, undefined by the manuals, count with their value. */
    static void load(Float80 destination, Float80 packed) {
        long value = packed.signExponent & 0xff;
        value = (value >>> 4) * 10 + (value & 15);
        for (int digit = DIGITS_BELOW - 1; digit >= 0; digit--) {
            value = value * 10 + (packed.significand >>> 4 * digit & 15);
        }
        int sign = packed.sign();
        Conversion80.fromInt64(destination, value);
        destination.signExponent |= sign;
    }

    /** FBSTP: rounds as the environment says; the indefinite with INVALID for what has more than 18 digits. */
    static void store(Float80 packed, Float80 a, FloatEnvironment env) {
        int sign = a.sign();
        long value = Conversion80.toInteger(a, env.rounding, LIMIT, LIMIT, Long.MIN_VALUE, env);
        if (value == Long.MIN_VALUE) {
            if (!env.isUnmasked(FloatEnvironment.INVALID)) packed.set(Float80.DEFAULT_NAN, 0xffff);
            return;
        }
        value = Math.abs(value);
        long low = 0;
        for (int digit = 0; digit < DIGITS_BELOW; digit++) {
            low |= value % 10 << 4 * digit;
            value /= 10;
        }
        packed.set(low, sign | (int) (value / 10 << 4 | value % 10));
    }
}
