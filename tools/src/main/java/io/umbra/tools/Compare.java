package io.umbra.tools;

import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs guests under several policies, checks that they cannot tell, and shows what each policy costs. */
@Command(
        name = "compare",
        description =
                "Run a guest under every combination of the varied options, check that it saw the same under all of"
                        + " them, and show what each cost.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "`umbra options` lists what --vary, --set and --cost take. Guests are run without their view of Umbra's",
            "counters. Exit status: that of the worst run (0, 124 a limit, 1 the guest failed, 3 a fault of Umbra's",
            "own); 1 when the guest saw a difference; 2 usage.",
            "",
            "Example: umbra compare --vary paging=shadow,nested",
            "         umbra compare vmlinuz --initrd initrd.gz --append console=ttyS0 \\",
            "             --vary coherence=write-protect,strict-tlb --vary populate=all-levels,one-level",
            "         umbra compare vmlinuz --initrd initrd.gz --append console=ttyS0 --append-pv console=hvc0 \\",
            "             --vary kind=hvm-shadow,hvm-nested,pv-direct,pv-shadow"
        })
final class Compare implements Callable<Integer> {
    private static final int MOST_COMBINATIONS = 1000;
    private static final int INTERRUPTED = 130;

    private enum Clock {
        VIRTUAL,
        WALL
    }

    private enum Format {
        TEXT,
        JSON,
        CSV
    }

    @Parameters(
            arity = "0..*",
            paramLabel = "GUEST",
            description = "guests, as `umbra run` takes one; a table each. Without any, the built-in one")
    private List<Path> guests = new ArrayList<>();

