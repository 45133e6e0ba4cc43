package io.umbra.processor;

import java.util.Random;

/** Random 64-bit halves of vector registers in which the corner cases of every element type are likely. */
public final class VectorOperands {
    private static final long[] DOUBLES = {
        0,
        1L << 63,
        0x3FF0_0000_0000_0000L,
        0xBFF0_0000_0000_0000L,
        0x7FF0_0000_0000_0000L,
        0xFFF0_0000_0000_0000L,
        0x7FF8_0000_0000_0000L,
        0xFFF8_0000_0000_0001L,
        0x7FF0_0000_0000_0001L,
        0xFFF4_0000_0000_0000L,
        1,
        0x800F_FFFF_FFFF_FFFFL,
        0x0010_0000_0000_0000L,
        0x7FEF_FFFF_FFFF_FFFFL,
        0x41DF_FFFF_FFC0_0000L,
        0xC1E0_0000_0020_0000L,
        0x43E0_0000_0000_0000L,
        0xC3E0_0000_0000_0000L,
        0x3FE0_0000_0000_0000L,
        0xC004_0000_0000_0000L,
        0x36A0_0000_0000_0001L,
        0x47EF_FFFF_F000_0000L
    };
    private static final int[] SINGLES = {
        0,
        1 << 31,
        0x3F80_0000,
        0xBF80_0000,
        0x7F80_0000,
        0xFF80_0000,
        0x7FC0_0000,
        0xFFC0_0001,
        0x7F80_0001,
        0xFFA0_0000,
        1,
        0x807F_FFFF,
        0x0080_0000,
        0x7F7F_FFFF,
        0x4EFF_FFFF,
        0xCF00_0000,
        0x5F00_0000,
        0xDF00_0000,
        0x3F00_0000,
        0xC020_0000,
        0x7E80_0000,
        0x7E80_0001
    };
    private static final long[] INTEGERS = {
        0, -1, 0x8000, 0x7FFF, 0x80, 0x7F, 0xFF, 0xFFFF, 1, 0x8000_0000L, 0x7FFF_FFFFL, Long.MIN_VALUE
    };

    public static long half(Random random) {
        return switch (random.nextInt(9)) {
            case 0 -> DOUBLES[random.nextInt(DOUBLES.length)];
            case 1 -> moderate(random);
            case 2 -> singles(random);
            case 3 -> (long) moderateSingle(random) << 32 | moderateSingle(random) & 0xFFFF_FFFFL;
            case 4 -> INTEGERS[random.nextInt(INTEGERS.length)];
            case 5 -> words(random);
            case 6 -> characters(random);
            default -> random.nextLong();
        };
    }

    private static long singles(Random random) {
        return (long) SINGLES[random.nextInt(SINGLES.length)] << 32
                | SINGLES[random.nextInt(SINGLES.length)] & 0xFFFF_FFFFL;
    }

    /** Near 1, often with a short fraction, so that sums and products are exact now and then. */
    private static long moderate(Random random) {
        long value = random.nextLong() >> random.nextInt(52) << 40 & 0x800F_FFFF_FFFF_FFFFL;
        return value | (1023L - 4 + random.nextInt(8)) << 52;
    }

    private static int moderateSingle(Random random) {
        int value = random.nextInt() << random.nextInt(23) & 0x807F_FFFF;
        return value | 127 - 4 + random.nextInt(8) << 23;
    }

    private static long words(Random random) {
        long row = 0;
        for (int at = 0; at < 64; at += 16) {
            row |= (INTEGERS[random.nextInt(INTEGERS.length)] & 0xFFFF) << at;
        }
        return row;
    }

    /** Bytes of a small alphabet that has the string's end in it. */
    private static long characters(Random random) {
        long row = 0;
        for (int at = 0; at < 64; at += 8) {
            row |= (random.nextInt(8) == 0 ? 0L : 0x7EL + random.nextInt(5)) << at;
        }
        return row;
    }

    private VectorOperands() {}
}
