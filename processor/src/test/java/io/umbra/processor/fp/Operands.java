package io.umbra.processor.fp;

import java.util.SplittableRandom;

/** Operands that find mistakes: half of them near the ends of some range, from a seed. */
public final class Operands {
    private final SplittableRandom random;

    public Operands(long seed) {
        random = new SplittableRandom(seed);
    }

    public int below(int bound) {
        return random.nextInt(bound);
    }

    public boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    /** Bits with long runs of ones and zeros, few ones, few zeros, or at random. */
    public long bits() {
        long bits = random.nextLong();
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1L;
            case 2 -> 1L << random.nextInt(64);
            case 3 -> -1L << random.nextInt(64);
            case 4 -> -1L >>> random.nextInt(64);
            case 5 -> 1L << random.nextInt(64) ^ -1L << random.nextInt(64) ^ random.nextInt(4);
            case 6 -> bits & -1L << random.nextInt(64);
            default -> bits;
        };
    }

    /** The raw bits of a number with so many exponent and fraction bits. */
    private long number(int exponentBits, int fractionBits, int nearExponent) {
        int max = (1 << exponentBits) - 1;
        int exponent = switch (random.nextInt(10)) {
            case 0 -> 0;
            case 1 -> max;
            case 2 -> random.nextInt(4);
            case 3 -> max - random.nextInt(4);
            case 4, 5, 6 -> nearExponent + random.nextInt(5) - 2;
            case 7 -> nearExponent + random.nextInt(2 * fractionBits + 20) - fractionBits - 10;
            case 8 -> (max >> 1) + random.nextInt(2 * fractionBits) - 4;
            default -> random.nextInt(max + 1);
        };
        exponent = Math.clamp(exponent, 0, max);
        long fraction = bits() >>> random.nextInt(2) * (64 - fractionBits) & (1L << fractionBits) - 1;
        return random.nextLong(2) << exponentBits + fractionBits | (long) exponent << fractionBits | fraction;
    }

    public long float64(long near) {
        return number(11, 52, (int) (near >>> 52) & 0x7ff);
    }

    public long float64() {
        return float64((long) random.nextInt(2048) << 52);
    }

    public int float32(int near) {
        return (int) number(8, 23, near >>> 23 & 0xff);
    }

    public int float32() {
        return float32(random.nextInt(256) << 23);
    }

    /** Also encodings that the x87 does not support, and pseudo-denormals. */
    public void float80(Float80 target, int nearExponent) {
        long number = number(15, 40, nearExponent & 0x7fff);
        int signExponent = (int) (number >>> 40);
        long fraction = bits() & Long.MAX_VALUE;
        boolean integerBit = (signExponent & 0x7fff) != 0 ^ oneIn(16);
        target.set(fraction | (integerBit ? Long.MIN_VALUE : 0), signExponent);
    }

    public void float80(Float80 target) {
        float80(target, random.nextInt(0x8000));
    }

    public long integer() {
        return oneIn(2) ? bits() : random.nextLong() >> random.nextInt(64);
    }
}
