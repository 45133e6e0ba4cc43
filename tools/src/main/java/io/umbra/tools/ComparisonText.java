package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.tools.Comparison.Row;
import io.umbra.vmm.ProcessorCounter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A comparison for people: what the guest saw, and tables of what it cost, each number with its factor to the baseline. */
final class ComparisonText {
    private record Column(String heading, ToLongFunction<RunResult> value) {
        static Column of(String heading, Counter counter) {
            return new Column(heading, run -> run.get(counter));
        }

        static Column of(String heading, ProcessorCounter counter) {
            return new Column(heading, run -> run.get(counter));
        }
    }

    private static final List<Column> FAULTS = List.of(
            Column.of("page faults", Counter.PAGE_FAULT),
            Column.of("fixups", Counter.FIXUP),
            Column.of("guest faults", Counter.GUEST_FAULT),
            Column.of("dirty bit", Counter.DIRTY_BIT_FAULT),
            Column.of("MMIO", Counter.MMIO));

    private static final List<Column> SHADOWS = List.of(
            Column.of("pages at peak", Counter.SHADOW_PAGES_PEAK),
            Column.of("emulated writes", Counter.EMULATE),
            Column.of("flushes", Counter.FLUSH),
            Column.of("CR3 loads", Counter.CR3_LOAD),
            Column.of("retained", Counter.CR3_RETAINED));

    private static final List<Column> WALKS = List.of(
            Column.of("guest walks", Counter.GUEST_WALK),
            Column.of("P2M", Counter.P2M_LOOKUP),
            Column.of("hash", Counter.HASH_LOOKUP),
            Column.of("TLB misses", ProcessorCounter.TLB_MISS),
            Column.of("references", ProcessorCounter.WALK_REFERENCE),
            new Column("exits", RunResult::memoryExits));

    private final Comparison comparison;
    private final CostModel model;
    private final List<Column> costs;

    ComparisonText(Comparison comparison, CostModel model) {
        this.comparison = comparison;
        this.model = model;
        this.costs = List.of(
                new Column("total", run -> model.of(run).total()),
                new Column("page walks", run -> model.of(run).share(CostTerm.Share.WALKS)),
                new Column("exits", run -> exits(model.of(run))),
                new Column("emulation", run -> model.of(run).share(CostTerm.Share.EMULATION)),
                new Column("shadows", run -> model.of(run).share(CostTerm.Share.SHADOWS)));
    }

    private static long exits(Cost cost) {
        return cost.share(CostTerm.Share.EXITS) + cost.share(CostTerm.Share.OTHER_EXITS);
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append(comparison.guest())
                .append(", ")
                .append(comparison.rows().size())
                .append(" combinations");
        comparison
                .fixed()
                .forEach((name, value) ->
                        text.append(", ").append(name).append('=').append(value));
        text.append('\n').append(verdict()).append(failures());
        if (comparison.rows().getFirst().run().combination().kind() != null) {
            return text.append('\n')
                    .append(new SideBySide(comparison, model).text())
                    .toString();
        }
        text.append("\nFaults\n").append(table(FAULTS));
        text.append("\nShadows\n").append(table(SHADOWS));
        text.append("\nWalks, look-ups and exits for memory\n").append(table(WALKS));
        text.append("\nEstimated cost on hardware, cycles\n").append(table(costs));
        return text.append("\n* baseline: the factors are relative to it\n").toString();
    }

    private String verdict() {
        if (comparison.differences().isEmpty()) {
            return comparison.rows().stream().anyMatch(row -> row.run().result() == null)
                    ? "Nothing that the guest could have seen differs between the runs that came to an end.\n"
                    : isOneMachine()
                            ? "The guest saw the same under all of them" + what() + ".\n"
                            : hasTwoOfOneMachine()
                                    ? "The guest saw the same wherever it had the same machine.\n"
                                    : "No two runs were on the same machine, so what the guest saw was not compared.\n";
        }
        return comparison.differences().stream()
                .map(difference -> "DIFFERENCE: " + difference.text())
                .collect(Collectors.joining());
    }

