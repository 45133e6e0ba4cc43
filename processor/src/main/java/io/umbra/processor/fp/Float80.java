package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.TOWARD_ZERO;

/**
 * An x87 register and what the x87 computes (Intel SDM vol. 1, chapter 8).
 *
 * <pre>
 * signExponent  15 sign | 14..0 exponent, biased by 16383
 * significand   63 integer bit | 62..0 fraction
 * </pre>
 *
 * <p>The object is a mutable holder, so that nothing is allocated; operations write into a destination, which may be an
 * operand. An operation that raises an unmasked INVALID, DENORMAL or DIVIDE_BY_ZERO leaves its destination as it was. An
 * unmasked OVERFLOW or UNDERFLOW gives the result with its exponent moved by 24576, as SDM vol. 1, 8.5.4 says. Every
 * operation on an environment sets {@link FloatEnvironment#roundedUp} (C1).
 *
 * <p>This is the x87 as others see it; the work is done in {@link Arithmetic80}, {@link Scaling80}, {@link Remainder80},
 * {@link Conversion80}, {@link Bcd}, {@link Transcendental} and {@link Trigonometry}, and ends in {@link Result80}.
 */
public final class Float80 {
    public static final int LESS = -1;
    public static final int EQUAL = 0;
    public static final int GREATER = 1;
    public static final int UNORDERED = 2;

    /** What {@link #rem} gives instead of a quotient when the reduction is not complete (C2). */
    public static final int PARTIAL = 8;

    static final int BIAS = 16383;
    static final int MAX_EXPONENT = 0x7fff;
    static final int SIGN = 0x8000;
    static final long INTEGER_BIT = 1L << 63;
    static final long QUIET_BIT = 1L << 62;
    static final long DEFAULT_NAN = INTEGER_BIT | QUIET_BIT;

    /** 64 bits, the integer bit explicit. */
    public long significand;

    /** 16 bits. */
    public int signExponent;

    /**
     * The number was a denormal of the memory format that it came from, and raises DENORMAL as an operand though it is
     * normal here. A write through {@link #set} ends that; one to the fields does not.
     */
    boolean wasDenormal;

    public void set(long newSignificand, int newSignExponent) {
        significand = newSignificand;
        signExponent = newSignExponent;
        wasDenormal = false;
    }

    public void copy(Float80 other) {
        set(other.significand, other.signExponent);
    }

    // What a register holds

    int exponentField() {
        return signExponent & MAX_EXPONENT;
    }

    int sign() {
        return signExponent & SIGN;
    }

    boolean isNegative() {
        return sign() != 0;
    }

    /** Normal: an operand that is no special case. */
    boolean isOrdinary() {
        return significand < 0 && exponentField() - 1 < MAX_EXPONENT - 1 && exponentField() != 0 && !wasDenormal;
    }

    boolean isZero() {
        return significand == 0 && exponentField() == 0;
    }

    boolean isInfinite() {
        return significand == INTEGER_BIT && exponentField() == MAX_EXPONENT;
    }

    boolean isNaN() {
        return exponentField() == MAX_EXPONENT && significand < 0 && significand != INTEGER_BIT;
    }

    boolean isSignalling() {
        return isNaN() && (significand & QUIET_BIT) == 0;
    }

    /** Pseudo-NaN, pseudo-infinity or unnormal. Intel SDM vol. 1, table 8-3. */
    boolean isUnsupported() {
        return significand >= 0 && exponentField() != 0;
    }

    /** Also a pseudo-denormal, and a denormal of the narrower format that it came from. */
    boolean isDenormal() {
        return wasDenormal || exponentField() == 0 && significand != 0;
    }

    /** The exponent of a finite number other than zero, biased, with which its significand is normalised. */
    int exponent() {
        return Math.max(exponentField(), 1) - Long.numberOfLeadingZeros(significand);
    }

    /** The significand of a finite number other than zero, top bit set. */
    long normalised() {
        return significand << Long.numberOfLeadingZeros(significand);
    }

    // Arithmetic

    /** FADD. */
    public static void add(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        Arithmetic80.add(destination, a, b, b.sign(), env);
    }

    /** FSUB: a − b. */
    public static void sub(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        Arithmetic80.add(destination, a, b, b.sign() ^ SIGN, env);
    }

