package io.umbra.processor;

import io.airlift.compress.v3.lz4.Lz4JavaDecompressor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The vmlinux of a Debian kernel package: fetched once into {@code .umbra/guests}, unpacked from the bzImage (an LZ4 legacy frame behind the protected-mode code; Linux,
 * Documentation/arch/x86/boot.rst).
 */
final class DebianKernel {
    private static final String RELEASE = "6.1.0-56-cloud-amd64";
    private static final String PACKAGE = "linux-image-" + RELEASE;
    private static final int LZ4_LEGACY_MAGIC = 0x184C2102;
    private static final int LZ4_BLOCK = 8 << 20;
    private static final long SHF_EXECINSTR = 4;

    private final Path file;
    private final byte[] bytes;
    private final List<Section> code;

    private DebianKernel(Path file) throws IOException {
        this.file = file;
        this.bytes = Files.readAllBytes(file);
        this.code = codeSections(bytes);
    }

    Path file() {
        return file;
    }

    byte[] bytes() {
        return bytes;
    }

    /** A section of instructions: where it is when the kernel runs, and where in the file. */
    record Section(long address, int offset, int size) {
        boolean contains(long linear) {
            return Long.compareUnsigned(linear - address, size) < 0;
        }

        int offsetOf(long linear) {
            return (int) (linear - address) + offset;
        }
    }

    /** @return empty when it is neither there nor to be had from Debian's archive */
    static Optional<DebianKernel> find() throws IOException, InterruptedException {
        Path directory = Path.of("").toAbsolutePath().resolveSibling(".umbra").resolve("guests");
        Files.createDirectories(directory);
        Path vmlinux = directory.resolve("vmlinux-" + RELEASE);
        if (!Files.exists(vmlinux) && !(fetch(directory) && unpack(directory, vmlinux))) {
            return Optional.empty();
        }
        return Optional.of(new DebianKernel(vmlinux));
    }

    Section sectionOf(long linear) {
        return code.stream()
                .filter(section -> section.contains(linear))
                .findAny()
                .orElseThrow();
    }

    private static boolean fetch(Path directory) throws IOException, InterruptedException {
        if (archive(directory).isPresent()) {
            return true;
        }
        Path script = Path.of("").toAbsolutePath().resolveSibling("guests").resolve("fetch-debian-kernel");
        boolean isFetched = Files.isExecutable(script) && run(script.resolveSibling(".."), script.toString());
        return isFetched && archive(directory).isPresent() || run(directory, "apt-get", "download", PACKAGE);
    }

    private static Optional<Path> archive(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> {
                        String name = file.getFileName().toString();
                        return name.startsWith(PACKAGE + "_") && name.endsWith(".deb");
                    })
                    .findAny();
        }
    }

    private static boolean unpack(Path directory, Path vmlinux) throws IOException, InterruptedException {
        Path root = Files.createTempDirectory("debian-kernel");
        try {
            Optional<Path> archive = archive(directory);
            if (archive.isEmpty()
                    || !run(directory, "dpkg-deb", "-x", archive.get().toString(), root.toString())) {
                return false;
            }
            byte[] bzImage = Files.readAllBytes(root.resolve("boot/vmlinuz-" + RELEASE));
            Path partial = Files.createTempFile(directory, "vmlinux", ".part");
            Files.write(partial, decompress(bzImage));
            Files.move(partial, vmlinux, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return true;
        } finally {
            delete(root);
        }
    }

    private static void delete(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            files.sorted((a, b) -> b.compareTo(a)).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private static boolean run(Path directory, String... command) throws InterruptedException {
        try {
            return new ProcessBuilder(command)
                            .directory(directory.toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException _) {
            return false;
        }
    }

    private static byte[] decompress(byte[] bzImage) {
        ByteBuffer header = ByteBuffer.wrap(bzImage).order(ByteOrder.LITTLE_ENDIAN);
        int setupSectors = bzImage[0x1F1] == 0 ? 4 : bzImage[0x1F1];
        int start = (setupSectors + 1) * 512 + header.getInt(0x248);
        int end = start + header.getInt(0x24C) - Integer.BYTES;
        if (header.getInt(start) != LZ4_LEGACY_MAGIC) {
            throw new IllegalStateException("the payload is not an LZ4 legacy frame");
        }
        byte[] vmlinux = new byte[header.getInt(end)];
        var lz4 = new Lz4JavaDecompressor();
        int written = 0;
        int at = start + Integer.BYTES;
        while (at < end) {
            int size = header.getInt(at);
            at += Integer.BYTES;
            written +=
                    lz4.decompress(bzImage, at, size, vmlinux, written, Math.min(LZ4_BLOCK, vmlinux.length - written));
            at += size;
        }
        return Arrays.copyOf(vmlinux, written);
    }

    private static List<Section> codeSections(byte[] elf) {
        ByteBuffer file = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
        int table = (int) file.getLong(0x28);
        int entrySize = file.getShort(0x3A);
        int entries = file.getShort(0x3C);
        List<Section> code = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
            int entry = table + i * entrySize;
            if ((file.getLong(entry + 0x08) & SHF_EXECINSTR) != 0) {
                code.add(new Section(file.getLong(entry + 0x10), (int) file.getLong(entry + 0x18), (int)
                        file.getLong(entry + 0x20)));
            }
        }
        return code;
    }
}
