package io.umbra.processor.conformance;

import java.util.Random;

/** Random 64-bit values in which the corner cases of every operand size are likely. */
final class OperandValues {
    /** The last are those of decimal arithmetic. */
    private static final long[] CORNERS = {
        0,
        1,
        2,
        -1,
        -2,
        0x7F,
        0x80,
        0xFF,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x7FFF_FFFFL,
        0x8000_0000L,
        0xFFFF_FFFFL,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        0x0F,
        0x10,
        0x55,
        0xAA,
        0x09,
        0x0A,
        0x99,
        0x9A
    };

    static long next(Random random) {
        return switch (random.nextInt(8)) {
            case 0 -> CORNERS[random.nextInt(CORNERS.length)];
            case 1 -> random.nextInt(65) - 32;
            case 2 -> random.nextLong() >> random.nextInt(64);
            case 3 -> random.nextLong() << 32 | CORNERS[random.nextInt(CORNERS.length)] & 0xFFFF_FFFFL;
            case 4 -> random.nextLong() << 16 | CORNERS[random.nextInt(CORNERS.length)] & 0xFFFFL;
            case 5 -> 1L << random.nextInt(64);
            default -> random.nextLong();
        };
    }

    private OperandValues() {}
}
