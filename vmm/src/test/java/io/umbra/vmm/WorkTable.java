package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.shadow.Counter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * How much work fixed guests are, in one table: a row for each counter, a column for each guest. A guest's run is a pure function of
 * its inputs, so that every number is exact, and a change that makes more work is seen without timing anything.
 *
 * <p>With {@code UMBRA_WORK=write} in the environment nothing is compared: the columns of the guests that run are written anew.
 */
final class WorkTable {
    private static final Path FILE = Path.of("src/test/resources/io/umbra/vmm/work.txt");
    private static final String REGENERATE =
            "UMBRA_WORK=write ./umbra test -pl vmm -am -Dtest=WorkTest,DebianBootTest#itsWorkIsAsInTheTable"
                    + " -Dsurefire.failIfNoSpecifiedTests=false";
    private static final String COMMENT = "#";
    private static final String CORNER = "counter";

    /** By guest, then by counter; a counter that is not there is 0. */
    private final Map<String, Map<String, Long>> columns = new LinkedHashMap<>();

    private WorkTable() {}

    /**
     * Holds what the run of a guest has counted against its column, or writes the column.
     *
     * @param guest without white space
     */
    static void check(String guest, Domain domain) {
        Map<String, Long> counted = counted(domain);
        try {
            if ("write".equals(System.getenv("UMBRA_WORK"))) {
                WorkTable table = read();
                table.columns.put(guest, counted);
                Files.writeString(FILE, table.text());
            } else {
                read().compare(guest, counted);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Skips the calling test when the table knows nothing of the guest, which depends on what could be downloaded. */
    static void assumeHas(String guest) throws IOException {
        assumeTrue(
                "write".equals(System.getenv("UMBRA_WORK")) || read().columns.containsKey(guest),
                "the table of work has no column " + guest);
    }

    private void compare(String guest, Map<String, Long> counted) {
        Map<String, Long> expected = columns.get(guest);
        assertThat(expected).as("column %s of %s", guest, FILE).isNotNull();
        Set<String> counters = new LinkedHashSet<>(expected.keySet());
        counters.addAll(counted.keySet());
        List<String> differences = new ArrayList<>();
        for (String counter : counters) {
            long before = expected.getOrDefault(counter, 0L);
            long now = counted.getOrDefault(counter, 0L);
            if (before != now) {
                differences.add(String.format(
                        Locale.ROOT,
                        "%s: %d, was %d (%+.1f %%)",
                        counter,
                        now,
                        before,
                        100.0 * (now - before) / Math.max(before, 1)));
            }
        }
        assertThat(differences)
                .as(
                        "work of %s that is not as in %s. If it is meant to change, write the table anew and say in the commit why:%n%s%n",
                        guest, FILE, REGENERATE)
                .isEmpty();
    }

    private static Map<String, Long> counted(Domain domain) {
        Map<String, Long> counted = new LinkedHashMap<>();
        counted.put("instructions", domain.instructions());
        for (Counter counter : Counter.values()) {
            counted.put(counter.label(), domain.counters().get(counter));
        }
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            counted.put(counter.label(), domain.processorCounts().get(counter));
        }
        counted.values().removeIf(value -> value == 0);
        return counted;
    }

    private static WorkTable read() throws IOException {
        WorkTable table = new WorkTable();
        if (!Files.exists(FILE)) {
            return table;
        }
        List<String> guests = List.of();
        for (String line : Files.readAllLines(FILE)) {
            if (line.isBlank() || line.startsWith(COMMENT)) {
                continue;
            }
            List<String> words = List.of(line.strip().split(" +", -1));
            if (words.getFirst().equals(CORNER)) {
                guests = words.subList(1, words.size());
                guests.forEach(guest -> table.columns.put(guest, new LinkedHashMap<>()));
            } else {
                for (int column = 0; column < guests.size(); column++) {
                    long value = Long.parseLong(words.get(column + 1));
                    if (value != 0) {
                        table.columns.get(guests.get(column)).put(words.getFirst(), value);
                    }
                }
            }
        }
        return table;
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        text.append(
                "# What fixed guests are of work, exactly. Held by WorkTest and DebianBootTest; written anew, on purpose, by\n");
        text.append("#   ").append(REGENERATE).append('\n');
        row(text, CORNER, columns.keySet());
        Set<String> counters = new LinkedHashSet<>();
        counters.add("instructions");
        for (Counter counter : Counter.values()) {
            counters.add(counter.label());
        }
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            counters.add(counter.label());
        }
        for (String counter : counters) {
            List<String> values = columns.values().stream()
                    .map(column -> Long.toString(column.getOrDefault(counter, 0L)))
                    .toList();
            if (!values.stream().allMatch("0"::equals)) {
                row(text, counter, values);
            }
        }
        return text.toString();
    }

    private void row(StringBuilder text, String head, Iterable<String> cells) {
        text.append(String.format(Locale.ROOT, "%-22s", head));
        var guests = columns.keySet().iterator();
        for (String cell : cells) {
            int width = Math.max(14, guests.next().length() + 2);
            text.append(String.format(Locale.ROOT, "%" + width + "s", cell));
        }
        text.append('\n');
    }
}
