package io.umbra.bench.guest;

import java.util.List;
import java.util.Optional;

/**
 * What is timed: a kernel with a command line, from one line of its console to another.
 *
 * @param name as {@code --only} takes it
 * @param begin what the first line contains; without it, time counts from the start of the process
 * @param end what the last line contains
 */
record Guest(
        String name, String description, Kernel kernel, Disk disk, String append, Optional<String> begin, String end) {

    /** Debian's kernels, by the arguments that {@code guests/fetch-debian-kernel} takes. */
    enum Kernel {
        AMD64,
        I686,
        I686_PAE;

        List<String> arguments() {
            return switch (this) {
                case AMD64 -> List.of();
                case I686 -> List.of("--arch", "i386", "linux-image-686");
                case I686_PAE -> List.of("--arch", "i386", "linux-image-686-pae");
            };
        }
    }

    /** What is in the initial RAM disk. */
    enum Disk {
        /** busybox of 64 bits, which forks and executes 200 times. */
        BUSYBOX,
        /** The same of 32 bits. */
        BUSYBOX_32,
        /** The loops of {@code bench/guests}. */
        LOOPS
    }

    private static final String TUNED = "console=ttyS0 tsc=reliable panic=-1 reboot=t";

    /** The guests in the order in which they are timed. The counts are the same on every machine: only then are ratios fair. */
    static List<Guest> all() {
        return List.of(
                boot("boot-amd64", "Debian amd64 to init, 200 fork and exec, power-off", Kernel.AMD64, Disk.BUSYBOX),
                boot("boot-686", "the same of Debian i386 without PAE", Kernel.I686, Disk.BUSYBOX_32),
                boot("boot-686-pae", "the same of Debian i386 with PAE", Kernel.I686_PAE, Disk.BUSYBOX_32),
                loop("fork", 1_000, "fork and exec of a program that ends at once"),
                loop("mmap", 3_000, "mmap, 64 page faults, munmap"),
                loop("switch", 30_000, "a byte to another process and back, through pipes"),
                loop("alu", 600_000_000, "10 instructions on registers"),
                loop("sieve", 200, "primes below 2^20 over bytes"),
                loop("fib", 38, "recursive Fibonacci number, once"),
                loop("memcpy", 100_000, "64 KiB by moves of 16 bytes"),
                loop("memcpy-rep", 200_000, "64 KiB by one string instruction"));
    }

    private static Guest boot(String name, String description, Kernel kernel, Disk disk) {
        return new Guest(name, description, kernel, disk, TUNED, Optional.empty(), "reboot: Power down");
    }

    private static Guest loop(String name, int count, String description) {
        return new Guest(
                name,
                "%,d × %s".formatted(count, description),
                Kernel.AMD64,
                Disk.LOOPS,
                TUNED + " quiet cryptomgr.notests umbra.bench=" + name + ":" + count,
                Optional.of("umbra-bench: begin " + name),
                "umbra-bench: end " + name + " ");
    }
}
