package io.umbra.vmm.pv;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.loader.XenPvKernel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The built-in PV guest checks what it is allowed, refused and told. What it prints is written beside it, and does not depend on where its frames lie. */
class PvStoryTest {
    private static final Path IMAGE = Path.of("../guests/images/pv-story.elf");
    private static final Path EXPECTED = Path.of("../guests/pv-story/expected/pv-story.txt");
    private static final long LIMIT = 100_000_000;

    private record Played(GuestEnd end, String console, long instructions, String registers) {}

    private static Played play(byte[] image, long memoryBytes, long seed) throws Exception {
        PvConfig plain = PvConfig.of(memoryBytes);
        PvConfig config = new PvConfig(memoryBytes, seed, false, plain.startDate());
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (PvDomain domain = new PvDomain(config, console::write, ConsoleInput.none())) {
            domain.load(XenPvKernel.recognise(image, "the PV story"), "", new byte[0]);
            domain.limit(LIMIT);
            GuestEnd end = domain.run();
            domain.audit();
            return new Played(end, console.toString(StandardCharsets.UTF_8), domain.instructions(), domain.registers());
        }
    }

    private static byte[] image() throws IOException {
        return Files.readAllBytes(IMAGE);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 77})
    void itPrintsTheSameWhereverItsFramesLie(long seed) throws Exception {
        Played played = play(image(), 256 << 20, seed);
        assertThat(played.console()).as(played.registers()).isEqualTo(Files.readString(EXPECTED));
        assertThat(played.end()).isInstanceOf(GuestEnd.PoweredOff.class);
    }

    /** The last chapter sweeps over memory for this: every page that it writes must be in a bitmap. */
    @ParameterizedTest
    @ValueSource(longs = {1_000_000, 200_000, 50_021})
    void shadowsSwitchedUnderItAreNotNoticed(long period) throws Exception {
        PvConfig config = PvConfig.of(256 << 20);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (PvDomain domain = new PvDomain(config, console::write, ConsoleInput.none())) {
            domain.load(XenPvKernel.recognise(image(), "the PV story"), "", new byte[0]);
            ShadowSwitch turned = domain.switchShadows(period, period == 1_000_000);
            domain.limit(LIMIT);
            assertThat(domain.run()).isInstanceOf(GuestEnd.PoweredOff.class);
            domain.audit();
            assertThat(turned.rounds()).isGreaterThan(5);
        }
        assertThat(console.toString(StandardCharsets.UTF_8)).isEqualTo(Files.readString(EXPECTED));
    }

    @Test
    void withLittleMemoryItSweepsLessAndPassesAllTheSame() throws Exception {
        Played played = play(image(), 8 << 20, 5);
        assertThat(played.console())
                .as(played.registers())
                .contains("2048 pages, each in some frame")
                .contains("All 191 checks passed.");
        assertThat(played.end()).isInstanceOf(GuestEnd.PoweredOff.class);
    }

    /** One byte of what chapter 1 expects of start_info is changed in the guest's code. */
    @Test
    void aCheckThatFailsIsNamedAndCrashesTheGuest() throws Exception {
        byte[] image = image();
        int at = new String(image, StandardCharsets.ISO_8859_1).indexOf("x86_64\0");
        assertThat(at).as("place of the magic that chapter 1 compares").isPositive();
        image[at] = 'y';
        Played played = play(image, 8 << 20, 1);
        assertThat(played.console())
                .contains("FAILED: start_info's magic, second half: got 0x34365f363878, expected 0x34365f363879")
                .endsWith("1 of 191 checks FAILED:\n"
                        + played.console().lines().toList().getLast() + "\n");
        assertThat(played.end()).isInstanceOf(GuestEnd.Crashed.class);
    }
}
