package io.umbra.guests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The committed image of the built-in PV guest: its form and its sources. */
class PvStoryImageTest {
    private static final Path IMAGE = Path.of("images/pv-story.elf");
    private static final int ENTRY = 1, HYPERCALL_PAGE = 2, VIRT_BASE = 3, PADDR_OFFSET = 4, XEN_VERSION = 5;
    private static final int PAE_MODE = 9, L1_MFN_VALID = 13;
    private static final int PAGE = 4096;

    @TempDir
    Path scratch;

    @Test
    void imageIsAResourceOfThisModule() throws IOException {
        try (var resource = PvStoryImageTest.class.getResourceAsStream("/io/umbra/guests/pv-story.elf")) {
            assertThat(resource).isNotNull().hasBinaryContent(Files.readAllBytes(IMAGE));
        }
    }

    @Test
    void itsNotesNameAPvKernelWithItsEntryAndHypercallPageInLoadedSegments() throws IOException {
        Map<Integer, ByteBuffer> notes = notes();
        assertThat(text(notes, XEN_VERSION)).isEqualTo("xen-3.0");
        assertThat(text(notes, PAE_MODE)).isEqualTo("yes");
        long base = number(notes, VIRT_BASE);
        assertThat(base).isEqualTo(0xFFFF_FFFF_8000_0000L);
        assertThat(number(notes, PADDR_OFFSET)).isZero();
        assertThat(number(notes, L1_MFN_VALID)).isEqualTo(1);
        assertThat(number(notes, HYPERCALL_PAGE) % PAGE).isZero();
        for (int note : new int[] {ENTRY, HYPERCALL_PAGE}) {
            long address = number(notes, note);
            assertThat(ElfSegment.of(IMAGE))
                    .filteredOn(segment -> segment.type() == ElfSegment.PT_LOAD)
                    .anyMatch(segment -> segment.address() <= address
                            && address < segment.address() + segment.contents().limit()
                            && segment.physical() == segment.address() - base);
        }
    }

    /** Compares what a loader reads; {@code make check} compares the whole files. */
    @Test
    void sourcesBuildTheCommittedImage() throws IOException, InterruptedException {
        assumeTrue(Commands.outputOf("as", "--version").contains("x86_64"), "GNU as for x86-64");
        assumeTrue(Commands.outputOf("ld", "--version").contains("GNU ld"), "GNU ld");
        assumeTrue(Commands.outputOf("make", "--version").contains("GNU Make"), "GNU make");
        String log = Commands.outputOf("make", "-C", "pv-story", "BUILD=" + scratch);
        Path built = scratch.resolve("pv-story.elf");
        assertThat(built).as(log).exists();
        assertThat(ElfSegment.of(built)).isEqualTo(ElfSegment.of(IMAGE));
    }

    private static long number(Map<Integer, ByteBuffer> notes, int type) {
        return notes.get(type).getLong(0);
    }

    private static String text(Map<Integer, ByteBuffer> notes, int type) {
        StringBuilder text = new StringBuilder();
        ByteBuffer value = notes.get(type);
        for (int i = 0; value.get(i) != 0; i++) {
            text.append((char) value.get(i));
        }
        return text.toString();
    }

    /** The notes whose owner is Xen, by type. */
    private static Map<Integer, ByteBuffer> notes() throws IOException {
        ByteBuffer all = ElfSegment.of(IMAGE).stream()
                .filter(segment -> segment.type() == ElfSegment.PT_NOTE)
                .findFirst()
                .orElseThrow()
                .contents();
        Map<Integer, ByteBuffer> notes = new HashMap<>();
        for (int at = 0; at < all.limit(); ) {
            int size = all.getInt(at + 4);
            assertThat(all.getInt(at + 12)).isEqualTo('X' | 'e' << 8 | 'n' << 16);
            notes.put(all.getInt(at + 8), all.slice(at + 16, size).order(all.order()));
            at += 16 + (size + 3 & -4);
        }
        return notes;
    }
}
