package io.umbra.processor.fp;

/** FPREM and FPREM1, which are exact, and find at most 64 binary digits of the quotient at a time. */
final class Remainder80 {
    private Remainder80() {}

    /**
     * @param nearest FPREM1: the quotient is rounded to nearest-even instead of truncated
     * @return the low three bits of the quotient, or {@link Float80#PARTIAL}
     */
    static int remainder(Float80 destination, Float80 a, Float80 b, boolean nearest, FloatEnvironment env) {
        if (Result80.endsWithNaN(destination, a, b, env)) return 0;
        if (a.isInfinite() || b.isZero()) {
            Result80.invalid(destination, env);
            return 0;
        }
        if (Result80.denormalStops(a, b, env)) return 0;
        if (a.isZero()) {
            destination.copy(a);
            return 0;
        }
        int distance = b.isInfinite() ? Integer.MIN_VALUE : a.exponent() - b.exponent();
        if (distance >= 64) return reduce(destination, a, b, distance, env);
        if (distance >= 0) return divide(destination, a, b, distance, nearest, env);
        long dividend = a.normalised();
        long divisor = b.normalised();
        if (nearest && distance == -1 && Long.compareUnsigned(dividend, divisor) > 0) {
            pack(destination, a.sign() ^ Float80.SIGN, a.exponent(), divisor - (dividend - divisor), env);
            return 1;
        }
        pack(destination, a.sign(), a.exponent(), dividend, env);
        return 0;
    }

    /** The quotient has at most 64 digits: the remainder is found at once. */
    private static int divide(
            Float80 destination, Float80 a, Float80 b, int distance, boolean nearest, FloatEnvironment env) {
        long divisor = b.normalised();
        long top = Long.compareUnsigned(a.normalised(), divisor) >= 0 ? 1 : 0;
        long quotient = top << distance;
        long rest = a.normalised() - (top != 0 ? divisor : 0);
        if (distance != 0) {
            long digits = Unsigned128.divide(rest >>> -distance, rest << distance, divisor);
            rest = (rest << distance) - digits * divisor;
            quotient += digits;
        }
        int sign = a.sign();
        if (nearest) {
            int half = Long.compareUnsigned(rest, divisor - rest);
            if (half > 0 || half == 0 && (quotient & 1) != 0) {
                quotient++;
                rest = divisor - rest;
                sign ^= Float80.SIGN;
            }
        }
        pack(destination, sign, b.exponent(), rest, env);
        return (int) quotient & 7;
    }

    /** Takes digits off the quotient. N of the SDM is chosen so that a whole number of times 32 is left. */
    private static int reduce(Float80 destination, Float80 a, Float80 b, int distance, FloatEnvironment env) {
        int digits = 32 + (distance & 31);
        long divisor = b.normalised();
        long rest = a.normalised();
        if (Long.compareUnsigned(rest, divisor) >= 0) rest -= divisor;
        long quotient = Unsigned128.divide(rest >>> -digits, rest << digits, divisor);
        rest = (rest << digits) - quotient * divisor;
        pack(destination, a.sign(), b.exponent() + distance - digits, rest, env);
        return Float80.PARTIAL;
    }

    private static void pack(Float80 destination, int sign, int exponent, long rest, FloatEnvironment env) {
        if (rest == 0) {
            Result80.setZero(destination, sign);
            return;
        }
        int shift = Long.numberOfLeadingZeros(rest);
        Result80.pack(destination, sign, exponent - shift, rest << shift, 0, 64, env);
    }
}
