package io.umbra.tools;

import io.umbra.tools.matrix.Disagreement;
import io.umbra.tools.matrix.MatrixBatch;
import io.umbra.tools.matrix.MatrixMode;
import io.umbra.tools.matrix.Model;
import io.umbra.vmm.DomainConfig.PagingKind;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Holds the shadow engine against the definition in every combination of entry bits, control registers and accesses. */
@Command(
        name = "matrix",
        description =
                "Play every combination of entry bits, control registers and kinds of access to the shadow engine, to nested"
                        + " paging and to the definition of the architecture, and compare what they answer.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "Modes: unpaged, two-level, two-level-pse, pae, four-level, five-level. Models: strict-tlb, write-protect,",
            "out-of-sync, nested. All of them by default, and every case. Exit status: 0 all answers agree, 1 some differ, 2",
            "usage, 3 a fault of Umbra's own.",
            "",
            "Example: umbra matrix --mode four-level --coherence write-protect --sample 100000 --seed 7"
        })
final class Matrix implements Callable<Integer> {
    private static final long PERIOD_NANOS = 5_000_000_000L;

    @Option(
            names = "--mode",
            arity = "1..*",
            split = ",",
            paramLabel = "MODE",
            description = "paging modes of the guest (default: all)")
    private List<String> modes = new ArrayList<>();

    @Option(
            names = "--coherence",
            arity = "1..*",
            split = ",",
            paramLabel = "MODEL",
            description = "how shadows follow the guest's tables (default: each way)")
    private List<String> coherences = new ArrayList<>();

    @Option(
            names = "--paging",
            arity = "1..*",
            split = ",",
            paramLabel = "shadow|nested",
            description = "who answers: the shadow engine, or the processor that walks the guest's tables and the P2M"
                    + " (default: both; only shadow where --coherence is given)")
    private List<String> pagings = new ArrayList<>();

    @Option(names = "--sample", paramLabel = "N", description = "play so many cases, drawn by the seed, instead of all")
    private @Nullable Integer sample;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "of the sample (default: ${DEFAULT-VALUE})",
            defaultValue = "1")
    private long seed;

    @Option(names = "--jobs", paramLabel = "N", description = "threads (default: as many as there are processors)")
    private @Nullable Integer jobs;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        MatrixBatch batch = new MatrixBatch(
                chosen("--mode", modes, MatrixMode.values(), MatrixMode::label),
                models(),
                sample == null ? 0 : positive("--sample", sample),
                seed);
        int threads = jobs == null ? Runtime.getRuntime().availableProcessors() : positive("--jobs", jobs);
        List<MatrixBatch.Line> lines =
                batch.play(threads, new Shown(batch.cases(), spec.commandLine().getErr())::played);
        PrintWriter out = spec.commandLine().getOut();
        out.print(table(lines));
        if (sample != null) {
            out.println("seed " + seed);
        }
        for (MatrixBatch.Line line : lines) {
            for (Disagreement difference : line.result().first()) {
                out.println();
                out.print(line.model().label() + ": " + difference.explanation());
            }
        }
        out.flush();
        boolean differ = lines.stream().anyMatch(line -> line.result().differences() > 0);
        return differ ? ExitStatus.GUEST_FAILED : ExitStatus.OK;
    }

    /** Nested paging is the last column, unless only models of shadows are named. */
    private List<Model> models() {
        List<PagingKind> kinds = chosen("--paging", pagings, PagingKind.values(), Matrix::label);
        boolean isOfShadows = pagings.isEmpty() && !coherences.isEmpty();
        List<Model> models = new ArrayList<>();
        if (kinds.contains(PagingKind.SHADOW)) {
            models.addAll(chosen("--coherence", coherences, Model.shadows().toArray(new Model[0]), Model::label));
        } else if (!coherences.isEmpty()) {
            throw usage("--coherence is about shadows, and --paging names none");
        }
        if (kinds.contains(PagingKind.NESTED) && !isOfShadows) {
            models.add(Model.NESTED);
        }
        return models;
    }

    private static String label(PagingKind kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    private static String table(List<MatrixBatch.Line> lines) {
        TextTable table = new TextTable()
                .column("mode", TextTable.Align.LEFT)
                .column("model", TextTable.Align.LEFT)
                .column("cases", TextTable.Align.RIGHT)
                .column("differences", TextTable.Align.RIGHT);
        long cases = 0;
        long differences = 0;
        for (MatrixBatch.Line line : lines) {
            cases += line.result().cases();
            differences += line.result().differences();
            table.row(List.of(
                    line.mode().label(),
                    line.model().label(),
                    number(line.result().cases()),
                    number(line.result().differences())));
        }
        return table.row(List.of("all", "", number(cases), number(differences))).text();
    }

    private static String number(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /** The constants that are named, in their own order; all when none is. */
    private <T> List<T> chosen(String option, List<String> names, T[] constants, Function<T, String> label) {
        for (String name : names) {
            if (Arrays.stream(constants)
                    .noneMatch(constant -> label.apply(constant).equals(name))) {
                String known = Arrays.stream(constants).map(label).collect(Collectors.joining(", "));
                throw usage(option + " cannot be '" + name + "': it takes " + known);
            }
        }
        return Arrays.stream(constants)
                .filter(constant -> names.isEmpty() || names.contains(label.apply(constant)))
                .toList();
    }

    private int positive(String option, int value) {
        if (value < 1) {
            throw usage(option + " must be at least 1, not " + value);
        }
        return value;
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** A line on stderr every few seconds. */
    private static final class Shown {
        private final long total;
        private final PrintWriter err;
        private final long start = System.nanoTime();
        private long played;
        private long last = start;

        Shown(long total, PrintWriter err) {
            this.total = total;
            this.err = err;
        }

        synchronized void played(long more) {
            played += more;
            long now = System.nanoTime();
            if (now - last >= PERIOD_NANOS || played == total && last != start) {
                last = now;
                err.printf(
                        Locale.ROOT,
                        "%,d of %,d cases, %d s, %,.0f cases a second%n",
                        played,
                        total,
                        (now - start) / 1_000_000_000L,
                        played * 1e9 / (now - start));
                err.flush();
            }
        }
    }
}