    /** FMUL. */
    public static void mul(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        Arithmetic80.mul(destination, a, b, env);
    }

    /** FDIV: a / b. */
    public static void div(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        Arithmetic80.div(destination, a, b, env);
    }

    /** FSQRT. */
    public static void sqrt(Float80 destination, Float80 a, FloatEnvironment env) {
        Arithmetic80.sqrt(destination, a, env);
    }

    /** FCOM, FTST, FCOMI: any NaN is INVALID. */
    public static int compare(Float80 a, Float80 b, FloatEnvironment env) {
        return Arithmetic80.compare(a, b, false, env);
    }

    /** FUCOM, FUCOMI: only a signalling NaN is INVALID. */
    public static int compareQuiet(Float80 a, Float80 b, FloatEnvironment env) {
        return Arithmetic80.compare(a, b, true, env);
    }

    /** FRNDINT. */
    public static void roundToInteger(Float80 destination, Float80 a, FloatEnvironment env) {
        Scaling80.roundToInteger(destination, a, env);
    }

    /**
     * FPREM, exact: a − b · q where q is a/b truncated.
     *
     * @return the low three bits of q, or {@link #PARTIAL} when the destination holds a partial remainder (C2)
     */
    public static int rem(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        return Remainder80.remainder(destination, a, b, false, env);
    }

    /** FPREM1: as {@link #rem}, where q is a/b rounded to nearest-even. */
    public static int remNearest(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        return Remainder80.remainder(destination, a, b, true, env);
    }

    /** FSCALE: a · 2^trunc(b). */
    public static void scale(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        Scaling80.scale(destination, a, b, env);
    }

    /** FXTRACT: the unbiased exponent and the significand, in [1, 2) with the sign, as numbers. */
    public static void extract(Float80 exponent, Float80 significand, Float80 a, FloatEnvironment env) {
        Scaling80.extract(exponent, significand, a, env);
    }

    /** FXAM, but for C1, the sign, and for an empty register. */
    public static Float80Class classify(Float80 a) {
        if (a.isUnsupported()) return Float80Class.UNSUPPORTED;
        if (a.exponentField() == MAX_EXPONENT) return a.isNaN() ? Float80Class.NAN : Float80Class.INFINITY;
        if (a.significand == 0) return Float80Class.ZERO;
        return a.exponentField() == 0 ? Float80Class.DENORMAL : Float80Class.NORMAL;
    }

    // Conversions

    public static void load(Float80 destination, Constant80 constant, FloatEnvironment env) {
        constant.load(destination, env);
    }

    /** FLD m32. */
    public static void fromFloat32(Float80 destination, int bits, FloatEnvironment env) {
        Conversion80.load(destination, Integer.toUnsignedLong(bits), BinaryFormat.SINGLE, env);
    }

    /** FLD m64. */
    public static void fromFloat64(Float80 destination, long bits, FloatEnvironment env) {
        Conversion80.load(destination, bits, BinaryFormat.DOUBLE, env);
    }

    /**
     * The memory operand of FADD m32 and its like. Raises nothing itself: the operation that it is for sees a signalling
     * NaN or a denormal as the memory held it. The holder is written again through {@link #set} or {@link #copy}, not
     * through its fields.
     */
    public static void widenFloat32(Float80 destination, int bits) {
        Conversion80.widen(destination, Integer.toUnsignedLong(bits), BinaryFormat.SINGLE);
    }

    /** The memory operand of FADD m64 and its like, as {@link #widenFloat32}. */
    public static void widenFloat64(Float80 destination, long bits) {
        Conversion80.widen(destination, bits, BinaryFormat.DOUBLE);
    }

    /** FILD, and the memory operand of FIADD and its like: exact, and raises nothing. */
    public static void fromInt64(Float80 destination, long value) {
        Conversion80.fromInt64(destination, value);
    }

    /** FST m32. With an unmasked INVALID, OVERFLOW or UNDERFLOW the caller stores nothing. */
    public static int toFloat32(Float80 a, FloatEnvironment env) {
        return (int) Conversion80.store(a, BinaryFormat.SINGLE, env);
    }

    /** FST m64. With an unmasked INVALID, OVERFLOW or UNDERFLOW the caller stores nothing. */
    public static long toFloat64(Float80 a, FloatEnvironment env) {
        return Conversion80.store(a, BinaryFormat.DOUBLE, env);
    }

