package io.umbra.tools;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One guest under every combination.
 *
 * @param guest its name
 * @param fixed settings that are the same in all runs
 * @param rows in the order of the combinations; the first is the baseline
 * @param differences that the guest could have seen
 */
record Comparison(String guest, Map<String, String> fixed, List<Row> rows, List<Difference> differences) {

    /**
     * A run and what it would have cost.
     *
     * @param consoleBytes length of the console
     */
    record Row(Ran run, long consoleBytes) {}

    Comparison {
        rows = List.copyOf(rows);
        differences = List.copyOf(differences);
    }

    /** Holds each run against the first one on the same machine. Reads the consoles. */
    static Comparison of(String guest, Map<String, String> fixed, List<Ran> runs, Difference.Rules rules)
            throws IOException {
        List<Row> rows = new ArrayList<>();
        List<Difference> differences = new ArrayList<>();
        for (Ran run : runs) {
            rows.add(new Row(run, Files.size(run.console())));
            Ran first = runs.stream()
                    .filter(other ->
                            other.result() != null && other.combination().isSameMachineAs(run.combination()))
                    .findFirst()
                    .orElse(run);
            if (!first.equals(run)) {
                differences.addAll(Difference.between(first, run, rules));
            }
        }
        return new Comparison(guest, fixed, rows, differences);
    }

    /** The worst of what happened, as an {@link ExitStatus}: a fault of Umbra's own, then a guest that failed or saw a difference, then a limit. */
    int status() {
        int status = differences.isEmpty() ? ExitStatus.OK : ExitStatus.GUEST_FAILED;
        for (Row row : rows) {
            status = worse(status, row.run().status());
        }
        return status;
    }

    static int worse(int one, int other) {
        return severity(one) >= severity(other) ? one : other;
    }

    private static int severity(int status) {
        return switch (status) {
            case ExitStatus.OK -> 0;
            case ExitStatus.LIMIT_REACHED -> 1;
            case ExitStatus.GUEST_FAILED -> 2;
            default -> 3;
        };
    }
}
