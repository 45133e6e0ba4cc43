package io.umbra.bench.guest;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** QEMU's software processor, TCG, on the machine with the fewest devices on which Debian's kernels find a timer. */
record QemuMachine() implements Machine {
    private static final String PROGRAM = "qemu-system-x86_64";

    @Override
    public String name() {
        return "qemu";
    }

    @Override
    public Optional<String> missing() {
        return Tools.find(PROGRAM).isPresent()
                ? Optional.empty()
                : Optional.of(PROGRAM + " is not installed (Debian: apt-get install qemu-system-x86)");
    }

    @Override
    public String version() throws InterruptedException {
        return Tools.version(PROGRAM, "--version") + ", -accel tcg -M pc";
    }

    @Override
    public List<String> command(Guest guest, Path kernel, Path disk) {
        return List.of(
                PROGRAM,
                "-accel",
                "tcg",
                "-M",
                "pc",
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-m",
                Integer.toString(MEMORY),
                "-kernel",
                kernel.toString(),
                "-initrd",
                disk.toString(),
                "-append",
                guest.append(),
                "-display",
                "none",
                "-serial",
                "stdio");
    }
}
