package io.umbra.processor;

import java.math.BigInteger;
import java.util.Random;

/** Operands that arithmetic goes wrong on, and what a number means as an unsigned or a signed one of so many bits. */
final class Samples {
    static final int[] SIZES = {8, 16, 32, 64};

    private Samples() {}

    /** The edges of all four sizes, and random numbers; garbage above {@code bits} is cut. */
    static long[] of(int bits, Random random) {
        long[] edges = {
            0,
            1,
            2,
            9,
            0xF,
            0x10,
            0x7F,
            0x80,
            0x81,
            0xFF,
            0x100,
            0x7FFF,
            0x8000,
            0xFFFF,
            0x10000,
            0x7FFF_FFFFL,
            0x8000_0000L,
            0xFFFF_FFFFL,
            1L << 32,
            0x7FFF_FFFF_FFFF_FFFFL,
            0x8000_0000_0000_0000L,
            -1,
            -2,
            0x5555_5555_5555_5555L
        };
        long[] samples = new long[edges.length + 16];
        for (int i = 0; i < samples.length; i++) {
            long value = i < edges.length ? edges[i] : random.nextLong() >>> random.nextInt(64);
            samples[i] = value & mask(bits);
        }
        return samples;
    }

    static long mask(int bits) {
        return -1L >>> 64 - bits;
    }

    static BigInteger unsigned(long value, int bits) {
        return new BigInteger(Long.toUnsignedString(value & mask(bits)));
    }

    static BigInteger signed(long value, int bits) {
        return BigInteger.valueOf(value << 64 - bits >> 64 - bits);
    }

    static boolean fitsUnsigned(BigInteger value, int bits) {
        return value.signum() >= 0 && value.bitLength() <= bits;
    }

    static boolean fitsSigned(BigInteger value, int bits) {
        return value.bitLength() < bits;
    }
}
