package io.umbra.processor;

/** What {@link Lanes} has no short way for: one integer of a row after the other. Names say the width of what goes in. */
final class PackedArithmetic {
    private static final long LOW_DOUBLEWORD = 0xFFFF_FFFFL;

    private PackedArithmetic() {}

    // ---- products ---------------------------------------------------------------------------------------------------

    /** PMULLW. */
    static long multiplyWords(long a, long b) {
        long result = 0;
        for (int at = 0; at < 64; at += 16) {
            result |= ((a >>> at) * (b >>> at) & 0xFFFF) << at;
        }
        return result;
    }

    /** PMULHW. */
    static long multiplyWordsHigh(long a, long b) {
        long result = 0;
        for (int at = 0; at < 64; at += 16) {
            result |= (long) ((short) (a >>> at) * (short) (b >>> at) >>> 16 & 0xFFFF) << at;
        }
        return result;
    }

    /** PMULHUW. */
    static long multiplyWordsHighUnsigned(long a, long b) {
        long result = 0;
        for (int at = 0; at < 64; at += 16) {
            result |= ((a >>> at & 0xFFFF) * (b >>> at & 0xFFFF) >>> 16) << at;
        }
        return result;
    }

    /** PMULHRSW: bits 30..15 of the products, rounded. */
    static long multiplyWordsRounded(long a, long b) {
        long result = 0;
        for (int at = 0; at < 64; at += 16) {
            int product = (short) (a >>> at) * (short) (b >>> at);
            result |= (long) ((product >> 14) + 1 >> 1 & 0xFFFF) << at;
        }
        return result;
    }

    /** PMULLD. */
    static long multiplyDoublewords(long a, long b) {
        return (a >>> 32) * (b >>> 32) << 32 | a * b & LOW_DOUBLEWORD;
    }

    /** PMULUDQ. */
    static long multiplyEvenUnsigned(long a, long b) {
        return (a & LOW_DOUBLEWORD) * (b & LOW_DOUBLEWORD);
    }

    /** PMULDQ. */
    static long multiplyEvenSigned(long a, long b) {
        return (long) (int) a * (int) b;
    }

    /** PMADDWD. */
    static long multiplyWordsAndAdd(long a, long b) {
        return productSum(a >>> 32, b >>> 32) << 32 | productSum(a, b);
    }

    private static long productSum(long a, long b) {
        return (short) a * (short) b + (short) (a >>> 16) * (short) (b >>> 16) & LOW_DOUBLEWORD;
    }

    /** PMADDUBSW: unsigned bytes times signed ones. */
    static long multiplyBytesAndAdd(long a, long b) {
        long result = 0;
        for (int at = 0; at < 64; at += 16) {
            int even = (int) (a >>> at & 0xFF) * (byte) (b >>> at);
            int odd = (int) (a >>> at + 8 & 0xFF) * (byte) (b >>> at + 8);
            result |= saturated(even + odd, Short.MIN_VALUE, Short.MAX_VALUE, 0xFFFF) << at;
        }
        return result;
    }

    // ---- sums of differences
    // ------------------------------------------------------------------------------------------

    /** PSADBW. */
    static long sumOfDifferences(long a, long b) {
        return difference(a, b, 8);
    }

    private static long difference(long a, long b, int bytes) {
        long sum = 0;
        for (int at = 0; at < 8 * bytes; at += 8) {
            sum += Math.abs((a >>> at & 0xFF) - (b >>> at & 0xFF));
        }
        return sum;
    }

    /** Four bytes of {@code block} against the four at each of the positions 0 to 3 of {@code row}. */
    static long slidingDifferences(long row, long block) {
        long result = 0;
        for (int position = 0; position < 4; position++) {
            result |= difference(row >>> 8 * position, block, 4) << 16 * position;
        }
        return result;
    }

    // ---- folds: 64 bits to 32
    // -----------------------------------------------------------------------------------------

    private static long saturated(int value, int least, int largest, int mask) {
        return Math.min(Math.max(value, least), largest) & mask;
    }

    private static long packWords(long row, int least, int largest) {
        long result = 0;
        for (int word = 0; word < 4; word++) {
            result |= saturated((short) (row >>> 16 * word), least, largest, 0xFF) << 8 * word;
        }
        return result;
    }

    /** PACKSSWB. */
    static long packWordsSigned(long row) {
        return packWords(row, Byte.MIN_VALUE, Byte.MAX_VALUE);
    }

    /** PACKUSWB. */
    static long packWordsUnsigned(long row) {
        return packWords(row, 0, 0xFF);
    }

    private static long packDoublewords(long row, int least, int largest) {
        return saturated((int) row, least, largest, 0xFFFF)
                | saturated((int) (row >>> 32), least, largest, 0xFFFF) << 16;
    }

    /** PACKSSDW. */
    static long packDoublewordsSigned(long row) {
        return packDoublewords(row, Short.MIN_VALUE, Short.MAX_VALUE);
    }

    /** PACKUSDW. */
    static long packDoublewordsUnsigned(long row) {
        return packDoublewords(row, 0, 0xFFFF);
    }

    /** PHADDW. */
    static long addWordPairs(long row) {
        return row + (row >>> 16) & 0xFFFF | ((row >>> 32) + (row >>> 48) & 0xFFFF) << 16;
    }

    /** PHSUBW: the even word less the odd one. */
    static long subtractWordPairs(long row) {
        return row - (row >>> 16) & 0xFFFF | ((row >>> 32) - (row >>> 48) & 0xFFFF) << 16;
    }

    /** PHADDSW. */
    static long addWordPairsSaturated(long row) {
        return saturatedWord((short) row + (short) (row >>> 16))
                | saturatedWord((short) (row >>> 32) + (short) (row >>> 48)) << 16;
    }

    /** PHSUBSW. */
    static long subtractWordPairsSaturated(long row) {
        return saturatedWord((short) row - (short) (row >>> 16))
                | saturatedWord((short) (row >>> 32) - (short) (row >>> 48)) << 16;
    }

    private static long saturatedWord(int value) {
        return saturated(value, Short.MIN_VALUE, Short.MAX_VALUE, 0xFFFF);
    }

    /** PHADDD. */
    static long addDoublewordPair(long row) {
        return row + (row >>> 32) & LOW_DOUBLEWORD;
    }

    /** PHSUBD. */
    static long subtractDoublewordPair(long row) {
        return row - (row >>> 32) & LOW_DOUBLEWORD;
    }

    // ---- interleaving: low halves
    // ---------------------------------------------------------------------------------------

    static long interleaveBytes(long a, long b) {
        return spaceBytes(a) | spaceBytes(b) << 8;
    }

    static long interleaveWords(long a, long b) {
        return spaceWords(a) | spaceWords(b) << 16;
    }

    static long interleaveDoublewords(long a, long b) {
        return a & LOW_DOUBLEWORD | b << 32;
    }

    private static long spaceBytes(long a) {
        long words = spaceWords(a);
        return (words | words << 8) & 0x00FF_00FF_00FF_00FFL;
    }

    private static long spaceWords(long a) {
        long low = a & LOW_DOUBLEWORD;
        return (low | low << 16) & 0x0000_FFFF_0000_FFFFL;
    }
}
