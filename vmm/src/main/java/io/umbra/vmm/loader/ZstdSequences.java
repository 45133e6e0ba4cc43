package io.umbra.vmm.loader;

import static io.umbra.vmm.loader.ZstdFormatException.require;

/**
 * The sequences of Zstandard blocks: how many literals to take, and what to repeat after them. RFC 8878, section 3.1.1.3.2.
 * Tables and the last three distances are kept from block to block.
 */
final class ZstdSequences {
    private static final int[] LITERAL_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        16
    };
    private static final int[] MATCH_BITS = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2,
        2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
    };
    private static final int[] LITERAL_BASES = bases(LITERAL_BITS, 0);
    private static final int[] MATCH_BASES = bases(MATCH_BITS, 3);
    private static final int[] LITERAL_SHARES = {
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1
    };
    private static final int[] DISTANCE_SHARES = {
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1
    };
    private static final int[] MATCH_SHARES = {
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1
    };
    private static final int LARGEST_DISTANCE_CODE = 30;

    /** Each code stands for a run of {@code 1 << bits} values, the first of which follows the run before. */
    private static int[] bases(int[] bits, int first) {
        int[] bases = new int[bits.length];
        for (int code = 0, base = first; code < bits.length; base += 1 << bits[code++]) {
            bases[code] = base;
        }
        return bases;
    }

    /** One of the three numbers of a sequence: its tables, and where they are described. */
    private enum Field {
        LITERALS(6, LITERAL_SHARES, LITERAL_BITS.length, 9),
        DISTANCE(4, DISTANCE_SHARES, LARGEST_DISTANCE_CODE + 1, 8),
        MATCH(2, MATCH_SHARES, MATCH_BITS.length, 9);

        private final int modeShift;
        private final int[] usualShares;
        private final int codes;
        private final int largestLog;

        Field(int modeShift, int[] usualShares, int codes, int largestLog) {
            this.modeShift = modeShift;
            this.usualShares = usualShares;
            this.codes = codes;
            this.largestLog = largestLog;
        }

        int usualLog() {
            return this == DISTANCE ? 5 : 6;
        }
    }

    private final ZstdStates[] tables = new ZstdStates[Field.values().length];
    private final boolean[] known = new boolean[Field.values().length];
    private final long[] recent = {1, 4, 8};

    ZstdSequences() {
        java.util.Arrays.fill(tables, ZstdStates.of(0));
    }

    /** Takes what a block is made of. */
    interface Output {
        /** {@code literals} further literals of the block, then {@code length} bytes from {@code distance} back. */
        void sequence(int literals, long distance, int length) throws ZstdFormatException;
    }

    /** Decodes the sequences section of a block, from {@code from} to {@code end}. */
    void decode(byte[] in, int from, int end, Output output) throws ZstdFormatException {
        require(from < end, "a block without its sequences");
        int first = in[from] & 0xFF;
        if (first == 0) {
            require(from + 1 == end, "a block that goes on behind its end");
            return;
        }
        int header = first < 128 ? 1 : first < 255 ? 2 : 3;
        require(header < end - from, "sequences that are cut off");
        int count = switch (header) {
            case 1 -> first;
            case 2 -> (first - 128 << 8) + (in[from + 1] & 0xFF);
            default -> (in[from + 1] & 0xFF) + ((in[from + 2] & 0xFF) << 8) + 0x7F00;
        };
        int modes = in[from + header];
        require((modes & 3) == 0, "sequences with a reserved mode");
        int at = from + header + 1;
        for (Field field : Field.values()) {
            at = table(field, modes >> field.modeShift & 3, in, at, end);
        }
        play(count, new ZstdBits(in, at, end), output);
    }

    private int table(Field field, int mode, byte[] in, int at, int end) throws ZstdFormatException {
        int index = field.ordinal();
        int next = at;
        switch (mode) {
            case 0 -> tables[index] = ZstdStates.of(field.usualLog(), field.usualShares);
            case 1 -> {
                require(at < end && (in[at] & 0xFF) < field.codes, "a sequence code that does not exist");
                tables[index] = ZstdStates.of(in[at] & 0xFF);
                next = at + 1;
            }
            case 2 -> {
                ZstdStates.Read read = ZstdStates.read(in, at, end, field.codes, field.largestLog);
                tables[index] = read.states();
                next = read.end();
            }
            default -> require(known[index], "a table that is to be used again, but never was");
        }
        known[index] = true;
        return next;
    }

    private void play(int count, ZstdBits stream, Output output) throws ZstdFormatException {
        ZstdStates literalStates = tables[Field.LITERALS.ordinal()];
        ZstdStates distanceStates = tables[Field.DISTANCE.ordinal()];
        ZstdStates matchStates = tables[Field.MATCH.ordinal()];
        int literalState = literalStates.first(stream);
        int distanceState = distanceStates.first(stream);
        int matchState = matchStates.first(stream);
        for (int left = count; left > 0; left--) {
            int distanceCode = distanceStates.symbol(distanceState);
            long distanceValue = (1L << distanceCode) + stream.read(distanceCode);
            int matchCode = matchStates.symbol(matchState);
            int length = MATCH_BASES[matchCode] + (int) stream.read(MATCH_BITS[matchCode]);
            int literalCode = literalStates.symbol(literalState);
            int literals = LITERAL_BASES[literalCode] + (int) stream.read(LITERAL_BITS[literalCode]);
            output.sequence(literals, distance(distanceValue, literals == 0), length);
            if (left > 1) {
                literalState = literalStates.next(literalState, stream);
                matchState = matchStates.next(matchState, stream);
                distanceState = distanceStates.next(distanceState, stream);
            }
        }
        require(stream.left() == 0, "sequences that do not end with their stream");
    }

    /** Values up to 3 mean one of the last three distances; without literals the next of them, or the last less 1. */
    private long distance(long value, boolean withoutLiterals) {
        if (value > 3) {
            remember(value - 3, 2);
            return value - 3;
        }
        int index = (int) value - 1 + (withoutLiterals ? 1 : 0);
        long distance = index == 3 ? recent[0] - 1 : recent[index];
        remember(distance, Math.min(index, 2));
        return distance;
    }

    /** Puts a distance to the front; what was before {@code place} moves back. */
    private void remember(long distance, int place) {
        for (int i = place; i > 0; i--) {
            recent[i] = recent[i - 1];
        }
        recent[0] = distance;
    }
}
