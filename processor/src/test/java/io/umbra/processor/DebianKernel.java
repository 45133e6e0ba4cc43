package io.umbra.processor;

import io.airlift.compress.v3.lz4.Lz4JavaDecompressor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

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
        Path repository = Path.of("").toAbsolutePath().resolveSibling("");
        Path cache = Files.createDirectories(repository.resolve(".umbra").resolve("guests"));
        Optional<Path> compressed = fetchedByScript(repository);
        if (compressed.isEmpty()) {
            compressed = fetched(cache);
        }
        if (compressed.isEmpty()) {
            return Optional.empty();
        }
        Path vmlinux = cache.resolve(compressed.get().getFileName().toString().replace("vmlinuz", "vmlinux"));
        if (!Files.exists(vmlinux)) {
            Path partial = Files.createTempFile(cache, "vmlinux", ".part");
            Files.write(partial, decompress(Files.readAllBytes(compressed.get())));
            Files.move(partial, vmlinux, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
        return Optional.of(new DebianKernel(vmlinux));
    }

    Section sectionOf(long linear) {
        return code.stream()
                .filter(section -> section.contains(linear))
                .findAny()
                .orElseThrow();
    }

    /** The script of the guests module prints where the image is. */
    private static Optional<Path> fetchedByScript(Path repository) throws InterruptedException {
        Path script = repository.resolve("guests").resolve("fetch-debian-kernel");
        if (!Files.isExecutable(script)) {
            return Optional.empty();
        }
        return run(repository, script.toString()).map(Path::of).filter(Files::exists);
    }

    private static Optional<Path> fetched(Path cache) throws IOException, InterruptedException {
        Path unpacked = cache.resolve(PACKAGE);
        Path image = unpacked.resolve("boot").resolve("vmlinuz-" + RELEASE);
        if (Files.exists(image)) {
            return Optional.of(image);
        }
        Path download = Files.createTempDirectory(cache, "download");
        if (run(download, "apt-get", "download", PACKAGE).isEmpty()) {
            Files.delete(download);
            return Optional.empty();
        }
        try (DirectoryStream<Path> archives = Files.newDirectoryStream(download)) {
            for (Path archive : archives) {
                run(cache, "dpkg-deb", "-x", archive.toString(), unpacked.toString());
                Files.delete(archive);
            }
        }
        Files.delete(download);
        return Optional.of(image).filter(Files::exists);
    }

    /** @return the last line of the command's output, or empty when it cannot be run or fails */
    private static Optional<String> run(Path directory, String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0
                    ? Optional.of(output.substring(output.lastIndexOf('\n') + 1))
                    : Optional.empty();
        } catch (IOException _) {
            return Optional.empty();
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
