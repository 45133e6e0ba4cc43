package io.umbra.vmm;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.XenPvKernel;
import io.umbra.vmm.pv.PvConfig;
import io.umbra.vmm.pv.PvDomain;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.zip.CRC32;

/** Debian's own kernel with the initial RAM disk that this project makes: fetched by the scripts in {@code guests/}. */
final class DebianGuest {
    /** How one boot ended and what it printed. */
    record Boot(GuestEnd end, String console, Domain domain) {}

    /** Debian's kernels, by the arguments that the scripts take for them. */
    enum Kernel {
        /** 64-bit. */
        AMD64("", ""),
        /** 32-bit, with tables of two levels. */
        I686("--arch i386 linux-image-686", "--arch i386"),
        /** 32-bit, with PAE tables. */
        I686_PAE("--arch i386 linux-image-686-pae", "--arch i386");

        private final String kernel;
        private final String initrd;

        Kernel(String kernel, String initrd) {
            this.kernel = kernel;
            this.initrd = initrd;
        }
    }

    private final String name;
    private final byte[] kernel;
    private final byte[] initrd;

    private DebianGuest(String name, byte[] kernel, byte[] initrd) {
        this.name = name;
        this.kernel = kernel;
        this.initrd = initrd;
    }

    /** Skips the calling test where the packages cannot be had, and fails it where they must be ({@code CI=true}). */
    static DebianGuest fetched(Kernel wanted) throws IOException, InterruptedException {
        Path guests = repository().resolve("guests");
        Path kernel = Path.of(output(guests.resolve("fetch-debian-kernel"), wanted.kernel));
        Path initrd = Path.of(output(guests.resolve("make-initramfs"), wanted.initrd));
        byte[] disk = Files.readAllBytes(initrd);
        CRC32 checksum = new CRC32();
        checksum.update(disk);
        String name = kernel.getFileName().toString().replace("vmlinuz-", "") + "/%08x".formatted(checksum.getValue());
        return new DebianGuest(name, Files.readAllBytes(kernel), disk);
    }

    /** The kernel's version and the checksum of the initial RAM disk: the same name is the same guest. */
    String name() {
        return name;
    }

    Boot boot(DomainConfig config, String commandLine, long limit) throws LoadException {
        return boot(config, commandLine, limit, domain -> {});
    }

    /** @param before what is done with the domain before it runs */
    Boot boot(DomainConfig config, String commandLine, long limit, Consumer<Domain> before) throws LoadException {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = loaded(config, commandLine, console::write)) {
            domain.limit(limit);
            before.accept(domain);
            GuestEnd end = domain.run();
            return new Boot(end, console.toString(StandardCharsets.UTF_8), domain);
        }
    }

    /** How one boot as a PV guest ended and what it printed. */
    record PvBoot(GuestEnd end, String console, PvDomain domain) {}

    /** The same kernel as a PV guest; its tables are audited at the end. */
    PvBoot bootPv(PvConfig config, String commandLine, long limit) throws LoadException {
        return bootPv(config, commandLine, limit, domain -> {});
    }

    /** @param prepared is given the domain when it is loaded */
    PvBoot bootPv(PvConfig config, String commandLine, long limit, Consumer<PvDomain> prepared) throws LoadException {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (PvDomain domain = new PvDomain(config, console::write, ConsoleInput.none())) {
            domain.load(XenPvKernel.recognise(kernel, "vmlinuz"), commandLine, initrd);
            prepared.accept(domain);
            domain.limit(limit);
            GuestEnd end = domain.run();
            domain.audit();
            return new PvBoot(end, console.toString(StandardCharsets.UTF_8), domain);
        }
    }

    /** Before its first instruction, with a twin that interprets. */
    LockStep inLockStep(DomainConfig config, String commandLine, IntConsumer console) throws LoadException {
        return LockStep.of(
                (role, printed, input) -> loaded(role.of(config), commandLine, printed, input),
                console,
                ConsoleInput.none(),
                LockStepPlan.DEFAULT);
    }

    /** Before its first instruction. */
    Domain loaded(DomainConfig config, String commandLine, IntConsumer console) throws LoadException {
        return loaded(config, commandLine, console, ConsoleInput.none());
    }

    private Domain loaded(DomainConfig config, String commandLine, IntConsumer console, ConsoleInput input)
            throws LoadException {
        Domain domain = new Domain(config, console, input);
        GuestImage image = config.abi() == DomainConfig.Abi.XEN
                ? GuestImage.recogniseForXen(kernel, "vmlinuz")
                : GuestImage.recognise(kernel, "vmlinuz");
        domain.load(image, commandLine, initrd);
        return domain;
    }

    private static Path repository() {
        Path at = Path.of("").toAbsolutePath();
        while (!Files.exists(at.resolve("umbra"))) {
            at = at.getParent();
        }
        return at;
    }

    private static String output(Path script, String arguments) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("script", ".err");
        List<String> command = new ArrayList<>(List.of(script.toString()));
        if (!arguments.isEmpty()) {
            command.addAll(List.of(arguments.split(" ", -1)));
        }
        Process process =
                new ProcessBuilder(command).redirectError(errors.toFile()).start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        boolean ended = process.waitFor(10, TimeUnit.MINUTES);
        if (!ended || process.exitValue() != 0) {
            String problem = script + " failed: " + Files.readString(errors);
            if ("true".equals(System.getenv("CI"))) {
                fail(problem);
            }
            assumeTrue(false, problem);
        }
        return printed;
    }
}
