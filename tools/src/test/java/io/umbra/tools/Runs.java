package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.ProcessorCounter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Results of runs that never happened. */
final class Runs {
    private Runs() {}

    static RunResult result(
            int status, long instructions, Map<Counter, Long> counts, Map<ProcessorCounter, Long> more) {
        Map<String, String> options = new LinkedHashMap<>();
        for (var option : PolicyOption.values()) {
            options.put(option.label(), option.defaultValue());
        }
        Map<String, Long> counters = new LinkedHashMap<>();
        for (Counter counter : Counter.values()) {
            counters.put(counter.label(), counts.getOrDefault(counter, 0L));
        }
        Map<String, Long> processor = new LinkedHashMap<>();
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            processor.put(counter.label(), more.getOrDefault(counter, 0L));
        }
        return new RunResult(
                "ended with " + status,
                status,
                1.5,
                "shadow",
                1 << 28,
                instructions,
                0,
                options,
                counters,
                processor,
                Map.of(),
                null);
    }

    /** The same as a PV guest's. */
    static RunResult pv(RunResult result, Map<PvTotal, Long> counts, Map<String, Long> hypercalls) {
        Map<String, Long> totals = new LinkedHashMap<>();
        for (PvTotal total : PvTotal.values()) {
            totals.put(total.label(), counts.getOrDefault(total, 0L));
        }
        PvResult pv = new PvResult(totals, Map.of("#PF", 3L), Map.of("forced_cpuid", 2L), "");
        return new RunResult(
                result.end(),
                result.status(),
                result.seconds(),
                "direct",
                result.memoryBytes(),
                result.instructions(),
                result.verified(),
                result.options(),
                result.counters(),
                result.processor(),
                hypercalls,
                pv);
    }

    static RunResult result(int status, long instructions) {
        return result(status, instructions, Map.of(), Map.of());
    }

    static Ran ran(Path directory, Combination combination, RunResult result, byte[] console) throws IOException {
        Path file = Files.write(Files.createTempFile(directory, "console", ""), console);
        return new Ran(combination, result.status(), result, file, "");
    }

    static Combination combination(String option, String value) {
        return new Combination(Map.of(option, value));
    }
}
