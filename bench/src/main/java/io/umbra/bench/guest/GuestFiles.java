package io.umbra.bench.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The kernels and initial RAM disks of the guests, fetched or built when they are first asked for. */
final class GuestFiles {
    private static final List<String> COMPILE = List.of(
            "gcc",
            "-m64",
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-fno-stack-protector",
            "-fno-pie",
            "-no-pie",
            "-O2",
            "-Wl,--build-id=none");

    private final Path repository;
    private final Path directory;
    private final Map<Guest.Kernel, Path> kernels = new EnumMap<>(Guest.Kernel.class);
    private final Map<Guest.Disk, Path> disks = new EnumMap<>(Guest.Disk.class);

    /** @param directory for what is built */
    GuestFiles(Path repository, Path directory) {
        this.repository = repository;
        this.directory = directory;
    }

    Path kernel(Guest guest) throws IOException, InterruptedException, BenchException {
        Path known = kernels.get(guest.kernel());
        if (known == null) {
            List<String> command = new ArrayList<>();
            command.add(repository.resolve("guests/fetch-debian-kernel").toString());
            command.addAll(guest.kernel().arguments());
            known = Path.of(Tools.output(command));
            kernels.put(guest.kernel(), known);
        }
        return known;
    }

    Path disk(Guest guest) throws IOException, InterruptedException, BenchException {
        Path known = disks.get(guest.disk());
        if (known == null) {
            String busybox = repository.resolve("guests/make-initramfs").toString();
            known = switch (guest.disk()) {
                case BUSYBOX -> Path.of(Tools.output(List.of(busybox)));
                case BUSYBOX_32 -> Path.of(Tools.output(List.of(busybox, "--arch", "i386")));
                case LOOPS -> loops();
            };
            disks.put(guest.disk(), known);
        }
        return known;
    }

    private Path loops() throws IOException, InterruptedException, BenchException {
        if (Tools.find("gcc").isEmpty()) {
            throw new BenchException(
                    BenchException.USAGE,
                    "gcc is not installed (Debian: apt-get install gcc); without it only the boots can be run: --only boot-amd64");
        }
        Path init = directory.resolve("init");
        List<String> command = new ArrayList<>(COMPILE);
        command.addAll(List.of("-o", init.toString()));
        command.add(repository.resolve("bench/guests/init.c").toString());
        command.add(repository.resolve("bench/guests/loops.S").toString());
        Tools.output(command);
        return Files.write(directory.resolve("loops.cpio"), Initramfs.of(Files.readAllBytes(init)));
    }
}
