package io.umbra.vmm.loader;

import static io.umbra.vmm.loader.ZstdFormatException.require;

/**
 * A decoding table of Zstandard's finite-state entropy coder. RFC 8878, section 4.1.1. Each of its {@code 1 << log} states
 * stands for a symbol and tells how many bits, added to which base, make the next state.
 */
final class ZstdStates {
    private final int log;
    private final short[] symbols;
    private final byte[] bits;
    private final short[] bases;

    private ZstdStates(int log) {
        this.log = log;
        this.symbols = new short[1 << log];
        this.bits = new byte[1 << log];
        this.bases = new short[1 << log];
    }

    /** A table read from the stream, and where the stream goes on behind it. */
    record Read(ZstdStates states, int end) {}

    /** Always the one symbol. */
    static ZstdStates of(int symbol) {
        ZstdStates states = new ZstdStates(0);
        states.symbols[0] = (short) symbol;
        return states;
    }

    /** @param shares of each symbol in the {@code 1 << log} states; -1 is one state at the end */
    static ZstdStates of(int log, int... shares) throws ZstdFormatException {
        ZstdStates states = new ZstdStates(log);
        int size = 1 << log;
        int[] next = new int[shares.length];
        int high = size - 1;
        for (int symbol = 0; symbol < shares.length; symbol++) {
            if (shares[symbol] == -1) {
                states.symbols[high--] = (short) symbol;
                next[symbol] = 1;
            }
        }
        int step = (size >> 1) + (size >> 3) + 3;
        int at = 0;
        for (int symbol = 0; symbol < shares.length; symbol++) {
            for (int i = 0; i < shares[symbol]; i++) {
                states.symbols[at] = (short) symbol;
                do {
                    at = at + step & size - 1;
                } while (at > high);
            }
            next[symbol] = Math.max(next[symbol], shares[symbol]);
        }
        require(at == 0, "shares of symbols that do not fill their table");
        for (int state = 0; state < size; state++) {
            int number = next[states.symbols[state]]++;
            int count = log - (31 - Integer.numberOfLeadingZeros(number));
            states.bits[state] = (byte) count;
            states.bases[state] = (short) ((number << count) - size);
        }
        return states;
    }

    /** Reads the shares of up to {@code most} symbols from {@code from}, bits in ascending order. */
    static Read read(byte[] in, int from, int end, int most, int largestLog) throws ZstdFormatException {
        long at = from * 8L;
        int log = (int) bits(in, at, 4, end) + 5;
        at += 4;
        require(log <= largestLog, "a table of states that is too large");
        int[] shares = new int[most];
        int symbol = 0;
        for (int left = 1 << log; left > 0; ) {
            require(symbol < most, "shares of too many symbols");
            int count = 32 - Integer.numberOfLeadingZeros(left + 1);
            int value = (int) bits(in, at, count, end);
            int lower = value & (1 << count - 1) - 1;
            int threshold = (1 << count) - 2 - left;
            if (lower < threshold) {
                value = lower;
                at += count - 1;
            } else {
                value -= value >= 1 << count - 1 ? threshold : 0;
                at += count;
            }
            int share = value - 1;
            left -= Math.abs(share);
            shares[symbol++] = share;
            for (long repeat = share == 0 ? 3 : 0; repeat == 3; symbol += (int) repeat) {
                repeat = bits(in, at, 2, end);
                at += 2;
            }
            require(left >= 0, "shares of symbols beyond their table");
        }
        int last = (int) (at + 7 >>> 3);
        require(last <= end, "a table of states that is cut off");
        return new Read(of(log, java.util.Arrays.copyOf(shares, Math.min(symbol, most))), last);
    }

    private static long bits(byte[] in, long at, int count, int end) {
        long word = 0;
        for (int i = 2; i >= 0; i--) {
            int index = (int) (at >>> 3) + i;
            word = word << 8 | (index < end ? in[index] & 0xFF : 0);
        }
        return word >>> (at & 7) & (1L << count) - 1;
    }

    /** The state that a stream starts in. */
    int first(ZstdBits stream) {
        return (int) stream.read(log);
    }

    int symbol(int state) {
        return symbols[state];
    }

    int next(int state, ZstdBits stream) {
        return bases[state] + (int) stream.read(bits[state]);
    }
}
