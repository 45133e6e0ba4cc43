package io.umbra.bench.guest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** All runs, and the table of their medians in Markdown: seconds, and the ratios of the first machine to each of the others. */
final class ResultTable {
    private final List<String> machines;
    private final Map<String, Map<String, List<Measured>>> runs = new LinkedHashMap<>();

    /** @param machines by name; the first is what the others are compared with */
    ResultTable(List<String> machines) {
        this.machines = List.copyOf(machines);
    }

    void add(String guest, String machine, Measured measured) {
        runs.computeIfAbsent(guest, name -> new LinkedHashMap<>())
                .computeIfAbsent(machine, name -> new ArrayList<>())
                .add(measured);
    }

    String markdown() {
        StringBuilder text = new StringBuilder("| Guest |");
        StringBuilder rule = new StringBuilder("|---|");
        for (String machine : machines) {
            text.append(' ').append(machine).append(" wall | CPU |");
            rule.append("---:|---:|");
        }
        for (String machine : others()) {
            text.append(" wall ÷ ")
                    .append(machine)
                    .append(" | CPU ÷ ")
                    .append(machine)
                    .append(" |");
            rule.append("---:|---:|");
        }
        text.append('\n').append(rule).append('\n');
        runs.forEach((guest, byMachine) -> row(text, guest, byMachine));
        return text.toString();
    }

    private List<String> others() {
        return machines.subList(1, machines.size());
    }

    private void row(StringBuilder text, String guest, Map<String, List<Measured>> byMachine) {
        text.append("| ").append(guest).append(" |");
        for (String machine : machines) {
            List<Measured> measured = byMachine.getOrDefault(machine, List.of());
            if (measured.isEmpty()) {
                text.append(" – | – |");
            } else {
                double[] walls =
                        measured.stream().mapToDouble(Measured::wall).sorted().toArray();
                text.append(String.format(
                        Locale.ROOT,
                        " %.2f (%.2f–%.2f) | %.2f |",
                        Measured.median(measured, Measured::wall),
                        walls[0],
                        walls[walls.length - 1],
                        Measured.median(measured, Measured::cpu)));
            }
        }
        List<Measured> first = byMachine.getOrDefault(machines.getFirst(), List.of());
        for (String machine : others()) {
            List<Measured> other = byMachine.getOrDefault(machine, List.of());
            if (first.isEmpty() || other.isEmpty()) {
                text.append(" – | – |");
            } else {
                text.append(String.format(
                        Locale.ROOT,
                        " %.2f | %.2f |",
                        Measured.median(first, Measured::wall) / Measured.median(other, Measured::wall),
                        Measured.median(first, Measured::cpu) / Measured.median(other, Measured::cpu)));
            }
        }
        text.append('\n');
    }
}
