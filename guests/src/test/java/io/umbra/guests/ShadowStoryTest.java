package io.umbra.guests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The committed image of the built-in guest: its form, its sources, and what it says under another hypervisor. */
class ShadowStoryTest {

    private static final Path IMAGE = Path.of("images/shadow-story.elf");
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
        var segments = ElfSegment.of(IMAGE);
        var note = segments.stream()
                .filter(s -> s.type() == ElfSegment.PT_NOTE)
                .findFirst()
                .orElseThrow();
        assertThat(note.contents().getInt(0)).isEqualTo(4);
        assertThat(note.contents().getInt(4)).isEqualTo(Long.BYTES);
        assertThat(note.contents().getInt(8)).isEqualTo(PHYS32_ENTRY);
        assertThat(note.contents().getInt(12)).isEqualTo('X' | 'e' << 8 | 'n' << 16);
        long entry = note.contents().getLong(16);
        assertThat(segments)
                .filteredOn(s -> s.type() == ElfSegment.PT_LOAD)
                .anyMatch(s -> s.physical() <= entry
                        && entry < s.physical() + s.contents().limit());
    }

    @Test
    void imageIsLoadedBetweenOneAndTwoMebibytes() throws IOException {
        assertThat(ElfSegment.of(IMAGE))
                .filteredOn(s -> s.type() == ElfSegment.PT_LOAD)
                .hasSize(3)
                .allMatch(s -> s.physical() >= MIB && s.physical() + s.memorySize() <= 2 * MIB);
    }

    /** Compares what a loader reads; {@code make check} compares the whole files. */
    @Test
    void sourcesBuildTheCommittedImage() throws IOException, InterruptedException {
        assumeTrue(Commands.outputOf("as", "--version").contains("x86_64"), "GNU as for x86-64");
        assumeTrue(Commands.outputOf("ld", "--version").contains("GNU ld"), "GNU ld");
        assumeTrue(Commands.outputOf("make", "--version").contains("GNU Make"), "GNU make");
        String log = Commands.outputOf("make", "BUILD=" + scratch);
        Path built = scratch.resolve("shadow-story.elf");
        assertThat(built).as(log).exists();
        assertThat(ElfSegment.of(built)).isEqualTo(ElfSegment.of(IMAGE));
    }

    @Test
    void allChecksPassUnderQemu() throws IOException, InterruptedException {
        assumeTrue(Commands.outputOf("qemu-system-x86_64", "--version").contains("QEMU emulator"), "QEMU");
        var lines = Commands.outputOf("make", "-s", "qemu").lines().toList();
        assertThat(lines.getLast()).matches("All \\d+ checks passed\\.");
        assertThat(lines).filteredOn(line -> line.startsWith("Chapter ")).hasSize(9);
        assertThat(lines).allMatch(line -> line.length() <= 100).hasSizeLessThanOrEqualTo(120);
    }
}
