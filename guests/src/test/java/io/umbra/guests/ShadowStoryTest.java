package io.umbra.guests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The committed image of the built-in guest: its form, its sources, and what it says under another hypervisor. */
class ShadowStoryTest {

    private static final Path IMAGE = Path.of("images/shadow-story.elf");
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int PHYS32_ENTRY = 18;
    private static final long MIB = 1 << 20;

    @TempDir
    Path scratch;

    @Test
    void imageIsAResourceOfThisModule() throws IOException {
        try (var resource = ShadowStoryTest.class.getResourceAsStream("/io/umbra/guests/shadow-story.elf")) {
            assertThat(resource).isNotNull().hasBinaryContent(Files.readAllBytes(IMAGE));
        }
    }

    @Test
    void pvhNoteNamesAnEntryInALoadedSegment() throws IOException {
        var segments = segments(IMAGE);
        var note =
                segments.stream().filter(s -> s.type() == PT_NOTE).findFirst().orElseThrow();
        assertThat(note.contents().getInt(0)).isEqualTo(4);
        assertThat(note.contents().getInt(4)).isEqualTo(Long.BYTES);
        assertThat(note.contents().getInt(8)).isEqualTo(PHYS32_ENTRY);
        assertThat(note.contents().getInt(12)).isEqualTo('X' | 'e' << 8 | 'n' << 16);
        long entry = note.contents().getLong(16);
        assertThat(segments)
                .filteredOn(s -> s.type() == PT_LOAD)
                .anyMatch(s -> s.physical() <= entry
                        && entry < s.physical() + s.contents().limit());
    }

    @Test
    void imageIsLoadedBetweenOneAndTwoMebibytes() throws IOException {
        assertThat(segments(IMAGE))
                .filteredOn(s -> s.type() == PT_LOAD)
                .hasSize(3)
                .allMatch(s -> s.physical() >= MIB && s.physical() + s.memorySize() <= 2 * MIB);
    }

    /** Compares what a loader reads; {@code make check} compares the whole files. */
    @Test
    void sourcesBuildTheCommittedImage() throws IOException, InterruptedException {
        assumeTrue(outputOf("as", "--version").contains("x86_64"), "GNU as for x86-64");
        assumeTrue(outputOf("ld", "--version").contains("GNU ld"), "GNU ld");
        assumeTrue(outputOf("make", "--version").contains("GNU Make"), "GNU make");
        String log = outputOf("make", "BUILD=" + scratch);
        Path built = scratch.resolve("shadow-story.elf");
        assertThat(built).as(log).exists();
        assertThat(segments(built)).isEqualTo(segments(IMAGE));
    }

    @Test
    void allChecksPassUnderQemu() throws IOException, InterruptedException {
        assumeTrue(outputOf("qemu-system-x86_64", "--version").contains("QEMU emulator"), "QEMU");
        var lines = outputOf("make", "-s", "qemu").lines().toList();
        assertThat(lines.getLast()).matches("All \\d+ checks passed\\.");
        assertThat(lines).filteredOn(line -> line.startsWith("Chapter ")).hasSize(9);
        assertThat(lines).allMatch(line -> line.length() <= 100).hasSizeLessThanOrEqualTo(120);
    }

    /** A program header with the file's bytes: addresses and sizes in bytes, contents from index 0. */
    private record Segment(
            int type, int flags, long address, long physical, long memorySize, long alignment, ByteBuffer contents) {}

    /** The program headers of a little-endian ELF64 file. */
    private static List<Segment> segments(Path file) throws IOException {
        var elf = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(elf.getInt(0)).as("ELF magic").isEqualTo(0x464c457f);
        assertThat(elf.get(4)).as("ELFCLASS64").isEqualTo((byte) 2);
        int table = Math.toIntExact(elf.getLong(32));
        int size = elf.getShort(54);
        var segments = new ArrayList<Segment>();
        for (int i = 0; i < elf.getShort(56); i++) {
            int at = table + i * size;
            var contents = elf.slice(Math.toIntExact(elf.getLong(at + 8)), Math.toIntExact(elf.getLong(at + 32)))
                    .order(ByteOrder.LITTLE_ENDIAN);
            segments.add(new Segment(
                    elf.getInt(at),
                    elf.getInt(at + 4),
                    elf.getLong(at + 16),
                    elf.getLong(at + 24),
                    elf.getLong(at + 40),
                    elf.getLong(at + 48),
                    contents));
        }
        return segments;
    }

    /** What a command prints on either stream, run in the module's directory; nothing if there is no such command. */
    private static String outputOf(String... command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException noSuchCommand) {
            return "";
        }
        process.getOutputStream().close();
        var output = new StringBuilder();
        var reader = Thread.ofVirtual().start(() -> {
            try {
                output.append(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException closed) {
                output.append(closed);
            }
        });
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        reader.join();
        return output.toString();
    }
}
