package io.umbra.guests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The committed images of the guests of Xen's interface: their form and their source. */
class XenImagesTest {
    private static final Path IMAGES = Path.of("xen/images");
    private static final int LOAD = 1, NOTE = 4;

    @TempDir
    Path scratch;

    /** A program header of an ELF32 file and the file's bytes. */
    private record Segment(int type, int physical, int memorySize, ByteBuffer contents) {}

    private static List<Segment> segments(Path file) throws IOException {
        ByteBuffer elf = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(elf.getInt(0)).as("ELF magic").isEqualTo(0x464c457f);
        assertThat(elf.get(4)).as("ELFCLASS32").isEqualTo((byte) 1);
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < elf.getShort(44); i++) {
            int at = elf.getInt(28) + i * elf.getShort(42);
            ByteBuffer contents =
                    elf.slice(elf.getInt(at + 4), elf.getInt(at + 16)).order(ByteOrder.LITTLE_ENDIAN);
            segments.add(new Segment(elf.getInt(at), elf.getInt(at + 12), elf.getInt(at + 20), contents));
        }
        return segments;
    }

    @ParameterizedTest
    @ValueSource(strings = {"hvm32.elf", "hvm32pse.elf", "hvm32pae.elf", "hvm64.elf"})
    void aNoteNamesTheEntryAt1Mib(String image) throws IOException {
        List<Segment> segments = segments(IMAGES.resolve(image));
        assertThat(segments)
                .filteredOn(segment -> segment.type == LOAD)
                .singleElement()
                .satisfies(all -> assertThat(all.physical).isEqualTo(0x10_0000));
        ByteBuffer note = segments.stream()
                .filter(segment -> segment.type == NOTE)
                .findFirst()
                .orElseThrow()
                .contents();
        assertThat(new int[] {note.getInt(0), note.getInt(4), note.getInt(8), note.getInt(16)})
                .containsExactly(4, 4, 18, 0x10_0000);
    }

    /** Compares what a loader reads; {@code make check} compares the whole files. */
    @Test
    void theSourceBuildsTheCommittedImages() throws IOException, InterruptedException {
        assumeTrue(Commands.outputOf("as", "--version").contains("x86_64"), "GNU as for x86-64");
        assumeTrue(Commands.outputOf("ld", "--version").contains("GNU ld"), "GNU ld");
        assumeTrue(Commands.outputOf("make", "--version").contains("GNU Make"), "GNU make");
        String log = Commands.outputOf("make", "-C", "xen", "BUILD=" + scratch);
        for (String image : new String[] {"hvm32.elf", "hvm32pse.elf", "hvm32pae.elf", "hvm64.elf"}) {
            assertThat(scratch.resolve(image)).as(log).exists();
            assertThat(segments(scratch.resolve(image))).isEqualTo(segments(IMAGES.resolve(image)));
        }
    }
}
