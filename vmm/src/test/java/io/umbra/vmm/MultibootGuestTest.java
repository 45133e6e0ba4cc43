package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.BootModule;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The guests of {@code guests/multiboot}: what they print is written beside them, and is what they print under QEMU too. */
class MultibootGuestTest {
    private static final Path GUESTS = Path.of("../guests/multiboot");
    private static final long LIMIT = 10_000_000;

    private static BootModule module(String name, String arguments) throws IOException {
        return new BootModule(
                "../modules/" + name + arguments,
                Files.readAllBytes(GUESTS.resolve("modules").resolve(name)));
    }

    @ParameterizedTest
    @CsvSource({
        "information.elf, NESTED",
        "information.elf, SHADOW",
        "information.bin, NESTED",
        "container.elf, NESTED",
        "container.elf, SHADOW"
    })
    void aMultibootGuestFindsWhatTheSpecificationPromises(String image, PagingKind paging)
            throws IOException, LoadException {
        DomainConfig plain = DomainConfig.of(64 << 20);
        DomainConfig config = new DomainConfig(
                plain.memoryBytes(), paging, plain.policy(), 7, false, plain.startDate(), paging == PagingKind.SHADOW);
        byte[] content = Files.readAllBytes(GUESTS.resolve("images").resolve(image));
        List<BootModule> modules = List.of(module("first.txt", " one two"), module("second.txt", ""));
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.loadWithModules(GuestImage.recognise(content, image), "a=b  c", modules);
            domain.limit(LIMIT);
            GuestEnd end = domain.run();
            Path expected = GUESTS.resolve("expected").resolve(image + ".txt");
            assertThat(console.toString(StandardCharsets.ISO_8859_1)).isEqualTo(Files.readString(expected));
            assertThat(end).isEqualTo(new GuestEnd.DebugExit(0));
        }
    }
}
