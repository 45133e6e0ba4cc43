package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.tools.Comparison.Row;
import io.umbra.vmm.ProcessorCounter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Comparisons for scripts: JSON with everything, CSV (RFC 4180) with a line for each combination. */
final class ComparisonFiles {
    private final List<Comparison> comparisons;
    private final CostModel model;

    /** @param comparisons at least one, all with the same combinations */
    ComparisonFiles(List<Comparison> comparisons, CostModel model) {
        this.comparisons = List.copyOf(comparisons);
        this.model = model;
    }

    // ---- JSON
    // --------------------------------------------------------------------------------------------------------

    String json() {
        Json json = new Json().object().object("cost_constants");
        model.cycles().forEach((term, cycles) -> json.field(term.label(), cycles, 3));
        json.close().array("guests");
        for (Comparison comparison : comparisons) {
            json.object().field("guest", comparison.guest());
            json.texts("fixed", comparison.fixed());
            json.field("same", comparison.differences().isEmpty());
            json.array("differences");
            comparison.differences().forEach(difference -> write(json, difference));
            json.close().array("combinations");
            comparison.rows().forEach(row -> write(json, row));
            json.close().close();
        }
        return json.close().close().finished();
    }

    private static void write(Json json, Difference difference) {
        json.object()
                .field("kind", difference.kind().name().toLowerCase(Locale.ROOT))
                .field("line", difference.line())
                .texts("baseline", difference.baseline().settings())
                .field("seen_in_baseline", difference.seenIn())
                .texts("other", difference.other().settings())
                .field("seen_in_other", difference.seenInOther())
                .close();
    }

    private void write(Json json, Row row) {
        json.object().texts("settings", row.run().combination().settings());
        json.field("exit_status", row.run().status()).field("console_bytes", row.consoleBytes());
        RunResult result = row.run().result();
        if (result == null) {
            json.field("end", row.run().end());
        } else {
            result.writeTo(json.object("run"));
            json.close();
            write(json, model.of(result));
        }
        json.close();
    }

    private static void write(Json json, Cost cost) {
        json.object("cost").field("total_cycles", cost.total()).object("terms");
        cost.lines()
                .forEach((term, line) -> json.object(term.label())
                        .field("quantity", line.quantity())
                        .field("cycles_each", line.each(), 3)
                        .field("cycles", line.cycles())
                        .close());
        json.close().close();
    }

    // ---- CSV
    // ---------------------------------------------------------------------------------------------------------

    String csv() {
        StringBuilder text = new StringBuilder(line(headings()));
        for (Comparison comparison : comparisons) {
            for (Row row : comparison.rows()) {
                text.append(line(cells(comparison, row)));
            }
        }
        return text.toString();
    }

    private List<String> headings() {
        List<String> cells = new ArrayList<>(List.of("guest"));
        Combination first = comparisons.getFirst().rows().getFirst().run().combination();
        first.settings().keySet().forEach(option -> cells.add("option_" + option));
        cells.addAll(List.of("exit_status", "same", "console_bytes", "instructions", "seconds"));
        for (Counter counter : Counter.values()) {
            cells.add(counter.label());
        }
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            cells.add(counter.label());
        }
        for (CostTerm term : CostTerm.values()) {
            cells.add("cycles_" + term.label());
        }
        cells.add("cycles_total");
        return cells;
    }

    private List<String> cells(Comparison comparison, Row row) {
        Combination combination = row.run().combination();
        List<String> cells = new ArrayList<>(List.of(comparison.guest()));
        cells.addAll(combination.settings().values());
        cells.add(Integer.toString(row.run().status()));
        cells.add(Boolean.toString(comparison.differences().stream()
                .noneMatch(difference -> difference.other().equals(combination))));
        cells.add(Long.toString(row.consoleBytes()));
        RunResult result = row.run().result();
        if (result == null) {
            int counted = 2 + Counter.values().length + ProcessorCounter.values().length + CostTerm.values().length + 1;
            cells.addAll(Collections.nCopies(counted, ""));
            return cells;
        }
        cells.add(Long.toString(result.instructions()));
        cells.add(String.format(Locale.ROOT, "%.3f", result.seconds()));
        for (Counter counter : Counter.values()) {
            cells.add(Long.toString(result.get(counter)));
        }
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            cells.add(Long.toString(result.get(counter)));
        }
        Cost cost = model.of(result);
        cost.lines().values().forEach(line -> cells.add(Long.toString(line.cycles())));
        cells.add(Long.toString(cost.total()));
        return cells;
    }

    private static String line(List<String> cells) {
        return cells.stream().map(ComparisonFiles::quoted).collect(Collectors.joining(",", "", "\r\n"));
    }

    private static String quoted(String cell) {
        return cell.matches("[^\",\\r\\n]*") ? cell : '"' + cell.replace("\"", "\"\"") + '"';
    }
}
