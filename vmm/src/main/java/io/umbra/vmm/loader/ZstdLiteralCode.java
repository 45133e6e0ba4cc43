package io.umbra.vmm.loader;

import static io.umbra.vmm.loader.ZstdFormatException.require;

import java.util.Arrays;

/** The Huffman code of a Zstandard block's literals. RFC 8878, section 4.2: bytes with weights, longer codes for lower ones. */
final class ZstdLiteralCode {
    private static final int LONGEST = 11;
    private static final int LARGEST_LOG = 6;
    private static final int SYMBOLS = 256;

    private final int longest;
    private final byte[] symbols;
    private final byte[] lengths;

    /** A code read from the stream, and where the stream goes on behind it. */
    record Read(ZstdLiteralCode code, int end) {}

    static Read read(byte[] in, int from, int end) throws ZstdFormatException {
        require(from < end, "a Huffman code that is cut off");
        int header = in[from] & 0xFF;
        int bytes = header < 128 ? header : header - 126 >> 1;
        int start = from + 1;
        require(bytes <= end - start, "a Huffman code that is cut off");
        int[] weights = new int[SYMBOLS];
        int count = 0;
        if (header >= 128) {
            for (; count < header - 127; count++) {
                weights[count] = in[start + (count >> 1)] >> (count % 2 == 0 ? 4 : 0) & 15;
            }
        } else {
            count = unpack(in, start, start + bytes, weights);
        }
        return new Read(new ZstdLiteralCode(weights, count), start + bytes);
    }

    /** Weights that are packed themselves, by two states in turn. */
    private static int unpack(byte[] in, int from, int end, int[] weights) throws ZstdFormatException {
        ZstdStates.Read table = ZstdStates.read(in, from, end, SYMBOLS, LARGEST_LOG);
        ZstdStates states = table.states();
        ZstdBits stream = new ZstdBits(in, table.end(), end);
        int state = states.first(stream);
        int other = states.first(stream);
        int count = 0;
        while (true) {
            require(count < SYMBOLS - 2, "a Huffman code of too many bytes");
            weights[count++] = states.symbol(state);
            int next = states.next(state, stream);
            if (stream.left() < 0) {
                weights[count++] = states.symbol(other);
                return count;
            }
            state = other;
            other = next;
        }
    }

    /** The weight of the byte after the last is not written: it fills the code up. */
    private ZstdLiteralCode(int[] weights, int count) throws ZstdFormatException {
        int sum = 0;
        for (int i = 0; i < count; i++) {
            require(weights[i] <= LONGEST, "a Huffman code that is too long");
            sum += 1 << weights[i] >> 1;
        }
        require(sum > 0, "a Huffman code without bytes");
        longest = 32 - Integer.numberOfLeadingZeros(sum);
        int rest = (1 << longest) - sum;
        require(longest <= LONGEST && Integer.bitCount(rest) == 1, "a Huffman code that is not complete");
        weights[count] = Integer.numberOfTrailingZeros(rest) + 1;
        symbols = new byte[1 << longest];
        lengths = new byte[1 << longest];
        int at = 0;
        for (int weight = 1; weight <= longest; weight++) {
            for (int symbol = 0; symbol <= count; symbol++) {
                if (weights[symbol] == weight) {
                    int run = 1 << weight - 1;
                    require(run <= symbols.length - at, "a Huffman code that is not complete");
                    Arrays.fill(symbols, at, at + run, (byte) symbol);
                    Arrays.fill(lengths, at, at + run, (byte) (longest + 1 - weight));
                    at += run;
                }
            }
        }
    }

    /** Decodes the stream from {@code from} to {@code end}, which must hold exactly what fills {@code out}'s part. */
    void decode(byte[] in, int from, int end, byte[] out, int outFrom, int outEnd) throws ZstdFormatException {
        ZstdBits stream = new ZstdBits(in, from, end);
        for (int to = outFrom; to < outEnd; to++) {
            int index = (int) stream.peek(longest);
            out[to] = symbols[index];
            stream.skip(lengths[index]);
        }
        require(stream.left() == 0, "literals that do not end with their stream");
    }
}
