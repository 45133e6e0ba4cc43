package io.umbra.vmm.loader;

/**
 * A bit stream of Zstandard that is read from its end to its start. RFC 8878, section 4.1: the highest bit that is set in
 * the last byte only marks the end; before the first bit there are zeroes.
 */
final class ZstdBits {
    private final byte[] in;
    private final int start;
    private final int end;
    private long left;

    /** @throws ZstdFormatException if there is no byte, or no mark in the last one */
    ZstdBits(byte[] in, int start, int end) throws ZstdFormatException {
        ZstdFormatException.require(end > start && in[end - 1] != 0, "a bit stream without an end");
        this.in = in;
        this.start = start;
        this.end = end;
        this.left = (end - start) * 8L - Integer.numberOfLeadingZeros(in[end - 1] & 0xFF) + 24 - 1;
    }

    /** Bits that are left; negative when more were read than there were. */
    long left() {
        return left;
    }

    /** Takes {@code count} bits, at most 32. */
    long read(int count) {
        long bits = peek(count);
        left -= count;
        return bits;
    }

    /** Takes bits that were seen by {@link #peek}. */
    void skip(int count) {
        left -= count;
    }

    /** The next {@code count} bits, at most 32. */
    long peek(int count) {
        long from = left - count;
        long mask = (1L << count) - 1;
        if (from >= 0) {
            return word(from >>> 3) >>> (from & 7) & mask;
        }
        return from <= -64 ? 0 : word(0) << -from & mask;
    }

    /** Five bytes, or as many as there are, as a little-endian number. */
    private long word(long offset) {
        int at = start + (int) offset;
        long word = 0;
        for (int i = Math.min(5, end - at) - 1; i >= 0; i--) {
            word = word << 8 | in[at + i] & 0xFF;
        }
        return word;
    }
}
