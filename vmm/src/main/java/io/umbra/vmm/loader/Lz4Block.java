package io.umbra.vmm.loader;

/**
 * Decodes one LZ4 block. Source: LZ4 block format description. A sequence is a token (literal count in the upper nibble,
 * match length less 4 in the lower, 15 continued by bytes of up to 255), the literals, and a 16-bit distance back; the last
 * sequence ends after its literals.
 */
final class Lz4Block {
    private static final int LEAST_MATCH = 4;
    private static final int BROKEN = -1;

    private final byte[] in;
    private final int end;
    private int at;

    private Lz4Block(byte[] in, int from, int length) {
        this.in = in;
        this.at = from;
        this.end = from + length;
    }

    /**
     * Decodes {@code length} bytes from {@code from} to {@code out}, from {@code outFrom} up to at most {@code outEnd}.
     *
     * @return where the output ends, or -1 if the block is broken or does not fit
     */
    static int decode(byte[] in, int from, int length, byte[] out, int outFrom, int outEnd) {
        return new Lz4Block(in, from, length).decode(out, outFrom, outEnd);
    }

    private int decode(byte[] out, int outFrom, int outEnd) {
        int to = outFrom;
        while (at < end) {
            int token = in[at++] & 0xff;
            int literals = lengthFrom(token >> 4);
            if (literals < 0 || literals > end - at || literals > outEnd - to) {
                return BROKEN;
            }
            System.arraycopy(in, at, out, to, literals);
            at += literals;
            to += literals;
            if (at == end) {
                return to;
            }
            if (end - at < 2) {
                return BROKEN;
            }
            int distance = in[at] & 0xff | (in[at + 1] & 0xff) << 8;
            at += 2;
            int match = lengthFrom(token & 15);
            if (match < 0 || distance == 0 || distance > to - outFrom || match > outEnd - to - LEAST_MATCH) {
                return BROKEN;
            }
            to = copyMatch(out, to, distance, match + LEAST_MATCH);
        }
        return BROKEN;
    }

    /** A match may overlap its own output: then it repeats the last {@code distance} bytes. */
    private static int copyMatch(byte[] out, int to, int distance, int length) {
        if (distance >= length) {
            System.arraycopy(out, to - distance, out, to, length);
        } else {
            for (int index = to; index < to + length; index++) {
                out[index] = out[index - distance];
            }
        }
        return to + length;
    }

    private int lengthFrom(int nibble) {
        int length = nibble;
        int more = nibble == 15 ? 255 : 0;
        while (more == 255) {
            if (at == end || length > Integer.MAX_VALUE - 512) {
                return BROKEN;
            }
            more = in[at++] & 0xff;
            length += more;
        }
        return length;
    }
}
