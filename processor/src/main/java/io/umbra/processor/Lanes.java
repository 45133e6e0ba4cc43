package io.umbra.processor;

/**
 * A long as a row of equal integers, and arithmetic on all of them at once. An XMM register is two such rows, an MMX register one. No carry crosses from
 * one lane to the next: sums are formed without the top bits, which are then added by exclusive or.
 *
 * @param bits of one lane: 8, 16, 32 or 64
 * @param top the most significant bit of every lane
 */
record Lanes(int bits, long top) {
    static final Lanes BYTES = new Lanes(8, 0x8080_8080_8080_8080L);
    static final Lanes WORDS = new Lanes(16, 0x8000_8000_8000_8000L);
    static final Lanes DOUBLEWORDS = new Lanes(32, 0x8000_0000_8000_0000L);
    static final Lanes QUADWORDS = new Lanes(64, 1L << 63);

    long add(long a, long b) {
        return (a & ~top) + (b & ~top) ^ (a ^ b) & top;
    }

    long subtract(long a, long b) {
        return (a | top) - (b & ~top) ^ (a ^ ~b) & top;
    }

    long addUnsignedSaturated(long a, long b) {
        long sum = add(a, b);
        long carries = a & b | (a | b) & ~sum;
        return sum | spread(carries);
    }

    long subtractUnsignedSaturated(long a, long b) {
        return subtract(a, b) & ~below(a, b);
    }

    long addSaturated(long a, long b) {
        long sum = add(a, b);
        return choose(spread((a ^ sum) & (b ^ sum)), limitBeyond(a), sum);
    }

    long subtractSaturated(long a, long b) {
        long difference = subtract(a, b);
        return choose(spread((a ^ b) & (a ^ difference)), limitBeyond(a), difference);
    }

    /** All ones in the lanes that are equal. */
    long equal(long a, long b) {
        long difference = a ^ b;
        return ~spread((difference & ~top) + ~top | difference);
    }

    /** All ones in the lanes where a > b as signed numbers. */
    long greater(long a, long b) {
        return below(b ^ top, a ^ top);
    }

    /** All ones in the lanes where a < b as unsigned numbers: those that borrow. */
    long below(long a, long b) {
        return spread(~a & b | (~a | b) & subtract(a, b));
    }

    long minUnsigned(long a, long b) {
        return choose(below(a, b), a, b);
    }

    long maxUnsigned(long a, long b) {
        return choose(below(a, b), b, a);
    }

    long minSigned(long a, long b) {
        return choose(greater(b, a), a, b);
    }

    long maxSigned(long a, long b) {
        return choose(greater(a, b), a, b);
    }

    /** Half the sum of unsigned numbers, rounded up. */
    long average(long a, long b) {
        return (a | b) - (((a ^ b) & ~ones()) >>> 1);
    }

    /** The magnitude of {@code b}, unsigned; {@code a} is not used. */
    long absolute(long a, long b) {
        long negative = spread(b);
        return subtract(b ^ negative, negative);
    }

    /** {@code a} times the sign of {@code b}: 1, 0 or -1. */
    long applySign(long a, long b) {
        long negative = spread(b);
        return subtract(a ^ negative, negative) & ~equal(b, 0);
    }

    /** @param count unsigned, any number */
    long shiftLeft(long a, long count) {
        return isWithin(count) ? a << count & (-1L >>> 64 - bits << count & -1L >>> 64 - bits) * ones() : 0;
    }

    long shiftRight(long a, long count) {
        return isWithin(count) ? a >>> count & (-1L >>> 64 - bits >>> count) * ones() : 0;
    }

    /** Copies of the sign come in; a count beyond the width leaves nothing else. */
    long shiftRightSigned(long a, long count) {
        long negative = spread(a);
        return shiftRight(a ^ negative, count) ^ negative;
    }

    /** The same with a count for each lane. */
    long shiftLeftEach(long a, long counts) {
        long result = 0;
        for (int at = 0; at < 64; at += bits) {
            result |= lane(shiftLeft(lane(a, at), lane(counts, at)), 0) << at;
        }
        return result;
    }

    long shiftRightEach(long a, long counts) {
        long result = 0;
        for (int at = 0; at < 64; at += bits) {
            result |= shiftRight(lane(a, at), lane(counts, at)) << at;
        }
        return result;
    }

    long shiftRightSignedEach(long a, long counts) {
        long result = 0;
        for (int at = 0; at < 64; at += bits) {
            result |= lane(shiftRightSigned(lane(a, at), lane(counts, at)), 0) << at;
        }
        return result;
    }

    /** The lane that begins at a bit, zero-extended. */
    private long lane(long a, int at) {
        return a >>> at & -1L >>> 64 - bits;
    }

    /** The lowest lane in every lane. */
    long repeat(long a) {
        return lane(a, 0) * ones();
    }

    private boolean isWithin(long count) {
        return Long.compareUnsigned(count, bits) < 0;
    }

    /** 1 in every lane. */
    private long ones() {
        return top >>> bits - 1;
    }

    /** The top bit of every lane, copied to the whole lane. */
    long spread(long a) {
        long signs = a & top;
        return signs | signs - (signs >>> bits - 1);
    }

    /** The largest number of the lane, or the smallest where {@code a} is negative. */
    private long limitBeyond(long a) {
        return ~top + ((a & top) >>> bits - 1);
    }

    /** @param mask all ones or zero in every lane */
    static long choose(long mask, long a, long b) {
        return a & mask | b & ~mask;
    }
}