    @Option(
            names = "--vary",
            required = true,
            paramLabel = "OPTION=a,b,c",
            description =
                    "a row of the policy table, paging, memory, or kind (hvm-shadow, hvm-nested, pv-direct, pv-shadow),"
                            + " and the values to compare; the first combination is the baseline")
    private List<String> varied = new ArrayList<>();

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "a row of the policy table that is the same in all runs")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Option(names = "--initrd", paramLabel = "FILE", description = "initial RAM disk")
    private @Nullable Path initrd;

    @Option(names = "--append", paramLabel = "TEXT", description = "kernel command line")
    private @Nullable String append;

    @Option(
            names = "--append-pv",
            paramLabel = "TEXT",
            description = "kernel command line of the runs as a pv guest, when kind is varied (default: as --append)")
    private @Nullable String appendPv;

    @Option(names = "--memory", paramLabel = "SIZE", description = "RAM, as 256M", converter = MemorySize.class)
    private @Nullable Long memory;

    @Option(
            names = "--paging",
            paramLabel = "shadow|nested",
            description = "how memory is virtualised, when that is not varied")
    private @Nullable String paging;

    @Option(names = "--time", paramLabel = "virtual|wall", description = "as in run", defaultValue = "virtual")
    private String time = "virtual";

    @Option(names = "--seed", paramLabel = "N", description = "of everything that is scattered")
    private @Nullable Long seed;

    @Option(names = "--limit", paramLabel = "INSTRUCTIONS", description = "end each run after so many instructions")
    private @Nullable Long limit;

    @Option(names = "--timeout", paramLabel = "SECONDS", description = "end each run after so much time")
    private @Nullable Long timeout;

    @Option(names = "--jobs", paramLabel = "N", description = "runs at once (default: as many as there are processors)")
    private @Nullable Integer jobs;

    @Option(
            names = "--cost",
            paramLabel = "NAME=CYCLES",
            description = "a constant of the cost model; `umbra options` lists them")
    private Map<String, String> constants = new LinkedHashMap<>();

    @Option(
            names = "--format",
            paramLabel = "text|json|csv",
            description = "of the result (default: ${DEFAULT-VALUE})",
            defaultValue = "text")
    private String format = "text";

    @Option(names = "--output", paramLabel = "FILE", description = "write the result there instead of stdout")
    private @Nullable Path output;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    private final @Nullable GuestRunner given;

    /** In processes of their own. */
    Compare() {
        this.given = null;
    }

    Compare(GuestRunner runner) {
        this.given = runner;
    }

    @Override
    public Integer call() throws IOException {
        List<Combination> combinations = combinations();
        CostModel model = costModel();
        Format chosen = constant(Format.class, "--format", format);
        Map<String, String> fixed = fixed();
        List<RunArguments> guestArguments = guestArguments();
        checkOutput();
        ChildProcesses children = new ChildProcesses();
        Path directory = Files.createTempDirectory("umbra-compare-");
        AtomicBoolean isInterrupted = new AtomicBoolean();
        Thread onInterrupt = new Thread(() -> {
            isInterrupted.set(true);
            children.stop();
            delete(directory);
        });
        Runtime.getRuntime().addShutdownHook(onInterrupt);
        try {
            GuestRunner runner = given == null ? children : given;
            List<Comparison> comparisons =
                    compare(runner, combinations, fixed, guestArguments, directory, isInterrupted);
            if (isInterrupted.get()) {
                return INTERRUPTED;
            }
            write(result(comparisons, model, chosen));
            return comparisons.stream().mapToInt(Comparison::status).reduce(ExitStatus.OK, Comparison::worse);
        } finally {
            if (!isInterrupted.get()) {
                children.stop();
                delete(directory);
                forget(onInterrupt);
            }
        }
    }

    private List<Comparison> compare(
            GuestRunner runner,
            List<Combination> combinations,
            Map<String, String> fixed,
            List<RunArguments> guestArguments,
            Path directory,
            AtomicBoolean isInterrupted)
            throws IOException {
        int total = combinations.size() * guestArguments.size();
        AtomicInteger ended = new AtomicInteger();
        RunBatch batch = new RunBatch(runner, jobs(total), () -> showProgress(ended.incrementAndGet(), total));
        Difference.Rules rules =
                new Difference.Rules(constant(Clock.class, "--time", time) == Clock.VIRTUAL, timeout != null);
        List<Comparison> comparisons = new ArrayList<>();
        for (RunArguments arguments : guestArguments) {
            String name = guests.isEmpty()
                    ? "the built-in guest"
                    : guests.get(comparisons.size()).toString();
            Path files = directory.resolve("guest-" + comparisons.size());
            List<Ran> runs = batch.run(arguments, combinations, files);
            if (isInterrupted.get()) {
                break;
            }
            refuseMistakes(runs);
            comparisons.add(Comparison.of(name, fixed, runs, rules));
        }
        return comparisons;
    }

    /** What only the run itself can know to be wrong, as a guest that does not fit into its memory. */
    private void refuseMistakes(List<Ran> runs) {
        for (Ran run : runs) {
            if (run.status() == ExitStatus.USAGE) {
                String reason = run.end().replaceFirst("^umbra: ", "").replaceFirst(" \\(see umbra run --help\\)$", "");
                throw mistake("under " + run.combination() + ": " + reason);
            }
        }
    }

    /** Like that of a run: for a terminal only. */
    private static void showProgress(int ended, int total) {
        if (Boolean.getBoolean("umbra.progress")) {
            String line =
                    ended == total ? "\r\u001B[K" : "\r\u001B[K[%d of %d runs have ended]".formatted(ended, total);
            System.err.print(line);
            System.err.flush();
        }
    }

    private static String result(List<Comparison> comparisons, CostModel model, Format format) {
        return switch (format) {
            case JSON -> new ComparisonFiles(comparisons, model).json();
            case CSV -> new ComparisonFiles(comparisons, model).csv();
            case TEXT -> {
                List<String> texts = comparisons.stream()
                        .map(comparison -> new ComparisonText(comparison, model).text())
                        .toList();
                yield String.join("\n\n", texts);
            }
        };
    }

    // ---- from arguments
    // ----------------------------------------------------------------------------------------------

    private List<Combination> combinations() {
        List<Variation> variations = new ArrayList<>();
        Set<String> seen = new HashSet<>(settings.keySet());
        if (memory != null) {
            seen.add(Variation.MEMORY);
        }
        if (paging != null) {
            seen.add(Variation.PAGING);
        }
        int count = 1;
        for (String text : varied) {
            Variation variation = checked(() -> Variation.parse(text));
            if (!seen.add(variation.option())) {
                throw mistake("option " + variation.option() + " is given twice");
            }
            variations.add(variation);
            count = Math.min(MOST_COMBINATIONS + 1, count * variation.values().size());
        }
        if (count > MOST_COMBINATIONS) {
            throw mistake("there are more than " + MOST_COMBINATIONS + " combinations");
        }
        checkKind(variations.stream().anyMatch(variation -> variation.option().equals(Variation.KIND)), seen);
        return Combination.all(variations);
    }

    private void checkKind(boolean isVaried, Set<String> seen) {
        if (isVaried && seen.contains(Variation.PAGING)) {
            throw mistake("a kind of guest has its paging in its name: it cannot be had with paging");
        }
        if (!isVaried && appendPv != null) {
            throw mistake("--append-pv is for --vary kind=...");
        }
    }

    private CostModel costModel() {
        return checked(() -> CostModel.with(constants));
    }

    /** What the user said that is the same in all runs, by name. */
    private Map<String, String> fixed() {
        checked(() -> PolicyOption.parse(settings));
        constant(Clock.class, "--time", time);
        Map<String, String> fixed = new LinkedHashMap<>(settings);
        if (paging != null) {
            fixed.put(Variation.PAGING, lowerCase(constant(PagingKind.class, "--paging", paging)));
        }
        Long bytes = memory;
        if (bytes != null) {
            checked(() -> {
                MemorySize.check(bytes);
                return bytes;
            });
            fixed.put(Variation.MEMORY, bytes.toString());
        }
        return fixed;
    }

    /** For each guest the arguments of {@code umbra run} that are the same in all runs. */
    private List<RunArguments> guestArguments() {
        if (limit != null && limit <= 0 || timeout != null && timeout <= 0 || jobs != null && jobs <= 0) {
            throw mistake("--limit, --timeout and --jobs must be positive");
        }
        List<String> common = new ArrayList<>();
        common.add("--time=" + lowerCase(constant(Clock.class, "--time", time)));
        settings.forEach((option, value) -> common.add("--set=" + option + "=" + value));
        addTo(common, "--paging=", paging);
        addTo(common, "--memory=", memory);
        addTo(common, "--initrd=", initrd == null ? null : readable(initrd));
        addTo(common, "--seed=", seed);
        addTo(common, "--limit=", limit);
        addTo(common, "--timeout=", timeout);
        if (guests.isEmpty()) {
            return List.of(new RunArguments(common, append, appendPv));
        }
        List<RunArguments> all = new ArrayList<>();
        for (Path guest : guests) {
            List<String> arguments = new ArrayList<>(common);
            arguments.add(readable(guest).toString());
            all.add(new RunArguments(arguments, append, appendPv));
        }
        return all;
    }

    private static void addTo(List<String> arguments, String option, @Nullable Object value) {
        if (value != null) {
            arguments.add(option + value);
        }
    }

    private int jobs(int total) {
        return Math.min(total, jobs == null ? Runtime.getRuntime().availableProcessors() : jobs);
    }

    private Path readable(Path file) {
        if (!Files.exists(file)) {
            throw mistake(file + " does not exist");
        }
        if (Files.isDirectory(file)) {
            throw mistake(file + " is a directory");
        }
        if (!Files.isReadable(file)) {
            throw mistake("cannot read " + file);
        }
        return file.toAbsolutePath();
    }

    /** An argument that is refused is the user's mistake. */
    private <T> T checked(Supplier<T> part) {
        try {
            return part.get();
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
        String choices = String.join(
                ", ", Stream.of(type.getEnumConstants()).map(Compare::lowerCase).toList());
        throw mistake(option + " cannot be '" + value + "': it takes one of " + choices);
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    // ---- files
    // -------------------------------------------------------------------------------------------------------

    /** Before the runs, which may be long: that the result can be written where it is to go. */
    private void checkOutput() {
        Path file = output;
        if (file == null) {
            return;
        }
        Path parent = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file)) {
            throw mistake("cannot write to '" + file + "': it is a directory");
        }
        if (parent == null || !Files.isDirectory(parent)) {
            throw mistake("cannot write to '" + file + "': its directory does not exist");
        }
        if (!Files.isWritable(Files.exists(file) ? file : parent)) {
            throw mistake("cannot write to '" + file + "'");
        }
    }

    private void write(String text) {
        Path file = output;
        if (file == null) {
            PrintWriter out = spec.commandLine().getOut();
            out.print(text);
            out.flush();
            return;
        }
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw mistake("cannot write to '" + file + "': " + e.getMessage());
        }
    }

    private static void delete(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook runs.
        }
    }
}
