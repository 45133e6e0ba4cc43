package io.umbra.tools;

import io.umbra.processor.Translation;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.DirtySeries;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.loader.BootModule;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Boots a guest and says what its shadows did. */
@Command(
        name = "run",
        description = "Boot a guest; without GUEST, the built-in one, which tells the story of shadow paging.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "The guest's console is stdout and stdin. Exit status: 0 the guest ended well, 1 it failed,",
            "2 usage, 3 a fault of Umbra's own, 124 a limit was reached.",
            "",
            "Example: umbra run vmlinuz --initrd initrd.gz --append \"console=ttyS0\" --memory 256M"
        })
final class Run implements Callable<Integer> {
    private static final String BUILT_IN = "/io/umbra/guests/shadow-story.elf";

    private enum Clock {
        VIRTUAL,
        WALL
    }

    private enum Execution {
        INTERPRETER,
        TRANSLATOR
    }

    @Parameters(
            arity = "0..1",
            paramLabel = "GUEST",
            description = "a Linux bzImage, an ELF kernel with a PVH note, a Multiboot image, or a flat image;"
                    + " recognised by content")
    private @Nullable Path guest;

    @Option(
            names = "--initrd",
            paramLabel = "FILE",
            description = "initial RAM disk; for a Multiboot image its modules, as \"FILE ARGUMENTS,FILE\"")
    private @Nullable String initrd;

