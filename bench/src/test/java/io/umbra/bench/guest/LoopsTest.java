package io.umbra.bench.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoopsTest {
    private static final Path REPOSITORY = Path.of("..").toAbsolutePath().normalize();

    @TempDir
    private Path directory;

    @Test
    void diskHoldsTheConsoleAndTheProgram() throws Exception {
        assumeTrue(Tools.find("cpio").isPresent(), "cpio is not installed");
        Path disk = Files.write(directory.resolve("disk"), Initramfs.of(new byte[] {1, 2, 3}));
        assertThat(Tools.output(List.of("sh", "-c", "cpio --quiet -itv <" + disk))
                        .lines())
                .hasSize(3)
                .anyMatch(line -> line.startsWith("crw") && line.contains("5,   1") && line.endsWith("dev/console"))
                .anyMatch(line -> line.startsWith("-rwxr-xr-x") && line.contains(" 3 ") && line.endsWith("init"));
    }

    /** A constant used above its definition becomes, in silence, a load from that absolute address. */
    @Test
    void noLoopLoadsFromAnAbsoluteAddress() throws Exception {
        assumeTrue(Tools.find("gcc").isPresent() && Tools.find("objdump").isPresent(), "gcc is not installed");
        new GuestFiles(REPOSITORY, directory).disk(Guest.all().getLast());
        String code = Tools.output(List.of(
                "objdump", "-d", "-M", "intel", directory.resolve("init").toString()));
        assertThat(code).contains("<loop_sieve>:").doesNotContain("ds:0x");
    }

    @Test
    void everyLoopIsInTheProgram() throws Exception {
        String program = Files.readString(REPOSITORY.resolve("bench/guests/init.c"));
        assertThat(Guest.all().stream().filter(guest -> guest.disk() == Guest.Disk.LOOPS))
                .hasSize(8)
                .allSatisfy(guest -> assertThat(program).contains("{\"" + guest.name() + "\", loop_"));
    }
}
