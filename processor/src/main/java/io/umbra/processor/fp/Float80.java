package io.umbra.processor.fp;

import static io.umbra.processor.fp.FloatEnvironment.DENORMAL;
import static io.umbra.processor.fp.FloatEnvironment.DIVIDE_BY_ZERO;
import static io.umbra.processor.fp.FloatEnvironment.DOWN;
import static io.umbra.processor.fp.FloatEnvironment.INEXACT;
import static io.umbra.processor.fp.FloatEnvironment.INVALID;
import static io.umbra.processor.fp.FloatEnvironment.OVERFLOW;
import static io.umbra.processor.fp.FloatEnvironment.TOWARD_ZERO;
import static io.umbra.processor.fp.FloatEnvironment.UNDERFLOW;

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
 * <p>Conversions are in {@link Conversion80} and {@link Bcd}, remainders in {@link Remainder80}, elementary functions in
 * {@link Transcendental}.
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

    /** By how much an unmasked overflow lowers the exponent, and an unmasked underflow raises it. */
    private static final int BIAS_ADJUSTMENT = 24576;

    /** 64 bits, the integer bit explicit. */
    public long significand;

    /** 16 bits. */
    public int signExponent;

    /**
     * The number was a denormal of the memory format that it came from, and raises DENORMAL as an operand though it is
     * normal here. Any write through {@link #set} ends that.
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

    // Operands that decide the result

    static void setZero(Float80 destination, int sign) {
        destination.set(0, sign);
    }

    static void setInfinity(Float80 destination, int sign) {
        destination.set(INTEGER_BIT, sign | MAX_EXPONENT);
    }

    static void invalid(Float80 destination, FloatEnvironment env) {
        if (!env.raise(INVALID)) destination.set(DEFAULT_NAN, SIGN | MAX_EXPONENT);
    }

    static void divideByZero(Float80 destination, int sign, FloatEnvironment env) {
        if (!env.raise(DIVIDE_BY_ZERO)) setInfinity(destination, sign);
    }

    /** Ends an operation whose operand is unsupported or a NaN. */
    static boolean endsWithNaN(Float80 destination, Float80 a, FloatEnvironment env) {
        return endsWithNaN(destination, a, a, env);
    }

    /** Ends an operation with an operand that is unsupported or a NaN. Intel SDM vol. 1, table 4-7. */
    static boolean endsWithNaN(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        env.roundedUp = false;
        if (a.isUnsupported() || b.isUnsupported()) {
            invalid(destination, env);
            return true;
        }
        if (!a.isNaN() && !b.isNaN()) return false;
        boolean signalling = a.isSignalling() || b.isSignalling();
        Float80 nan = propagated(a, b);
        if (!signalling || !env.raise(INVALID)) destination.set(nan.significand | QUIET_BIT, nan.signExponent);
        return true;
    }

    /** A quiet NaN before a signalling one, then the larger significand, then the positive. */
    private static Float80 propagated(Float80 a, Float80 b) {
        if (!a.isNaN()) return b;
        if (!b.isNaN()) return a;
        if (a.isSignalling() != b.isSignalling()) return a.isSignalling() ? b : a;
        int order = Long.compareUnsigned(a.significand, b.significand);
        if (order == 0) return a.isNegative() ? b : a;
        return order > 0 ? a : b;
    }

    static boolean denormalStops(Float80 a, Float80 b, FloatEnvironment env) {
        return (a.isDenormal() || b.isDenormal()) && env.raise(DENORMAL);
    }

    // Rounding

    /**
     * Rounds (significand, low) · 2⁻⁶³ · 2^(exponent − bias) to a register.
     *
     * @param sign 0 or {@link #SIGN}
     * @param significand top bit set
     * @param low the bits below the significand; any inexact tail is or-ed into bit 0
     * @param precision significant bits of the result: 24, 53 or 64
     */
    static void pack(
            Float80 destination,
            int sign,
            int exponent,
            long significand,
            long low,
            int precision,
            FloatEnvironment env) {
        long unit = 1L << 64 - precision;
        long kept = significand & -unit;
        long below = below(significand, low, precision);
        boolean away = env.roundsAway(sign != 0, (kept & unit) != 0, below);
        if (exponent < 1) {
            boolean tiny = exponent < 0 || !away || kept != -unit;
            if (!tiny || (env.masked & UNDERFLOW) != 0) {
                packDenormal(destination, sign, exponent, significand, low, precision, tiny, env);
                return;
            }
            env.flags |= UNDERFLOW;
            exponent += BIAS_ADJUSTMENT;
        }
        if (away) {
            kept += unit;
            if (kept == 0) {
                kept = INTEGER_BIT;
                exponent++;
            }
        }
        if (exponent >= MAX_EXPONENT) {
            env.flags |= OVERFLOW;
            if ((env.masked & OVERFLOW) != 0) {
                env.flags |= INEXACT;
                env.roundedUp = env.overflowsToInfinity(sign != 0);
                if (env.roundedUp) setInfinity(destination, sign);
                else destination.set(-unit, sign | MAX_EXPONENT - 1);
                return;
            }
            exponent -= BIAS_ADJUSTMENT;
        }
        if (below != 0) env.flags |= INEXACT;
        env.roundedUp = away;
        destination.set(kept, sign | exponent);
        if (exponent < 1 || exponent >= MAX_EXPONENT) packMassive(destination, sign, exponent, env);
    }

    /** An unmasked result of FSCALE that even the adjusted exponent does not hold. Intel SDM vol. 1, 8.5.4 and 8.5.5. */
    private static void packMassive(Float80 destination, int sign, int exponent, FloatEnvironment env) {
        env.flags |= INEXACT;
        env.roundedUp = exponent > 0;
        if (exponent > 0) setInfinity(destination, sign);
        else setZero(destination, sign);
    }

    private static void packDenormal(
            Float80 destination,
            int sign,
            int exponent,
            long significand,
            long low,
            int precision,
            boolean tiny,
            FloatEnvironment env) {
        int shift = 1 - exponent;
        long unit = 1L << 64 - precision;
        long shifted = Unsigned128.shiftRightHigh(significand, shift);
        long kept = shifted & -unit;
        long below = below(shifted, Unsigned128.shiftRightJamLow(significand, low, shift), precision);
        boolean away = env.roundsAway(sign != 0, (kept & unit) != 0, below);
        if (away) kept += unit;
        if (below != 0) env.flags |= tiny ? UNDERFLOW | INEXACT : INEXACT;
        env.roundedUp = away;
        destination.set(kept, sign | (kept < 0 ? 1 : 0));
    }

    private static long below(long significand, long low, int precision) {
        return precision == 64 ? low : significand << precision | (low != 0 ? 1 : 0);
    }

    // Arithmetic

    public static void add(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        addSigned(destination, a, b, b.sign(), env);
    }

    public static void sub(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        addSigned(destination, a, b, b.sign() ^ SIGN, env);
    }

    /** a + b, where b has another sign than its own. */
    private static void addSigned(Float80 destination, Float80 a, Float80 b, int signB, FloatEnvironment env) {
        if (!a.isOrdinary() || !b.isOrdinary()) {
            if (endsWithNaN(destination, a, b, env)) return;
            if (a.isInfinite() && b.isInfinite() && a.sign() != signB) {
                invalid(destination, env);
                return;
            }
            if (denormalStops(a, b, env)) return;
            if (a.isInfinite() || b.isInfinite()) {
                setInfinity(destination, a.isInfinite() ? a.sign() : signB);
                return;
            }
            if (a.isZero() && b.isZero()) {
                setZero(destination, a.sign() == signB ? signB : signOfCancellation(env));
                return;
            }
            if (a.isZero() || b.isZero()) {
                Float80 other = a.isZero() ? b : a;
                int sign = a.isZero() ? signB : a.sign();
                pack(destination, sign, other.exponent(), other.normalised(), 0, env.precision, env);
                return;
            }
        }
        if (a.exponent() >= b.exponent()) addSmaller(destination, a, a.sign(), b, signB, env);
        else addSmaller(destination, b, signB, a, a.sign(), env);
    }

    private static int signOfCancellation(FloatEnvironment env) {
        return env.rounding == DOWN ? SIGN : 0;
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
                sum = sum >>> 1 | INTEGER_BIT;
                exponent++;
            }
            pack(destination, signA, exponent, sum, low, env.precision, env);
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
            setZero(destination, signOfCancellation(env));
            return;
        }
        int up = high != 0 ? Long.numberOfLeadingZeros(high) : 64 + Long.numberOfLeadingZeros(low);
        long sum = Unsigned128.shiftLeftHigh(high, low, up);
        pack(destination, sign, exponent - up, sum, Unsigned128.shiftLeftLow(low, up), env.precision, env);
    }

    public static void mul(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        int sign = a.sign() ^ b.sign();
        if (!a.isOrdinary() || !b.isOrdinary()) {
            if (endsWithNaN(destination, a, b, env)) return;
            boolean infinite = a.isInfinite() || b.isInfinite();
            boolean zero = a.isZero() || b.isZero();
            if (infinite && zero) {
                invalid(destination, env);
                return;
            }
            if (denormalStops(a, b, env)) return;
            if (infinite) {
                setInfinity(destination, sign);
                return;
            }
            if (zero) {
                setZero(destination, sign);
                return;
            }
        }
        int exponent = a.exponent() + b.exponent() - BIAS + 1;
        long high = Math.unsignedMultiplyHigh(a.normalised(), b.normalised());
        long low = a.normalised() * b.normalised();
        if (high >= 0) {
            high = high << 1 | low >>> 63;
            low <<= 1;
            exponent--;
        }
        pack(destination, sign, exponent, high, low, env.precision, env);
    }

    public static void div(Float80 destination, Float80 a, Float80 b, FloatEnvironment env) {
        int sign = a.sign() ^ b.sign();
        if (!a.isOrdinary() || !b.isOrdinary()) {
            if (endsWithNaN(destination, a, b, env)) return;
            if (a.isInfinite() && b.isInfinite() || a.isZero() && b.isZero()) {
                invalid(destination, env);
                return;
            }
            if (b.isZero() && !a.isInfinite()) {
                divideByZero(destination, sign, env);
                return;
            }
            if (denormalStops(a, b, env)) return;
            if (a.isInfinite()) {
                setInfinity(destination, sign);
                return;
            }
            if (b.isInfinite() || a.isZero()) {
                setZero(destination, sign);
                return;
            }
        }
        int exponent = a.exponent() - b.exponent() + BIAS;
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
        pack(destination, sign, exponent, quotient, fraction(remainder != 0, half), env.precision, env);
    }

    /** A fraction of a unit, of which only matters whether it is zero, below, at or above one half. */
    private static long fraction(boolean nonzero, int comparedToHalf) {
        if (!nonzero) return 0;
        if (comparedToHalf == 0) return Long.MIN_VALUE;
        return comparedToHalf < 0 ? 1 : Long.MIN_VALUE | 1;
    }

    public static void sqrt(Float80 destination, Float80 a, FloatEnvironment env) {
        if (!a.isOrdinary() || a.isNegative()) {
            if (endsWithNaN(destination, a, env)) return;
            if (a.isNegative() && !a.isZero()) {
                invalid(destination, env);
                return;
            }
            if (denormalStops(a, a, env)) return;
            if (a.isZero() || a.isInfinite()) {
                destination.copy(a);
                return;
            }
        }
        int unbiased = a.exponent() - BIAS;
        int shift = unbiased & 1 ^ 1;
        long high = a.normalised() >>> shift;
        long low = shift == 0 ? 0 : a.normalised() << 63;
        long root = Unsigned128.sqrt(high, low);
        // The remainder is at most 2 · root; above root it is more than half a unit, and it is never half a unit.
        long remainder = low - root * root;
        long borrow = Long.compareUnsigned(low, root * root) < 0 ? 1 : 0;
        boolean carry = high - Math.unsignedMultiplyHigh(root, root) - borrow != 0;
        int half = carry || Long.compareUnsigned(remainder, root) > 0 ? 1 : -1;
        pack(destination, 0, (unbiased >> 1) + BIAS, root, fraction(carry || remainder != 0, half), env.precision, env);
    }

    /** FCOM, FTST, FCOMI: any NaN is INVALID. */
    public static int compare(Float80 a, Float80 b, FloatEnvironment env) {
        return compare(a, b, false, env);
    }

    /** FUCOM, FUCOMI: only a signalling NaN is INVALID. */
    public static int compareQuiet(Float80 a, Float80 b, FloatEnvironment env) {
        return compare(a, b, true, env);
    }

    private static int compare(Float80 a, Float80 b, boolean quiet, FloatEnvironment env) {
        env.roundedUp = false;
        boolean unsupported = a.isUnsupported() || b.isUnsupported();
        if (unsupported || a.isNaN() || b.isNaN()) {
            if (!quiet || unsupported || a.isSignalling() || b.isSignalling()) env.flags |= INVALID;
            return UNORDERED;
        }
        if (a.isDenormal() || b.isDenormal()) env.flags |= DENORMAL;
        if (a.isZero() && b.isZero()) return EQUAL;
        if (a.isNegative() != b.isNegative()) return a.isNegative() ? LESS : GREATER;
        int order = compareMagnitude(a, b);
        return a.isNegative() ? -order : order;
    }

    private static int compareMagnitude(Float80 a, Float80 b) {
        // A pseudo-denormal has the value of exponent 1.
        int order = Integer.compare(Math.max(a.exponentField(), 1), Math.max(b.exponentField(), 1));
        return order != 0 ? order : Integer.signum(Long.compareUnsigned(a.significand, b.significand));
    }

    /** FRNDINT. */
    public static void roundToInteger(Float80 destination, Float80 a, FloatEnvironment env) {
        if (endsWithNaN(destination, a, env) || denormalStops(a, a, env)) return;
        int unbiased = a.exponent() - BIAS;
        if (a.isZero() || a.isInfinite() || unbiased >= 63) {
            destination.copy(a);
            return;
        }
        long integer = unbiased < 0 ? 0 : a.normalised() >>> 63 - unbiased;
        long below = BinaryFormat.fractionBelow(a.normalised(), unbiased);
        boolean away = env.roundsAway(a.isNegative(), (integer & 1) != 0, below);
        if (away) integer++;
        if (below != 0) env.flags |= INEXACT;
        int shift = Long.numberOfLeadingZeros(integer);
        if (integer == 0) setZero(destination, a.sign());
        else destination.set(integer << shift, a.sign() | BIAS + 63 - shift);
        env.roundedUp = away;
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
        if (endsWithNaN(destination, a, b, env)) return;
        if (b.isInfinite() && (b.isNegative() ? a.isInfinite() : a.isZero())) {
            invalid(destination, env);
            return;
        }
        if (denormalStops(a, b, env)) return;
        if (b.isInfinite()) {
            if (b.isNegative()) setZero(destination, a.sign());
            else setInfinity(destination, a.sign());
        } else if (a.isZero() || a.isInfinite()) {
            destination.copy(a);
        } else {
            pack(destination, a.sign(), a.exponent() + scaleOf(b), a.normalised(), 0, 64, env);
        }
    }

    /** The integer part of a scale, at most 2¹⁷ in magnitude: beyond every exponent, even adjusted. */
    private static int scaleOf(Float80 b) {
        int unbiased = b.exponent() - BIAS;
        if (unbiased < 0) return 0;
        int magnitude = unbiased > 16 ? 1 << 17 : (int) (b.normalised() >>> 63 - unbiased);
        return b.isNegative() ? -magnitude : magnitude;
    }

    /** FXTRACT: the unbiased exponent and the significand, in [1, 2) with the sign, as numbers. */
    public static void extract(Float80 exponent, Float80 significand, Float80 a, FloatEnvironment env) {
        if (a.isNaN() || a.isUnsupported()) {
            endsWithNaN(exponent, a, env);
            if (!env.isUnmasked(INVALID)) significand.copy(exponent);
            return;
        }
        env.roundedUp = false;
        int sign = a.sign();
        if (a.isZero()) {
            divideByZero(exponent, SIGN, env);
            if (!env.isUnmasked(DIVIDE_BY_ZERO)) setZero(significand, sign);
            return;
        }
        if (denormalStops(a, a, env)) return;
        if (a.isInfinite()) {
            setInfinity(exponent, 0);
            setInfinity(significand, sign);
            return;
        }
        long normalised = a.normalised();
        Conversion80.fromInt64(exponent, a.exponent() - BIAS);
        significand.set(normalised, sign | BIAS);
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
     * NaN or a denormal as the memory held it.
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
