package io.umbra.bench.guest;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * An initial RAM disk: a cpio archive in the "new ASCII" format (Linux, driver-api/early-userspace/buffer-format). A header of 110
 * characters, the name with its NUL, the content; the last two padded to 4 bytes.
 */
final class Initramfs {
    private static final int DIRECTORY = 0040755;
    private static final int PROGRAM = 0100755;
    private static final int CHARACTER_DEVICE = 0020600;
    private static final int PADDING = 4;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int inode;

    private Initramfs() {}

    /** With the console's device and one program, {@code /init}. */
    static byte[] of(byte[] init) {
        Initramfs disk = new Initramfs();
        disk.entry("dev", DIRECTORY, 0, 0, new byte[0]);
        disk.entry("dev/console", CHARACTER_DEVICE, 5, 1, new byte[0]);
        disk.entry("init", PROGRAM, 0, 0, init);
        disk.entry("TRAILER!!!", 0, 0, 0, new byte[0]);
        return disk.out.toByteArray();
    }

    private void entry(String name, int mode, int major, int minor, byte[] content) {
        int[] fields = {inode++, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length() + 1, 0};
        StringBuilder header = new StringBuilder("070701");
        for (int field : fields) {
            header.append(String.format(Locale.ROOT, "%08X", field));
        }
        out.writeBytes(header.append(name).append('\0').toString().getBytes(StandardCharsets.US_ASCII));
        pad();
        out.writeBytes(content);
        pad();
    }

    private void pad() {
        while (out.size() % PADDING != 0) {
            out.write(0);
        }
    }
}
