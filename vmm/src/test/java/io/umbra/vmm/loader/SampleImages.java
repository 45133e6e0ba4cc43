package io.umbra.vmm.loader;

import io.airlift.compress.v3.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZOutputStream;

/** Small images with the shape of real ones. */
final class SampleImages {
    static final long KERNEL = 0x20_0000;
    static final int TEXT = 5000;
    static final int BSS = 3000;

    private SampleImages() {}

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.capacity()];
        buffer.get(0, bytes);
        return bytes;
    }

    /** A 64-bit kernel of one segment of {@link #TEXT} bytes and {@link #BSS} more in memory, perhaps with a note. */
    static byte[] elf64(byte[] note) {
        ByteBuffer elf = buffer(0x1000 + TEXT + note.length);
        elf.put(0, new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
        elf.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1);
        elf.putLong(24, KERNEL + 16).putLong(32, 64);
        elf.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 2);
        elf.putInt(64, 1).putLong(64 + 8, 0x1000).putLong(64 + 16, 0xffff_ffff_8000_0000L + KERNEL);
        elf.putLong(64 + 24, KERNEL).putLong(64 + 32, TEXT).putLong(64 + 40, TEXT + BSS);
        elf.putInt(120, 4).putLong(120 + 8, 0x1000 + TEXT);
        elf.putLong(120 + 32, note.length).putLong(120 + 40, note.length);
        putText(elf);
        elf.put(0x1000 + TEXT, note);
        return bytes(elf);
    }

    static byte[] elf32(byte[] note) {
        ByteBuffer elf = buffer(0x1000 + TEXT + note.length);
        elf.put(0, new byte[] {0x7f, 'E', 'L', 'F', 1, 1, 1});
        elf.putShort(16, (short) 2).putShort(18, (short) 3).putInt(20, 1);
        elf.putInt(24, (int) KERNEL).putInt(28, 52);
        elf.putShort(40, (short) 52).putShort(42, (short) 32).putShort(44, (short) 2);
        elf.putInt(52, 1)
                .putInt(56, 0x1000)
                .putInt(60, (int) KERNEL)
                .putInt(64, (int) KERNEL)
                .putInt(68, TEXT)
                .putInt(72, TEXT + BSS);
        elf.putInt(84, 4).putInt(88, 0x1000 + TEXT).putInt(100, note.length).putInt(104, note.length);
        putText(elf);
        elf.put(0x1000 + TEXT, note);
        return bytes(elf);
    }

    private static void putText(ByteBuffer elf) {
        for (int at = 0; at < TEXT; at++) {
            elf.put(0x1000 + at, (byte) (at * at / 7 + at / 100));
        }
    }

    static byte[] xenNote(int type, byte[] content) {
        ByteBuffer note = buffer(16 + (content.length + 3 & ~3));
        note.putInt(4).putInt(content.length).putInt(type).put("Xen\0".getBytes(StandardCharsets.US_ASCII));
        note.put(content);
        return bytes(note);
    }

    /** The PVH entry note, with its address in 4 or 8 bytes. */
    static byte[] pvhNote(int size) {
        return xenNote(18, Arrays.copyOf(bytes(buffer(8).putLong(KERNEL + 32)), size));
    }

    static byte[] bzImage(byte[] payload) {
        int start = 5 * 512;
        int offset = 0x2cc;
        ByteBuffer image = buffer(start + offset + payload.length + 64);
        image.put(0x1f1, (byte) 4).putShort(0x1fe, (short) 0xaa55).putShort(0x200, (short) 0x6aeb);
        image.putInt(0x202, 0x5372_6448).putShort(0x206, (short) 0x020f);
        image.put(0x211, (byte) 1).putShort(0x236, (short) 1);
        image.putInt(0x22c, 0x7fff_ffff).putInt(0x230, 0x20_0000).putInt(0x238, 2047);
        image.putInt(0x248, offset).putInt(0x24c, payload.length).putLong(0x250, 0x1234);
        image.put(start + offset, payload);
        return bytes(image);
    }

    /** The same without a 64-bit entry, which prefers {@link #KERNEL} and needs {@code initSize} bytes there. */
    static byte[] bzImage32(int initSize) {
        byte[] bytes = bzImage(new byte[1000]);
        ByteBuffer image = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        image.putInt(0x1f4, (bytes.length - 5 * 512) / 16)
                .put(0x234, (byte) 1)
                .putShort(0x236, (short) 0)
                .putLong(0x258, KERNEL)
                .putInt(0x260, initSize);
        for (int at = 5 * 512; at < bytes.length; at++) {
            image.put(at, (byte) at);
        }
        return bytes;
    }

    /** A copy with a Multiboot header. */
    static byte[] multiboot(byte[] image, int at, int flags) {
        byte[] bytes = image.clone();
        ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(at, 0x1bad_b002).putInt(at + 4, flags);
        if (at + 12 <= bytes.length) {
            header.putInt(at + 8, -(0x1bad_b002 + flags));
        }
        return bytes;
    }

    /** A file of 5000 bytes with a Multiboot header at 0x40 that puts what lies from 0x20 on to {@code address}. */
    static byte[] multiboot(int address, int loadEnd, int bssEnd, int entry) {
        ByteBuffer image = buffer(5000);
        for (int at = 0; at < image.capacity(); at++) {
            image.put(at, (byte) (at * 7));
        }
        image.putInt(0x40 + 12, address + 0x20).putInt(0x40 + 16, address);
        image.putInt(0x40 + 20, loadEnd).putInt(0x40 + 24, bssEnd).putInt(0x40 + 28, entry);
        return multiboot(bytes(image), 0x40, 1 << 16 | 3);
    }

    static byte[] flat(long load, long entry, int size) {
        ByteBuffer image = buffer(size);
        image.put("UMBRAFLT".getBytes(StandardCharsets.US_ASCII));
        image.putLong(load).putLong(entry).putLong(0);
        return bytes(image);
    }

    private static byte[] withSize(byte[] packed, int size) {
        return bytes(buffer(packed.length + 4).put(packed).putInt(size));
    }

    /** Legacy LZ4 frame of blocks that hold only literals. */
    static byte[] lz4(byte[] kernel, int blockSize) {
        ByteBuffer out = buffer(kernel.length + kernel.length / blockSize * 40 + kernel.length / 200 + 100);
        out.putInt(0x184c_2102);
        for (int from = 0; from < kernel.length; from += blockSize) {
            int length = Math.min(blockSize, kernel.length - from);
            int header = out.position();
            out.putInt(0).put((byte) 0xf0);
            int rest = length - 15;
            for (; rest >= 255; rest -= 255) {
                out.put((byte) 255);
            }
            out.put((byte) rest).put(kernel, from, length);
            out.putInt(header, out.position() - header - 4);
        }
        byte[] packed = new byte[out.position()];
        out.get(0, packed);
        return withSize(packed, kernel.length);
    }

    /** What a compressor of a stream looks like. */
    interface Compressor {
        OutputStream over(OutputStream out) throws IOException;
    }

    static byte[] compressed(byte[] kernel, Compressor compressor) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream stream = compressor.over(out)) {
            stream.write(kernel);
        }
        return out.toByteArray();
    }

    static byte[] gzip(byte[] kernel) throws IOException {
        return compressed(kernel, GZIPOutputStream::new);
    }

    static byte[] xz(byte[] kernel) throws IOException {
        FilterOptions[] filters = {new X86Options(), new LZMA2Options(1)};
        return withSize(compressed(kernel, out -> new XZOutputStream(out, filters)), kernel.length);
    }

    static byte[] lzma(byte[] kernel) throws IOException {
        return withSize(compressed(kernel, out -> new LZMAOutputStream(out, new LZMA2Options(1), -1)), kernel.length);
    }

    static byte[] bzip2(byte[] kernel) throws IOException {
        return withSize(compressed(kernel, BZip2CompressorOutputStream::new), kernel.length);
    }

    static byte[] zstd(byte[] kernel) throws IOException {
        return withSize(compressed(kernel, ZstdOutputStream::new), kernel.length);
    }
}
