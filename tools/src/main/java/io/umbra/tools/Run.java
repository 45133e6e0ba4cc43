package io.umbra.tools;

import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.tools.trace.TraceException;
import io.umbra.tools.trace.TraceHeader;
import io.umbra.tools.trace.TraceSession;
import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.DirtySeries;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.RamPlan;
import io.umbra.vmm.loader.BootModule;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.pv.PvConfig;
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
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
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
        description =
                "Boot a guest; without GUEST, the built-in one, which tells the story of shadow paging, or that of PV.",
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
    private static final String BUILT_IN_PV = "/io/umbra/guests/pv-story.elf";

    /** Of every guest's clock, so that a run is repeatable. */
    private static final Instant START = Instant.parse("2000-01-01T00:00:00Z");

    private enum Clock {
        VIRTUAL,
        WALL
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
            paramLabel = "hvm|pv",
            description =
                    "hvm: unmodified; pv: 64-bit kernels with the notes of a Xen PV guest (default: ${DEFAULT-VALUE})",
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
            paramLabel = "shadow|nested|direct",
            description = "how memory is virtualised; direct is for pv (default: shadow, with --guest pv direct)")
    private @Nullable String paging;

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
            names = "--populate-on-demand",
            description = "give the guest's RAM its frames when it is used, not at the start")
    private boolean populateOnDemand;

    @Option(
            names = "--resident",
            paramLabel = "SIZE",
            description = "RAM that is in memory at the same time, at most, as 32M; the rest is paged out."
                    + " Implies --populate-on-demand",
            converter = MemorySize.class)
    private @Nullable Long resident;

    @Option(
            names = "--merge-every",
            paramLabel = "PERIOD",
            description = "after each period of time, as 100ms, keep pages with the same bytes once, and copy on write."
                    + " Implies --populate-on-demand",
            converter = Period.class)
    private @Nullable Long mergeEvery;

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

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "log what the engine does there, event by event; `umbra trace` shows it")
    private @Nullable Path traceFile;

    @Option(
            names = "--replay",
            paramLabel = "FILE",
            description =
                    "hold every event against this log of the same run; the first difference ends it, with status 1")
    private @Nullable Path replayFile;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (kind.equals("pv")) {
            return runPv();
        }
        DomainConfig config = config();
        Report.Format format = constant(Report.Format.class, "--report", report);
        checkWritable("report", reportFile);
        checkWritable("screen", isStandardError(screenFile) ? null : screenFile);
        byte[] file = guest == null ? builtIn(BUILT_IN) : read(guest);
        GuestImage image = image(file);
        List<BootModule> modules = modules();
        GuestConsole console = new GuestConsole(System.out);
        try (TraceSession session = session(config, file, modules);
                Domain domain = domain(config, console, session)) {
            load(domain, image, modules);
            if (noHypercalls) {
                domain.hideHypercalls();
            }
            if (limit != null) {
                domain.limit(limit);
            }
            DirtySeries dirty = dirtyLog == null ? null : domain.logDirty(dirtyLog, dirtyLogVerify || verify);
            return run(domain, config, console, format, dirty, session);
        } catch (IOException e) {
            throw mistake("the trace cannot be written: " + e.getMessage());
        }
    }

    // ---- PV guests
    // ---------------------------------------------------------------------------------------------------

    private int runPv() {
        checkCommon();
        if (paging != null && !paging.equals("direct")) {
            throw mistake("--paging " + paging + ": this version runs pv guests with direct paging");
        }
        if (verify || noHypercalls || dirtyLog != null || screenFile != null || !settings.isEmpty()) {
            throw mistake("--verify, --no-hypercalls, --dirty-log, --screen and --set are not for pv guests");
        }
        if (traceFile != null || replayFile != null || populateOnDemand || resident != null || mergeEvery != null) {
            throw mistake(
                    "--trace, --replay, --populate-on-demand, --resident and --merge-every are not for pv guests");
        }
        Report.Format format = constant(Report.Format.class, "--report", report);
        checkWritable("report", reportFile);
        List<BootModule> modules = modules();
        if (modules.size() > 1) {
            throw mistake("a pv guest takes one initrd, not " + modules.size());
        }
        byte[] disk = modules.isEmpty() ? new byte[0] : modules.getFirst().content();
        boolean wallTime = constant(Clock.class, "--time", time) == Clock.WALL;
        PvConfig config = new PvConfig(memory, seed, wallTime, START);
        GuestConsole console = new GuestConsole(System.out);
        try {
            byte[] image = guest == null ? builtIn(BUILT_IN_PV) : read(guest);
            String name = guest == null ? "the built-in pv guest" : guest.toString();
            PvRun.Request request = new PvRun.Request(image, name, append, disk, limit);
            PvRun.Ended ended = new PvRun(config, console, input()).run(request, this::startTimeout);
            String text = switch (format) {
                case TEXT -> ended.report().text();
                case JSON -> ended.report().json();
                case PROPERTIES -> ended.report().properties();
                case NONE ->
                    ended.end() instanceof GuestEnd.PoweredOff
                            ? ""
                            : "umbra: " + ended.end().message() + "\n";
            };
            deliver(text);
            return status(ended.end());
        } catch (LoadException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    // ---- traces
    // ------------------------------------------------------------------------------------------------------

    private TraceSession session(DomainConfig config, byte[] file, List<BootModule> modules) {
        if (traceFile == null && replayFile == null) {
            return TraceSession.none();
        }
        TraceHeader header = header(config, file, modules);
        if (replayFile == null) {
            return writing(traceFile, header);
        }
        if (traceFile != null) {
            throw mistake("--trace and --replay cannot be had together");
        }
        if (config.wallTime()) {
            throw mistake("--replay needs --time virtual: with the host's clock no run is like another");
        }
        return replaying(replayFile, header);
    }

    private TraceSession writing(@Nullable Path file, TraceHeader header) {
        checkWritable("trace", file);
        try {
            return file == null ? TraceSession.none() : TraceSession.writing(file, header);
        } catch (TraceException e) {
            throw mistake("cannot write the trace to '" + file + "': " + e.getMessage());
        } catch (IOException e) {
            throw mistake("the trace cannot be written: " + e.getMessage());
        }
    }

    private TraceSession replaying(Path file, TraceHeader header) {
        try {
            return TraceSession.replaying(file, header);
        } catch (TraceException e) {
            throw mistake("'" + file + "' cannot be replayed: " + e.getMessage());
        } catch (IOException e) {
            throw mistake("cannot read '" + file + "': "
                    + (e instanceof NoSuchFileException ? "it does not exist" : e.getMessage()));
        }
    }

    /** Everything that a run is a function of, but for what is typed while it runs. */
    private TraceHeader header(DomainConfig config, byte[] file, List<BootModule> modules) {
        Map<String, String> inputs = new LinkedHashMap<>();
        inputs.put("guest", guest == null ? "built-in" : guest.toString());
        inputs.put("guest-sha256", TraceHeader.hash(file));
        inputs.put("append", append);
        for (BootModule module : modules) {
            inputs.put("module " + inputs.size(), module.text() + " " + TraceHeader.hash(module.content()));
        }
        inputs.put("memory", Long.toString(config.memoryBytes()));
        inputs.put("ram", config.ram().toString());
        inputs.put("paging", config.paging().name().toLowerCase(Locale.ROOT));
        inputs.put("policy", config.policy().toString());
        inputs.put("seed", Long.toString(config.seed()));
        inputs.put("time", time);
        inputs.put("start-date", config.startDate().toString());
        inputs.put("limit", limit == null ? "none" : limit.toString());
        inputs.put("hypercalls", noHypercalls ? "hidden" : "offered");
        inputs.put("dirty-log", dirtyLog == null ? "off" : dirtyLog.toString());
        String line = String.join(" ", spec.commandLine().getParseResult().originalArgs());
        return TraceHeader.of(inputs, Map.of("command", line));
    }

    /** @return the status of the run, or that of a replay that differs */
    private int endTrace(TraceSession session, GuestEnd end, Domain domain, int status) {
        boolean isWhole = switch (end) {
            case GuestEnd.Stopped _ -> false;
            case GuestEnd.LimitReached _ -> limit != null && domain.instructions() >= limit;
            default -> true;
        };
        try {
            session.end(status, isWhole);
        } catch (TraceException e) {
            throw mistake("'" + replayFile + "' cannot be replayed: " + e.getMessage());
        } catch (IOException e) {
            throw mistake("the trace failed: " + e.getMessage());
        }
        String difference = session.difference();
        if (difference != null) {
            System.err.print(difference);
            return ExitStatus.GUEST_FAILED;
        }
        if (session.isReplay()) {
            System.err.println("umbra: the replay made the same " + session.compared() + " events");
        }
        return session.status(status);
    }

    private Domain domain(DomainConfig config, GuestConsole console, TraceSession session) {
        try {
            return new Domain(config, console, input(), session.trace());
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
            @Nullable DirtySeries dirty,
            TraceSession session) {
        Thread main = Thread.currentThread();
        Thread onInterrupt = new Thread(() -> endBySignal(domain, main), "interrupt");
        Runtime.getRuntime().addShutdownHook(onInterrupt);
        startTimeout(domain::stop);
        Progress progress = new Progress(domain, System.err);
        if (Boolean.getBoolean("umbra.progress")) {
            console.announceTo(progress);
            progress.start();
        }
        console.onFailure(() -> domain.stop(new GuestEnd.Stopped("nobody reads the guest's console any more")));
        session.onStop(() -> domain.stop(new GuestEnd.Stopped("its trace ends here")));
        long start = System.nanoTime();
        GuestEnd end = domain.run();
        double seconds = (System.nanoTime() - start) / 1e9;
        progress.close();
        console.flush();
        try {
            int status = endTrace(session, end, domain, status(end));
            writeScreen(domain);
            write(new Report(RunResult.of(domain, config, end, status, seconds), verify, dirty), format, end);
            return status;
        } finally {
            removeHook(onInterrupt);
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook is what waits for this thread.
        }
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

    private void startTimeout(Consumer<GuestEnd> stop) {
        Long seconds = timeout;
        if (seconds == null) {
            return;
        }
        Thread.ofVirtual().start(() -> {
            try {
                Thread.sleep(Math.multiplyExact(Math.min(seconds, Integer.MAX_VALUE), 1000L));
                stop.accept(new GuestEnd.LimitReached("the time-out of " + seconds + " s was reached"));
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
        deliver(text);
    }

    private void deliver(String text) {
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
        checkCommon();
        if (!kind.equals("hvm")) {
            throw mistake("--guest cannot be '" + kind + "': there are hvm and pv");
        }
        if ("direct".equals(paging)) {
            throw mistake("--paging direct needs --guest pv: an hvm guest's pagetables hold no machine frames");
        }
        if (dirtyLogVerify && dirtyLog == null) {
            throw mistake("--dirty-log-verify needs --dirty-log PERIOD");
        }
        return new DomainConfig(
                memory,
                constant(PagingKind.class, "--paging", paging == null ? "shadow" : paging),
                policy(),
                seed,
                constant(Clock.class, "--time", time) == Clock.WALL,
                START,
                verify,
                ramPlan());
    }

    private void checkCommon() {
        checkMemory();
        if (limit != null && limit <= 0 || timeout != null && timeout <= 0) {
            throw mistake("--limit and --timeout must be positive");
        }
        if (cpus != 1) {
            throw mistake("--cpus " + cpus + ": this version runs one virtual processor");
        }
    }

    private RamPlan ramPlan() {
        try {
            boolean onDemand = populateOnDemand || resident != null || mergeEvery != null;
            return new RamPlan(
                    onDemand, resident == null ? Long.MAX_VALUE : resident, mergeEvery == null ? 0 : mergeEvery);
        } catch (IllegalArgumentException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
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

    private GuestImage image(byte[] file) {
        try {
            return GuestImage.recognise(file, guest == null ? "the built-in guest" : guest.toString());
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

    private static byte[] builtIn(String resource) {
        try (InputStream in = Run.class.getResourceAsStream(resource)) {
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
