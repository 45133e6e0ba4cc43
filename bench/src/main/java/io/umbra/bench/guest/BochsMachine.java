package io.umbra.bench.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Bochs, Debian's build. It takes no kernel, so that each guest is put on a compact disc with GRUB; a boot's time has its BIOS and
 * GRUB in it. Its screen goes to a VNC port that nobody opens.
 *
 * @param directory for the discs
 */
record BochsMachine(Path directory) implements Machine {
    private static final Path BIOS = Path.of("/usr/share/bochs/BIOS-bochs-latest");
    private static final Path SCREEN_BIOS = Path.of("/usr/share/seabios/vgabios-isavga.bin");
    private static final Path GRUB = Path.of("/usr/lib/grub/i386-pc");

    @Override
    public String name() {
        return "bochs";
    }

    @Override
    public Optional<String> missing() {
        List<String> missing = Stream.concat(
                        Stream.of("bochs", "grub-mkrescue", "xorriso", "mformat")
                                .filter(program -> Tools.find(program).isEmpty()),
                        Stream.of(BIOS, SCREEN_BIOS, GRUB)
                                .filter(file -> !Files.exists(file))
                                .map(Path::toString))
                .toList();
        return missing.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        String.join(", ", missing)
                                + " is not there (Debian: apt-get install bochs bochsbios seabios grub-pc-bin grub-common xorriso mtools)");
    }

    @Override
    public String version() throws InterruptedException {
        return "Bochs " + Tools.version("dpkg-query", "--showformat=${Version}", "--show", "bochs");
    }

    @Override
    public List<String> command(Guest guest, Path kernel, Path disk)
            throws IOException, InterruptedException, BenchException {
        Path disc = directory.resolve(guest.name() + ".iso");
        if (!Files.exists(disc)) {
            make(disc, guest, kernel, disk);
        }
        Path configuration = directory.resolve(guest.name() + ".bochsrc");
        Files.writeString(configuration, """
                config_interface: textconfig
                display_library: rfb, options="timeout=0"
                memory: guest=%d, host=%d
                romimage: file=%s
                vgaromimage: file=%s
                cpu: model=corei5_lynnfield_750, count=1, ips=50000000
                ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
                ata0-master: type=cdrom, path=%s, status=inserted
                boot: cdrom
                com1: enabled=1, mode=file, dev=/dev/stdout
                log: %s
                panic: action=fatal
                sound: driver=dummy, waveout=dummy, wavein=dummy, midiout=dummy
                plugin_ctrl: speaker=0, e1000=0, es1370=0, ne2k=0, sb16=0, voodoo=0, usb_uhci=0, gameport=0, parallel=0
                """.formatted(
                        MEMORY, MEMORY, BIOS, SCREEN_BIOS, disc, directory.resolve(guest.name() + ".bochslog")));
        // Debian's build has the debugger, which waits for a command at the start.
        Path go = Files.writeString(directory.resolve("continue"), "continue\n");
        return List.of("bochs", "-q", "-f", configuration.toString(), "-rc", go.toString());
    }

    private void make(Path disc, Guest guest, Path kernel, Path disk)
            throws IOException, InterruptedException, BenchException {
        Path tree = directory.resolve(guest.name() + ".disc");
        Path grub = Files.createDirectories(tree.resolve("boot/grub"));
        Files.copy(kernel, tree.resolve("boot/kernel"));
        Files.copy(disk, tree.resolve("boot/disk"));
        Files.writeString(
                grub.resolve("grub.cfg"), "linux /boot/kernel %s\ninitrd /boot/disk\nboot\n".formatted(guest.append()));
        Tools.output(List.of("grub-mkrescue", "-o", disc.toString(), tree.toString()));
    }
}
