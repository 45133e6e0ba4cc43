package io.umbra.tools;

import io.umbra.processor.Translation;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.shadow.Trace;
import io.umbra.tools.trace.TraceHeader;
import io.umbra.tools.trace.TraceSession;
import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.DomainConfig.Abi;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.LockStep;
import io.umbra.vmm.LockStepPlan;
import io.umbra.vmm.loader.BootModule;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.pv.PvConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
    private static final String BUILT_IN_PV = "/io/umbra/guests/pv-story.elf";

    /** Of every guest's clock, so that a run is repeatable. */
    private static final Instant START = Instant.parse("2000-01-01T00:00:00Z");

    private enum Execution {
        INTERPRETER,
        TRANSLATOR,
        BYTECODE
    }

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
            names = "--abi",
            paramLabel = "umbra|xen",
            description = "the hypervisor's interface that an hvm guest finds: Umbra's counters, or Xen's hypercalls,"
                    + " events and console (default: ${DEFAULT-VALUE})",
            defaultValue = "umbra")
    private String abi = "umbra";

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
            names = "--processor",
            paramLabel = "interpreter|translator|bytecode",
            description = "how code is executed: instruction by instruction; translated where it is hot, to what is"
                    + " fastest on this host; or translated to the JVM's bytecode (default: ${DEFAULT-VALUE})",
            defaultValue = "translator")
    private String processor = "translator";

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

    @Option(
            names = "--no-hypercalls",
            description = "hide Umbra's counters from the guest, so that what it prints cannot depend on the policy")
    private boolean noHypercalls;

    @Option(
            names = "--switch-shadows",
            paramLabel = "PERIOD",
            description =
                    "turn shadows with log-dirty on under a pv guest for such a period, as 1ms, and off for the next,"
                            + " and so on; with --verify all its memory is held against each bitmap",
            converter = Period.class)
    private @Nullable Long switchShadows;

    @Mixin
    private RamOptions ram = new RamOptions();

    @Mixin
    private Play play = new Play();

    @Mixin
    private Tracing tracing = new Tracing();

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        if (kind.equals("pv")) {
            return runPv();
        }
        DomainConfig config = config();
        play.check();
        checkAbi(config);
        if (tracing.isOn() && play.migrates()) {
            throw mistake("a trace follows one domain: it cannot be had together with --migrate-every");
        }
        if (config.ram().onDemand() && play.sends()) {
            throw mistake("a guest whose RAM comes on demand cannot be saved or migrated by this version");
        }
        byte[] file = guest == null ? builtIn(BUILT_IN) : read(guest);
        GuestImage image = image(file);
        List<BootModule> modules = modules();
        GuestConsole console = new GuestConsole(System.out);
        try (TraceSession session = tracing.session(() -> inputs(config, file, modules), config.wallTime())) {
            LockStepPlan plan = play.lockStep(config);
            if (plan == null) {
                Domain domain = domain(config, console, Terminal.input(), session.trace(), image, modules);
                return play.play(domain, console, session, tracing);
            }
            LockStep both = LockStep.of(
                    (role, printed, typed) -> domain(
                            role.of(config),
                            printed,
                            typed,
                            role == LockStep.Role.FIRST ? session.trace() : Trace.OFF,
                            image,
                            modules),
                    console,
                    Terminal.input(),
                    plan);
            return play.play(both, console, session, tracing);
        } catch (IOException e) {
            throw mistake("the trace cannot be written: " + e.getMessage());
        }
    }

    private void checkAbi(DomainConfig config) {
        if (config.abi() == Abi.XEN && (noHypercalls || play.sends())) {
            throw mistake("--abi xen cannot be had together with --no-hypercalls, --save and --migrate-every");
        }
    }

    /** On its own tables, or on shadows of them. */
    private int runPv() {
        checkMemory();
        checkProcessors();
        if (!abi.equals("umbra")) {
            throw mistake("--abi is for hvm guests: a pv guest has Xen's interface for pv guests");
        }
        if (paging != null && !paging.equals("direct") && !paging.equals("shadow")) {
            throw mistake("--paging cannot be '" + paging + "' for pv guests: there are direct and shadow");
        }
        if (noHypercalls || tracing.isOn() || ram.plan().onDemand()) {
            throw mistake("--no-hypercalls, --trace, --replay and RAM on demand are not for pv guests");
        }
        if (play.verifies() && switchShadows == null) {
            throw mistake("--verify needs --switch-shadows for pv guests: it holds their memory against the log");
        }
        if (switchShadows != null && "shadow".equals(paging)) {
            throw mistake("--switch-shadows begins on the guest's own tables: it cannot be had with --paging shadow");
        }
        List<BootModule> modules = modules();
        if (modules.size() > 1) {
            throw mistake("a pv guest takes one initrd, not " + modules.size());
        }
        byte[] disk = modules.isEmpty() ? new byte[0] : modules.getFirst().content();
        boolean wallTime = constant(Clock.class, "--time", time) == Clock.WALL;
        try {
            PvConfig config =
                    new PvConfig(memory, seed, wallTime, START, "shadow".equals(paging), policy(), translation());
            if (play.verifies() && translation().translates()) {
                Play.tellNoTwin("pv guests have none");
            }
            PvRun run =
                    new PvRun(config, new GuestConsole(System.out), Terminal.input(), switchShadows, play.verifies());
            byte[] image = guest == null ? builtIn(BUILT_IN_PV) : read(guest);
            String name = guest == null ? "the built-in pv guest" : guest.toString();
            return play.play(run, image, name, append, disk);
        } catch (LoadException | IllegalArgumentException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    /** Everything that the run is a function of, but for what is typed while it runs. */
    private Map<String, String> inputs(DomainConfig config, byte[] file, List<BootModule> modules) {
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
        if (config.abi() == Abi.XEN) {
            inputs.put("abi", "xen");
        }
        inputs.put("hypercalls", noHypercalls ? "hidden" : "offered");
        inputs.putAll(play.inputs());
        return inputs;
    }

    /** Ready to run. */
    private Domain domain(
            DomainConfig config,
            IntConsumer console,
            ConsoleInput input,
            Trace trace,
            GuestImage image,
            List<BootModule> modules) {
        Domain domain = empty(config, console, input, trace);
        try {
            domain.loadWithModules(image, append, modules);
        } catch (LoadException e) {
            domain.close();
            throw mistake(String.valueOf(e.getMessage()));
        }
        if (noHypercalls) {
            domain.hideHypercalls();
        }
        return domain;
    }

    private Domain empty(DomainConfig config, IntConsumer console, ConsoleInput input, Trace trace) {
        try {
            return new Domain(config, console, input, trace);
        } catch (OutOfMemoryError e) {
            throw mistake(
                    "there is no room for a guest of %dM: what is kept for each of its frames needs Java heap, of which"
                                    .formatted(config.memoryBytes() >> 20)
                            + " UMBRA_JAVA_OPTS=-Xmx4g gives more");
        }
    }

    // ---- from arguments
    // ----------------------------------------------------------------------------------------------

    private DomainConfig config() {
        checkMemory();
        checkProcessors();
        if (!kind.equals("hvm")) {
            throw mistake("--guest cannot be '" + kind + "': there are hvm and pv");
        }
        if (switchShadows != null) {
            throw mistake("--switch-shadows needs --guest pv: an hvm guest has shadows all the time");
        }
        if ("direct".equals(paging)) {
            throw mistake("--paging direct needs --guest pv: an hvm guest's pagetables hold no machine frames");
        }
        DomainConfig config = new DomainConfig(
                memory,
                constant(PagingKind.class, "--paging", paging == null ? "shadow" : paging),
                policy(),
                seed,
                constant(Clock.class, "--time", time) == Clock.WALL,
                START,
                play.verifies(),
                ram.plan());
        Abi which = constant(Abi.class, "--abi", abi);
        if (which == Abi.XEN && ram.plan().onDemand()) {
            throw mistake("--abi xen needs RAM that is there from the start");
        }
        config = config.with(which);
        return config.with(translation());
    }

    private Translation translation() {
        return switch (constant(Execution.class, "--processor", processor)) {
            case INTERPRETER -> Translation.OFF;
            case TRANSLATOR -> Translation.fastest();
            case BYTECODE -> Translation.HOT_CLASSES;
        };
    }

    private void checkProcessors() {
        if (cpus != 1) {
            throw mistake("--cpus " + cpus + ": this version runs one virtual processor");
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
            String name = guest == null ? "the built-in guest" : guest.toString();
            return abi.equalsIgnoreCase("xen")
                    ? GuestImage.recogniseForXen(file, name)
                    : GuestImage.recognise(file, name);
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

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
