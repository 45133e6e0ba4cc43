package io.umbra.vmm.loader;

import io.airlift.compress.v3.zstd.ZstdDecompressor;
import io.airlift.compress.v3.zstd.ZstdJavaDecompressor;
import io.airlift.compress.v3.zstd.ZstdNativeDecompressor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;

/**
 * The compressed kernel inside a bzImage. Its last four bytes are the size of the kernel: gzip has them as part of its own
 * format, the kernel's build appends them to every other.
 */
final class KernelPayload {
    private static final int SIZE_FIELD = 4;
    private static final int DICTIONARY_KIB = 256 << 10;
    private static final int LZ4_MAGIC = 4;
    private static final int LZ4_LARGEST_RATIO = 255;
    private static final int LARGEST_KERNEL = 1 << 28;

    /** The formats that a kernel's build can choose. */
    private enum Format {
        LZ4("\u0002!L\u0018"),
        GZIP("\u001f\u008b"),
        XZ("\u00fd7zXZ\0"),
        ZSTD("(\u00b5/\u00fd"),
        LZMA("]\0\0"),
        BZIP2("BZh");

        private final String magic;

        Format(String magic) {
            this.magic = magic;
        }
    }

    private KernelPayload() {}

    /**
     * Decompresses {@code length} bytes at {@code offset}, which lie inside the image.
     *
     * @param limit bytes that the result may have at most
     * @throws LoadException if the format is unknown, the stream is broken, or the result is larger or of another size than
     *     the payload says
     */
    static byte[] unpack(ImageBytes image, long offset, long length, long limit) throws LoadException {
        Format format = formatAt(image, offset);
        if (length < SIZE_FIELD + LZ4_MAGIC) {
            throw image.wrong("its compressed kernel is only %d bytes long".formatted(length));
        }
        long size = image.u32(offset + length - SIZE_FIELD);
        if (size > Math.min(limit, LARGEST_KERNEL)) {
            throw image.wrong("a kernel of %d MiB does not fit in %d MiB of memory".formatted(size >> 20, limit >> 20));
        }
        int packed = (int) length - (format == Format.GZIP ? 0 : SIZE_FIELD);
        byte[] kernel = switch (format) {
            case LZ4 -> unpackLz4(image, (int) offset, packed, (int) size);
            case ZSTD -> unpackZstd(image, (int) offset, packed, (int) size);
            case GZIP, XZ, LZMA, BZIP2 -> unpackStream(image, format, (int) offset, packed, (int) size);
        };
        if (kernel.length != size) {
            throw broken(image, format, "it does not unpack to the %d bytes that it says".formatted(size));
        }
        return kernel;
    }

    private static Format formatAt(ImageBytes image, long offset) throws LoadException {
        for (Format format : Format.values()) {
            if (image.startsWith(offset, format.magic)) {
                return format;
            }
        }
        throw image.wrong("its kernel is compressed in a format that is not known here");
    }

    /** LZ4 as the kernel uses it: the legacy frame, blocks of up to 8 MiB, each behind its compressed size. */
    private static byte[] unpackLz4(ImageBytes image, int offset, int length, int size) throws LoadException {
        if (size > (long) length * LZ4_LARGEST_RATIO) {
            throw broken(image, Format.LZ4, "so few bytes cannot unpack to " + size);
        }
        byte[] kernel = new byte[size];
        int end = offset + length;
        int at = offset + LZ4_MAGIC;
        int to = 0;
        while (at < end) {
            long block = image.u32(at);
            if (block > end - at - 4) {
                throw broken(image, Format.LZ4, "a block runs past its end");
            }
            to = Lz4Block.decode(image.content(), at + 4, (int) block, kernel, to, size);
            if (to < 0) {
                throw broken(image, Format.LZ4, "a block cannot be decoded");
            }
            at += 4 + (int) block;
        }
        return to == size ? kernel : Arrays.copyOf(kernel, to);
    }

    /** At once into an array of the kernel's size, because kernels are packed with windows larger than a stream may have. */
    private static byte[] unpackZstd(ImageBytes image, int offset, int length, int size) throws LoadException {
        ZstdDecompressor decompressor =
                ZstdNativeDecompressor.isEnabled() ? new ZstdNativeDecompressor() : new ZstdJavaDecompressor();
        byte[] kernel = new byte[size];
        try {
            int unpacked = decompressor.decompress(image.content(), offset, length, kernel, 0, size);
            return unpacked == size ? kernel : Arrays.copyOf(kernel, unpacked);
        } catch (RuntimeException e) {
            throw broken(image, Format.ZSTD, "it cannot be decoded");
        }
    }

    // The decompressors are other people's: beside IOException they throw what they like at a broken stream.
    private static byte[] unpackStream(ImageBytes image, Format format, int offset, int length, int size)
            throws LoadException {
        try (InputStream stream = open(format, new ByteArrayInputStream(image.content(), offset, length))) {
            return stream.readNBytes(size + 1);
        } catch (IOException | RuntimeException e) {
            throw broken(image, format, "it cannot be decoded");
        }
    }

    private static InputStream open(Format format, InputStream packed) throws IOException {
        return switch (format) {
            case GZIP -> new GZIPInputStream(packed);
            case XZ -> new SingleXZInputStream(packed, DICTIONARY_KIB);
            case LZMA -> new LZMAInputStream(packed, DICTIONARY_KIB);
            case BZIP2 -> new BZip2CompressorInputStream(packed);
            case LZ4, ZSTD -> throw new IOException("decoded in place");
        };
    }

    private static LoadException broken(ImageBytes image, Format format, String why) {
        return image.wrong(
                "its %s-compressed kernel is broken: %s".formatted(format.name().toLowerCase(Locale.ROOT), why));
    }
}