    private boolean isOneMachine() {
        Combination first = comparison.rows().getFirst().run().combination();
        return comparison.rows().stream()
                .allMatch(row -> row.run().combination().isSameMachineAs(first));
    }

    private boolean hasTwoOfOneMachine() {
        List<Combination> all =
                comparison.rows().stream().map(row -> row.run().combination()).toList();
        return all.stream()
                .anyMatch(one ->
                        all.stream().filter(other -> other.isSameMachineAs(one)).count() > 1);
    }

    /** What all of them saw, when they ran to the same end. */
    private String what() {
        List<Row> rows = comparison.rows();
        Row first = rows.getFirst();
        RunResult result = first.run().result();
        boolean isOneLength = result != null
                && rows.stream().allMatch(row -> row.consoleBytes() == first.consoleBytes() && ranAsLong(row, result));
        return result != null && isOneLength
                ? String.format(
                        Locale.ROOT,
                        ": %,d bytes of console, %,d retired instructions, %s",
                        first.consoleBytes(),
                        result.instructions(),
                        result.end())
                : "";
    }

    private static boolean ranAsLong(Row row, RunResult result) {
        RunResult other = row.run().result();
        return other != null && other.instructions() == result.instructions();
    }

    private String failures() {
        return comparison.rows().stream()
                .filter(row -> row.run().status() != ExitStatus.OK)
                .map(row -> "Status %d under %s: %s\n"
                        .formatted(
                                row.run().status(),
                                row.run().combination(),
                                row.run().end()))
                .collect(Collectors.joining());
    }

    private String table(List<Column> columns) {
        TextTable table = new TextTable().column("", TextTable.Align.LEFT);
        List<Row> rows = comparison.rows();
        boolean showsStatus = rows.stream().anyMatch(row -> row.run().status() != ExitStatus.OK);
        rows.getFirst()
                .run()
                .combination()
                .settings()
                .keySet()
                .forEach(option -> table.column(option, TextTable.Align.LEFT));
        if (showsStatus) {
            table.column("status", TextTable.Align.RIGHT);
        }
        for (Column column : columns) {
            table.column(column.heading(), TextTable.Align.RIGHT).attached();
        }
        RunResult baseline = rows.getFirst().run().result();
        for (Row row : rows) {
            boolean isBaseline = row.equals(rows.getFirst());
            List<String> cells = new ArrayList<>();
            cells.add(isBaseline ? "*" : "");
            cells.addAll(row.run().combination().settings().values());
            if (showsStatus) {
                cells.add(Integer.toString(row.run().status()));
            }
            cells.addAll(numbers(columns, row.run().result(), isBaseline ? null : baseline));
            table.row(cells);
        }
        return table.text();
    }

    private static List<String> numbers(
            List<Column> columns, @Nullable RunResult result, @Nullable RunResult baseline) {
        if (result == null) {
            return Collections.nCopies(2 * columns.size(), "");
        }
        List<String> cells = new ArrayList<>();
        for (Column column : columns) {
            long value = column.value().applyAsLong(result);
            cells.add(String.format(Locale.ROOT, "%,d", value));
            cells.add(baseline == null ? "" : factor(value, column.value().applyAsLong(baseline)));
        }
        return cells;
    }

    /** Three digits; nothing where there is no factor, or nothing to say. */
    static String factor(long value, long baseline) {
        if (baseline == 0) {
            return "";
        }
        if (value == baseline) {
            return "=";
        }
        double factor = (double) value / baseline;
        if (value != 0 && factor < 0.01) {
            return "<×0.01";
        }
        int digits = value == 0 || factor >= 100 ? 0 : factor >= 10 ? 1 : 2;
        return String.format(Locale.ROOT, "×%." + digits + "f", factor);
    }
}
