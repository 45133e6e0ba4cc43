package io.umbra.vmm.pv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.XenPvKernel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The guest of {@code guests/pv}: a hypercall page, events, timers and both ways of the console ring. */
class EchoGuestTest {
    private static final Path IMAGE = Path.of("../guests/pv/images/echo.elf");

    private static String run(String typed) throws IOException, LoadException {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        ConsoleInput input = new ConsoleInput();
        input.type(typed.getBytes(StandardCharsets.US_ASCII));
        input.close();
        try (PvDomain domain = new PvDomain(PvConfig.of(8 << 20), console::write, input)) {
            domain.load(XenPvKernel.recognise(Files.readAllBytes(IMAGE), "echo.elf"), "", new byte[0]);
            domain.limit(10_000_000);
            assertThat(domain.run()).isEqualTo(new GuestEnd.PoweredOff("the guest powered off"));
            domain.audit();
        }
        return console.toString(StandardCharsets.US_ASCII);
    }

    @Test
    void whatIsTypedComesBackUntilTheEndIsAskedFor() throws Exception {
        assertThat(run("one\ntwo q")).isEqualTo("echo: type, and q to end\none\ntwo q\necho: powering off\n");
    }

    @Test
    void moreThanTheRingHoldsComesInPieces() throws Exception {
        String much = "x".repeat(5000);
        assertThat(run(much + "q")).contains(much + "q");
    }

    @Test
    void silenceEndsItByTheTimer() throws Exception {
        assertThat(run("")).isEqualTo("echo: type, and q to end\n\necho: powering off\n");
    }

    @Test
    void whatIsNoPvKernelIsRefusedInOneLine() {
        assertThatThrownBy(() -> XenPvKernel.recognise(new byte[100], "x"))
                .isInstanceOf(LoadException.class)
                .hasMessageContaining("PV guest");
        byte[] shadowStory = read(Path.of("../guests/images/shadow-story.elf"));
        assertThatThrownBy(() -> XenPvKernel.recognise(shadowStory, "shadow-story.elf"))
                .hasMessageContaining("no Xen note");
    }

    @Test
    void aKernelThatDoesNotFitIsRefusedInOneLine() throws Exception {
        XenPvKernel kernel = XenPvKernel.recognise(read(IMAGE), "echo.elf");
        try (PvDomain domain = new PvDomain(PvConfig.of(2 << 20), character -> {}, ConsoleInput.none())) {
            assertThatThrownBy(() -> domain.load(kernel, "", new byte[0]))
                    .isInstanceOf(LoadException.class)
                    .hasMessageContaining("more than the 2 MiB");
        }
        try (PvDomain domain = new PvDomain(PvConfig.of(8 << 20), character -> {}, ConsoleInput.none())) {
            assertThatThrownBy(() -> domain.load(kernel, "c".repeat(1024), new byte[0]))
                    .hasMessageContaining("1023 bytes");
        }
    }

    private static byte[] read(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
