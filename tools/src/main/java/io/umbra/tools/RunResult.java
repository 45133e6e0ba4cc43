package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.ProcessorCounter;
import java.io.IOException;
import java.io.Reader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * How a run ended and all that was counted in it.
 *
 * @param end in words
 * @param status the {@link ExitStatus}
 * @param seconds by the host's clock
 * @param verified faults held against the definition
 * @param options every row of the policy table
 * @param counters the engine's, by label
 * @param processor the processor's, by label
 * @param hypercalls what the guest asked for by Xen's interface, by name
 */
record RunResult(
        String end,
        int status,
        double seconds,
        String paging,
        long memoryBytes,
        long instructions,
        long verified,
        Map<String, String> options,
        Map<String, Long> counters,
        Map<String, Long> processor,
        Map<String, Long> hypercalls) {

    private static final String OPTION = "option.";
    private static final String COUNTER = "counter.";
    private static final String PROCESSOR = "processor.";
    private static final String HYPERCALL = "hypercall.";

    RunResult {
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
        counters = Collections.unmodifiableMap(new LinkedHashMap<>(counters));
        processor = Collections.unmodifiableMap(new LinkedHashMap<>(processor));
        hypercalls = Collections.unmodifiableMap(new LinkedHashMap<>(hypercalls));
    }

    /** Of a guest that has not Xen's interface. */
    RunResult(
            String end,
            int status,
            double seconds,
            String paging,
            long memoryBytes,
            long instructions,
            long verified,
            Map<String, String> options,
            Map<String, Long> counters,
            Map<String, Long> processor) {
        this(end, status, seconds, paging, memoryBytes, instructions, verified, options, counters, processor, Map.of());
    }

    static RunResult of(Domain domain, DomainConfig config, GuestEnd end, int status, double seconds) {
        Map<String, String> options = new LinkedHashMap<>();
        for (PolicyOption option : PolicyOption.values()) {
            options.put(option.label(), option.valueIn(config.policy()));
        }
        Map<String, Long> counters = new LinkedHashMap<>();
        for (Counter counter : Counter.values()) {
            counters.put(counter.label(), domain.counters().get(counter));
        }
        Map<String, Long> processor = new LinkedHashMap<>();
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            processor.put(counter.label(), domain.processorCounts().get(counter));
        }
        return new RunResult(
                end.message(),
                status,
                seconds,
                config.paging().name().toLowerCase(Locale.ROOT),
                config.memoryBytes(),
                domain.instructions(),
                domain.verified(),
                options,
                counters,
                processor,
                domain.hypercalls());
    }

    long get(Counter counter) {
        return counters.getOrDefault(counter.label(), 0L);
    }

    long get(ProcessorCounter counter) {
        return processor.getOrDefault(counter.label(), 0L);
    }

    /** Transitions from the guest to the hypervisor and back that a processor with virtualisation would have made. */
    long exits() {
        long exits = get(Counter.PAGE_FAULT);
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            exits += counter.isExit() ? get(counter) : 0;
        }
        return exits;
    }

    /** Those of them that virtualising memory asks for. */
    long memoryExits() {
        return get(Counter.PAGE_FAULT)
                + get(ProcessorCounter.EXIT_CONTROL_REGISTER)
                + get(ProcessorCounter.EXIT_INVALIDATE);
    }

    /** Adds the fields to the innermost object. */
    void writeTo(Json json) {
        json.field("end", end)
                .field("status", status)
                .field("paging", paging)
                .texts("options", options)
                .field("memory_bytes", memoryBytes)
                .field("instructions", instructions)
                .field("verified", verified)
                .field("seconds", seconds, 3)
                .numbers("counters", counters)
                .numbers("processor", processor);
        if (!hypercalls.isEmpty()) {
            json.numbers("hypercalls", hypercalls);
        }
    }

    /** A {@code KEY=VALUE} a line, as {@link Properties} reads them. */
    String properties() {
        StringBuilder text = new StringBuilder();
        line(text, "end", end);
        line(text, "status", status);
        line(text, "seconds", seconds);
        line(text, "paging", paging);
        line(text, "memory_bytes", memoryBytes);
        line(text, "instructions", instructions);
        line(text, "verified", verified);
        options.forEach((name, value) -> line(text, OPTION + name, value));
        counters.forEach((name, value) -> line(text, COUNTER + name, value));
        processor.forEach((name, value) -> line(text, PROCESSOR + name, value));
        hypercalls.forEach((name, value) -> line(text, HYPERCALL + name, value));
        return text.toString();
    }

    private static void line(StringBuilder text, String key, Object value) {
        String escaped = OneLine.of(value.toString()).replace("\\", "\\\\");
        text.append(key).append('=').append(escaped).append('\n');
    }

    /**
     * Reads what {@link #properties} wrote. Maps are in the order of their enums; what is unknown is left out.
     *
     * @throws IOException also when the text is none of these
     */
    static RunResult parse(Reader reader) throws IOException {
        Properties lines = new Properties();
        try {
            lines.load(reader);
            Map<String, String> options = new LinkedHashMap<>();
            for (PolicyOption option : PolicyOption.values()) {
                options.put(option.label(), text(lines, OPTION + option.label()));
            }
            Map<String, Long> counters = new LinkedHashMap<>();
            for (Counter counter : Counter.values()) {
                counters.put(counter.label(), number(lines, COUNTER + counter.label()));
            }
            Map<String, Long> processor = new LinkedHashMap<>();
            for (ProcessorCounter counter : ProcessorCounter.values()) {
                processor.put(counter.label(), number(lines, PROCESSOR + counter.label()));
            }
            Map<String, Long> hypercalls = new TreeMap<>();
            for (String key : lines.stringPropertyNames()) {
                if (key.startsWith(HYPERCALL)) {
                    hypercalls.put(key.substring(HYPERCALL.length()), number(lines, key));
                }
            }
            return new RunResult(
                    text(lines, "end"),
                    (int) number(lines, "status"),
                    Double.parseDouble(text(lines, "seconds")),
                    text(lines, "paging"),
                    number(lines, "memory_bytes"),
                    number(lines, "instructions"),
                    number(lines, "verified"),
                    options,
                    counters,
                    processor,
                    hypercalls);
        } catch (IllegalArgumentException e) {
            throw new IOException("this is no report of a run: " + e.getMessage(), e);
        }
    }

    private static String text(Properties lines, String key) {
        String value = lines.getProperty(key);
        if (value == null) {
            throw new IllegalArgumentException(key + " is missing");
        }
        return value;
    }

    private static long number(Properties lines, String key) {
        return Long.parseLong(text(lines, key));
    }
}