    @Option(names = "--append", paramLabel = "TEXT", description = "kernel command line", defaultValue = "")
    private String append = "";

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            description = "RAM, as 256M (default: ${DEFAULT-VALUE})",
            defaultValue = "256M",
            converter = MemorySize.class)
    private long memory;

    @Option(
            names = "--cpus",
            paramLabel = "N",
            description = "virtual processors; this version runs one",
            defaultValue = "1")
    private int cpus;

    @Option(
            names = "--guest",
            paramLabel = "hvm",
            description = "how the guest is virtualised; this version runs hvm",
            defaultValue = "hvm")
    private String kind = "hvm";

    @Option(
            names = "--time",
            paramLabel = "virtual|wall",
            description = "virtual: a nanosecond an instruction, repeatable; wall: the host's clock"
                    + " (default: ${DEFAULT-VALUE})",
            defaultValue = "virtual")
    private String time = "virtual";

    @Option(
            names = "--paging",
            paramLabel = "shadow|nested",
            description = "how memory is virtualised (default: ${DEFAULT-VALUE})",
            defaultValue = "shadow")
    private String paging = "shadow";

    @Option(
            names = "--processor",
            paramLabel = "interpreter|translator",
            description = "how code is executed: instruction by instruction, or translated where it is hot"
                    + " (default: ${DEFAULT-VALUE})",
            defaultValue = "interpreter")
    private String processor = "interpreter";

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "a row of the policy table; `umbra options` lists them")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "of everything that is scattered (default: ${DEFAULT-VALUE})",
            defaultValue = "1")
    private long seed;

    @Option(names = "--limit", paramLabel = "INSTRUCTIONS", description = "end after so many instructions")
    private @Nullable Long limit;

    @Option(names = "--timeout", paramLabel = "SECONDS", description = "end after so much time")
    private @Nullable Long timeout;

    @Option(
            names = "--report",
            paramLabel = "text|json|properties|none",
            description = "what the shadows did, at the end, on stderr (default: ${DEFAULT-VALUE})",
            defaultValue = "text")
    private String report = "text";

    @Option(names = "--report-file", paramLabel = "FILE", description = "write the report there instead of stderr")
    private @Nullable Path reportFile;

    @Option(
            names = "--screen",
            paramLabel = "FILE",
            description = "write what stands on the guest's text screen there at the end; - is stderr")
    private @Nullable Path screenFile;

    @Option(
            names = "--verify",
            description = "hold every translation against the definition; a difference ends the run")
    private boolean verify;

    @Option(
            names = "--no-hypercalls",
            description = "hide Umbra's counters from the guest, so that what it prints cannot depend on the policy")
    private boolean noHypercalls;

    @Option(
            names = "--dirty-log",
            paramLabel = "PERIOD",
            description = "log the pages written to in each period of time, as 10ms, and report them",
            converter = Period.class)
    private @Nullable Long dirtyLog;

    @Option(
            names = "--dirty-log-verify",
            description = "hold all memory against that log at each period's end; a page that is missing ends the run."
                    + " Implied by --verify")
    private boolean dirtyLogVerify;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        DomainConfig config = config();
        Report.Format format = constant(Report.Format.class, "--report", report);
        checkWritable("report", reportFile);
        checkWritable("screen", isStandardError(screenFile) ? null : screenFile);
        GuestImage image = image();
        List<BootModule> modules = modules();
        GuestConsole console = new GuestConsole(System.out);
        try (Domain domain = domain(config, console)) {
            load(domain, image, modules);
            if (noHypercalls) {
                domain.hideHypercalls();
            }
            if (limit != null) {
                domain.limit(limit);
            }
            DirtySeries dirty = dirtyLog == null ? null : domain.logDirty(dirtyLog, dirtyLogVerify || verify);
            return run(domain, config, console, format, dirty);
        }
    }

    private Domain domain(DomainConfig config, GuestConsole console) {
        try {
            return new Domain(config, console, input());
        } catch (OutOfMemoryError e) {
            throw mistake(
                    "there is no room for a guest of %dM: what is kept for each of its frames needs Java heap, of which"
                                    .formatted(config.memoryBytes() >> 20)
                            + " UMBRA_JAVA_OPTS=-Xmx4g gives more");
        }
    }

    private int run(
            Domain domain,
            DomainConfig config,
            GuestConsole console,
            Report.Format format,
            @Nullable DirtySeries dirty) {
        Thread main = Thread.currentThread();
        Thread onInterrupt = new Thread(() -> endBySignal(domain, main), "interrupt");
        Runtime.getRuntime().addShutdownHook(onInterrupt);
        startTimeout(domain);
        Progress progress = new Progress(domain, System.err);
        if (Boolean.getBoolean("umbra.progress")) {
            console.announceTo(progress);
            progress.start();
        }
        console.onFailure(() -> domain.stop(new GuestEnd.Stopped("nobody reads the guest's console any more")));
        long start = System.nanoTime();
        GuestEnd end = domain.run();
        double seconds = (System.nanoTime() - start) / 1e9;
        progress.close();
        console.flush();
        int status = status(end);
        writeScreen(domain);
        write(new Report(RunResult.of(domain, config, end, status, seconds), verify, dirty), format, end);
        if (end instanceof GuestEnd.Stopped) {
            return status;
        }
        Runtime.getRuntime().removeShutdownHook(onInterrupt);
        return status;
    }

    /** Ctrl-C: the run ends cleanly, with its report, before the process does. */
    private static void endBySignal(Domain domain, Thread main) {
        domain.stop(new GuestEnd.Stopped("interrupted"));
        try {
            main.join(2_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void startTimeout(Domain domain) {
        Long seconds = timeout;
        if (seconds == null) {
            return;
        }
        Thread.ofVirtual().start(() -> {
            try {
                Thread.sleep(Math.multiplyExact(Math.min(seconds, Integer.MAX_VALUE), 1000L));
                domain.stop(new GuestEnd.LimitReached("the time-out of " + seconds + " s was reached"));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private static int status(GuestEnd end) {
        return switch (end) {
            case GuestEnd.PoweredOff off -> ExitStatus.OK;
            case GuestEnd.DebugExit exit -> exit.value() == 0 ? ExitStatus.OK : ExitStatus.GUEST_FAILED;
            case GuestEnd.Reset reset -> ExitStatus.GUEST_FAILED;
            case GuestEnd.Crashed crashed -> ExitStatus.GUEST_FAILED;
            case GuestEnd.LimitReached limit -> ExitStatus.LIMIT_REACHED;
            case GuestEnd.Stopped stopped -> ExitStatus.GUEST_FAILED;
        };
    }

    /** Before the run, which may be long: that its result can be written where it is to go. */
    private void checkWritable(String what, @Nullable Path file) {
        if (file == null) {
            return;
        }
        try (OutputStream opened = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            opened.flush();
        } catch (IOException e) {
            throw cannotWrite(what, file, e);
        }
    }

    private ParameterException cannotWrite(String what, Path file, IOException e) {
        String reason = Files.isDirectory(file)
                ? "it is a directory"
                : e instanceof NoSuchFileException ? "its directory does not exist" : String.valueOf(e.getMessage());
        return mistake("cannot write the " + what + " to '" + file + "': " + reason);
    }

    private static boolean isStandardError(@Nullable Path file) {
        return file != null && file.toString().equals("-");
    }

    private void writeScreen(Domain domain) {
        if (isStandardError(screenFile)) {
            System.err.print(domain.screen());
            System.err.flush();
        } else if (screenFile != null) {
            write("screen", screenFile, domain.screen());
        }
    }

    private void write(String what, Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw cannotWrite(what, file, e);
        }
    }

    private void write(Report result, Report.Format format, GuestEnd end) {
        String text = switch (format) {
            case TEXT -> result.text();
            case JSON -> result.json();
            case PROPERTIES -> result.properties();
            case NONE -> end instanceof GuestEnd.PoweredOff ? "" : "umbra: " + end.message() + "\n";
        };
        if (reportFile == null) {
            System.err.print(text);
            System.err.flush();
        } else {
            write("report", reportFile, text);
        }
    }

    // ---- from arguments
    // ----------------------------------------------------------------------------------------------

    private DomainConfig config() {
        checkMemory();
        if (limit != null && limit <= 0 || timeout != null && timeout <= 0) {
            throw mistake("--limit and --timeout must be positive");
        }
        if (cpus != 1) {
            throw mistake("--cpus " + cpus + ": this version runs one virtual processor");
        }
        if (!kind.equals("hvm")) {
            throw mistake("--guest cannot be '" + kind + "': this version runs hvm guests");
        }
        if (dirtyLogVerify && dirtyLog == null) {
            throw mistake("--dirty-log-verify needs --dirty-log PERIOD");
        }
        DomainConfig config = new DomainConfig(
                memory,
                constant(PagingKind.class, "--paging", paging),
                policy(),
                seed,
                constant(Clock.class, "--time", time) == Clock.WALL,
                Instant.parse("2000-01-01T00:00:00Z"),
                verify);
        return switch (constant(Execution.class, "--processor", processor)) {
            case INTERPRETER -> config;
            case TRANSLATOR -> config.with(Translation.HOT);
        };
    }

    private void checkMemory() {
        try {
            MemorySize.check(memory);
        } catch (IllegalArgumentException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    private ShadowPolicy policy() {
        try {
            return PolicyOption.parse(settings);
        } catch (IllegalArgumentException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    private <E extends Enum<E>> E constant(Class<E> type, String option, String value) {
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equalsIgnoreCase(value)) {
                return constant;
            }
        }
        throw mistake(option + " cannot be '" + value + "'");
    }

    private GuestImage image() {
        try {
            return guest == null
                    ? GuestImage.recognise(builtIn(), "the built-in guest")
                    : GuestImage.recognise(read(guest), guest.toString());
        } catch (LoadException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    private List<BootModule> modules() {
        if (initrd == null) {
            return List.of();
        }
        return ModuleOption.parse(initrd).stream()
                .map(module -> new BootModule(module.text(), read(path("--initrd", module.file()))))
                .toList();
    }

    private Path path(String option, String file) {
        if (file.isEmpty()) {
            throw mistake(option + " names no file");
        }
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw mistake(option + " cannot be '" + file + "'");
        }
    }

    private static byte[] builtIn() {
        try (InputStream in = Run.class.getResourceAsStream(BUILT_IN)) {
            if (in == null) {
                throw new IllegalStateException("the built-in guest is missing from this build");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private byte[] read(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw mistake(file + " is a directory");
            }
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw mistake(file + " does not exist");
        } catch (IOException e) {
            throw mistake("cannot read " + file + ": " + e.getMessage());
        } catch (OutOfMemoryError e) {
            throw mistake(file + " is too large");
        }
    }

    private void load(Domain domain, GuestImage image, List<BootModule> modules) {
        try {
            domain.loadWithModules(image, append, modules);
        } catch (LoadException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    // ---- streams
    // -----------------------------------------------------------------------------------------------------

    /** A thread of its own waits for what the user types. */
    private static ConsoleInput input() {
        ConsoleInput input = new ConsoleInput();
        Thread.ofPlatform().daemon().name("stdin").start(() -> {
            byte[] buffer = new byte[256];
            try {
                for (int count = System.in.read(buffer); count >= 0; count = System.in.read(buffer)) {
                    input.type(java.util.Arrays.copyOf(buffer, count));
                }
            } catch (IOException e) {
                // The console is gone: as the end of input.
            }
            input.close();
        });
        return input;
    }
}