    /** FIST m16: 0x8000 with INVALID for what does not fit. */
    public static short toInt16(Float80 a, FloatEnvironment env) {
        return (short) Conversion80.toInteger(a, env.rounding, Short.MAX_VALUE, env);
    }

    /** FIST m32: 0x80000000 with INVALID for what does not fit. */
    public static int toInt32(Float80 a, FloatEnvironment env) {
        return (int) Conversion80.toInteger(a, env.rounding, Integer.MAX_VALUE, env);
    }

    /** FISTP m64: 0x80000000_00000000 with INVALID for what does not fit. */
    public static long toInt64(Float80 a, FloatEnvironment env) {
        return Conversion80.toInteger(a, env.rounding, Long.MAX_VALUE, env);
    }

    /** FISTTP m16. */
    public static short toInt16Truncated(Float80 a, FloatEnvironment env) {
        return (short) Conversion80.toInteger(a, TOWARD_ZERO, Short.MAX_VALUE, env);
    }

    /** FISTTP m32. */
    public static int toInt32Truncated(Float80 a, FloatEnvironment env) {
        return (int) Conversion80.toInteger(a, TOWARD_ZERO, Integer.MAX_VALUE, env);
    }

    /** FISTTP m64. */
    public static long toInt64Truncated(Float80 a, FloatEnvironment env) {
        return Conversion80.toInteger(a, TOWARD_ZERO, Long.MAX_VALUE, env);
    }

    /** FBLD: 80 raw bits of a packed decimal to a number; raises nothing. */
    public static void fromBcd(Float80 destination, Float80 packed) {
        Bcd.load(destination, packed);
    }

    /** FBSTP: a number to the 80 raw bits of a packed decimal. */
    public static void toBcd(Float80 packed, Float80 a, FloatEnvironment env) {
        Bcd.store(packed, a, env);
    }

    // Elementary functions, rounded to 64 bits whatever the precision control says

    /** F2XM1: 2ᵃ − 1 for a in [−1, 1]; outside, where the manuals define nothing, a. */
    public static void f2xm1(Float80 destination, Float80 a, FloatEnvironment env) {
        Transcendental.f2xm1(destination, a, env);
    }

    /** FYL2X: y · log₂ x, where x is ST0 and y is ST1. */
    public static void fyl2x(Float80 destination, Float80 x, Float80 y, FloatEnvironment env) {
        Transcendental.fyl2x(destination, x, y, env);
    }

    /** FYL2XP1: y · log₂(x + 1), where x is ST0 and y is ST1; for x ≤ −1, where the manuals define nothing, x. */
    public static void fyl2xp1(Float80 destination, Float80 x, Float80 y, FloatEnvironment env) {
        Transcendental.fyl2xp1(destination, x, y, env);
    }

    /** FPATAN: the angle of the point (x, y), where x is ST0 and y is ST1. */
    public static void fpatan(Float80 destination, Float80 x, Float80 y, FloatEnvironment env) {
        Transcendental.fpatan(destination, x, y, env);
    }

    /**
     * FSIN.
     *
     * @return false when a is finite and 2⁶³ or more in magnitude: nothing is stored, and C2 is to be set
     */
    public static boolean fsin(Float80 destination, Float80 a, FloatEnvironment env) {
        return Trigonometry.fsin(destination, a, env);
    }

    /** FCOS, with the result of {@link #fsin}. */
    public static boolean fcos(Float80 destination, Float80 a, FloatEnvironment env) {
        return Trigonometry.fcos(destination, a, env);
    }

    /** FSINCOS, with the result of {@link #fsin}: the sine replaces ST0, then the cosine is pushed. */
    public static boolean fsincos(Float80 sine, Float80 cosine, Float80 a, FloatEnvironment env) {
        return Trigonometry.fsincos(sine, cosine, a, env);
    }

    /** FPTAN, with the result of {@link #fsin}: the tangent replaces ST0, then 1, or the NaN again, is pushed. */
    public static boolean fptan(Float80 tangent, Float80 pushed, Float80 a, FloatEnvironment env) {
        return Trigonometry.fptan(tangent, pushed, a, env);
    }
}
