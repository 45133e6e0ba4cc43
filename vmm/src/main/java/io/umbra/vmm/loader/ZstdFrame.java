package io.umbra.vmm.loader;

import static io.umbra.vmm.loader.ZstdFormatException.require;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Decodes one Zstandard frame into one array, so that its window may be as large as it likes: kernels are packed with one
 * of 128 MiB. RFC 8878, section 3.1.1. Dictionaries are refused. The checksum is held against the content.
 */
final class ZstdFrame implements ZstdSequences.Output {
    private static final int MAGIC = 0xFD2F_B528;
    private static final int LARGEST_BLOCK = 128 << 10;

    private final byte[] in;
    private final int end;
    private int at;

    private final byte[] out;
    private int to;

    private final ZstdSequences sequences = new ZstdSequences();
    private @Nullable ZstdLiteralCode code;
    private final byte[] literals = new byte[LARGEST_BLOCK];
    private int literalsEnd;
    private int literalsTaken;

    private ZstdFrame(byte[] in, int from, int length, int most) {
        this.in = in;
        this.at = from;
        this.end = from + length;
        this.out = new byte[most];
    }

    /**
     * Decodes {@code length} bytes from {@code from}.
     *
     * @param most bytes that come out at most
     * @throws ZstdFormatException if the frame is broken or holds more than {@code most} bytes
     */
    static byte[] decode(byte[] in, int from, int length, int most) throws ZstdFormatException {
        ZstdFrame frame = new ZstdFrame(in, from, length, most);
        frame.decode();
        return frame.to == most ? frame.out : Arrays.copyOf(frame.out, frame.to);
    }

    private void decode() throws ZstdFormatException {
        require((int) number(4) == MAGIC, "no Zstandard frame");
        int descriptor = (int) number(1);
        boolean single = (descriptor & 32) != 0;
        require((descriptor & 8) == 0 && (descriptor & 3) == 0, "a frame with a dictionary or a reserved bit");
        number(single ? 0 : 1);
        int sizeBytes = descriptor >> 6 == 0 ? single ? 1 : 0 : 1 << (descriptor >> 6);
        number(sizeBytes);
        boolean last = false;
        while (!last) {
            int header = (int) number(3);
            last = (header & 1) != 0;
            block(header >> 1 & 3, header >> 3);
        }
        if ((descriptor & 4) != 0) {
            require((int) number(4) == (int) XxHash64.of(out, to), "a content whose checksum is wrong");
        }
    }

    private long number(int bytes) throws ZstdFormatException {
        require(bytes <= end - at, "a frame that is cut off");
        long number = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            number = number << 8 | in[at + i] & 0xFF;
        }
        at += bytes;
        return number;
    }

    private void block(int kind, int size) throws ZstdFormatException {
        require(kind != 3 && size <= (kind == 1 ? out.length : LARGEST_BLOCK), "a block of no known kind or size");
        int bytes = kind == 1 ? 1 : size;
        require(bytes <= end - at, "a block that is cut off");
        if (kind == 2) {
            compressed(at + size);
        } else {
            require(size <= out.length - to, "more content than expected");
            if (kind == 0) {
                System.arraycopy(in, at, out, to, size);
            } else {
                Arrays.fill(out, to, to + size, in[at]);
            }
            to += size;
        }
        at += bytes;
    }

    private void compressed(int blockEnd) throws ZstdFormatException {
        int from = readLiterals(blockEnd);
        literalsTaken = 0;
        sequences.decode(in, from, blockEnd, this);
        takeLiterals(literalsEnd - literalsTaken);
    }

    // ---- literals
    // ----------------------------------------------------------------------------------------------------

    /** @return where the sequences start */
    private int readLiterals(int blockEnd) throws ZstdFormatException {
        require(at < blockEnd, "a block without its literals");
        int kind = in[at] & 3;
        int form = in[at] >> 2 & 3;
        boolean packed = kind >= 2;
        int headerBytes = packed ? Math.max(3, form + 2) : form == 1 ? 2 : form == 3 ? 3 : 1;
        require(headerBytes <= blockEnd - at, "literals that are cut off");
        long header = 0;
        for (int i = headerBytes - 1; i >= 0; i--) {
            header = header << 8 | in[at + i] & 0xFF;
        }
        int from = at + headerBytes;
        if (packed) {
            int width = new int[] {10, 10, 14, 18}[form];
            int mask = (1 << width) - 1;
            literalsEnd = (int) (header >> 4) & mask;
            int size = (int) (header >> 4 + width) & mask;
            require(literalsEnd <= LARGEST_BLOCK && size <= blockEnd - from, "literals that are cut off");
            unpackLiterals(from, from + size, kind == 2, form == 0);
            return from + size;
        }
        literalsEnd = (int) (header >> (form % 2 == 0 ? 3 : 4));
        int size = kind == 0 ? literalsEnd : 1;
        require(literalsEnd <= LARGEST_BLOCK && size <= blockEnd - from, "literals that are cut off");
        if (kind == 0) {
            System.arraycopy(in, from, literals, 0, size);
        } else {
            Arrays.fill(literals, 0, literalsEnd, in[from]);
        }
        return from + size;
    }

    private void unpackLiterals(int from, int to, boolean withCode, boolean oneStream) throws ZstdFormatException {
        int start = from;
        if (withCode) {
            ZstdLiteralCode.Read read = ZstdLiteralCode.read(in, from, to);
            code = read.code();
            start = read.end();
        }
        ZstdLiteralCode current = code;
        if (current == null) {
            throw new ZstdFormatException("literals in a code that was never told");
        }
        if (oneStream) {
            current.decode(in, start, to, literals, 0, literalsEnd);
            return;
        }
        require(to - start >= 6, "literals that are cut off");
        int piece = literalsEnd + 3 >> 2;
        int at = start + 6;
        for (int i = 0; i < 4; i++) {
            int next = i == 3 ? to : at + (in[start + 2 * i] & 0xFF) + ((in[start + 2 * i + 1] & 0xFF) << 8);
            require(next <= to, "literals that are cut off");
            int outFrom = Math.min(literalsEnd, i * piece);
            current.decode(
                    in, at, next, literals, outFrom, i == 3 ? literalsEnd : Math.min(literalsEnd, outFrom + piece));
            at = next;
        }
    }

    // ---- sequences
    // ---------------------------------------------------------------------------------------------------

    @Override
    public void sequence(int count, long distance, int length) throws ZstdFormatException {
        takeLiterals(count);
        require(distance > 0 && distance <= to, "a distance beyond the start");
        require(length <= out.length - to, "more content than expected");
        int from = to - (int) distance;
        if (distance >= length) {
            System.arraycopy(out, from, out, to, length);
        } else {
            for (int i = 0; i < length; i++) {
                out[to + i] = out[from + i];
            }
        }
        to += length;
    }

    private void takeLiterals(int count) throws ZstdFormatException {
        require(count <= literalsEnd - literalsTaken, "more literals taken than there are");
        require(count <= out.length - to, "more content than expected");
        System.arraycopy(literals, literalsTaken, out, to, count);
        literalsTaken += count;
        to += count;
    }
}
