package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.shadow.Counters;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.ProcessorCounter;
import io.umbra.vmm.ProcessorCounts;
import io.umbra.vmm.pv.PvConfig;
import io.umbra.vmm.pv.PvDomain;
import java.io.IOException;
import java.io.Reader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

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
 * @param hypercalls what the guest asked for by Xen's interface, by name; those with commands by both
 * @param pv what else was counted for a PV guest; null for an HVM guest
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
        Map<String, Long> hypercalls,
        @Nullable PvResult pv) {

    private static final String GUEST = "guest";
    private static final String OPTION = "option.";
    private static final String COUNTER = "counter.";
    private static final String PROCESSOR = "processor.";
    private static final String COMMAND = "mmuext_op_";
    private static final String HYPERCALL = "hypercall.";

    RunResult {
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
        counters = Collections.unmodifiableMap(new LinkedHashMap<>(counters));
        processor = Collections.unmodifiableMap(new LinkedHashMap<>(processor));
        hypercalls = Collections.unmodifiableMap(new LinkedHashMap<>(hypercalls));
    }

    static RunResult of(Domain domain, DomainConfig config, GuestEnd end, int status, double seconds) {
        return new RunResult(
                end.message(),
                status,
                seconds,
                config.paging().name().toLowerCase(Locale.ROOT),
                config.memoryBytes(),
                domain.instructions(),
                domain.verified(),
                values(config.policy()),
                values(domain.counters()),
                values(domain.processorCounts()),
                domain.hypercalls(),
                null);
    }

    static RunResult of(PvDomain domain, PvConfig config, GuestEnd end, int status, double seconds, PvResult pv) {
        return new RunResult(
                end.message(),
                status,
                seconds,
                config.shadows() ? "shadow" : "direct",
                config.memoryBytes(),
                domain.instructions(),
                0,
                values(config.policy()),
                values(domain.counters()),
                values(domain.processorCounts()),
                domain.counts().hypercalls(),
                pv);
    }

    private static Map<String, String> values(ShadowPolicy policy) {
        Map<String, String> options = new LinkedHashMap<>();
        for (PolicyOption option : PolicyOption.values()) {
            options.put(option.label(), option.valueIn(policy));
        }
        return options;
    }

    private static Map<String, Long> values(Counters counted) {
        Map<String, Long> counters = new LinkedHashMap<>();
        for (Counter counter : Counter.values()) {
            counters.put(counter.label(), counted.get(counter));
        }
        return counters;
    }

    private static Map<String, Long> values(ProcessorCounts counted) {
        Map<String, Long> processor = new LinkedHashMap<>();
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            processor.put(counter.label(), counted.get(counter));
        }
        return processor;
    }

    private String guest() {
        return pv == null ? "hvm" : "pv";
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

    /** Those of them that virtualising memory asks for; a PV guest's hypercalls of pagetables among them. */
    long memoryExits() {
        return get(Counter.PAGE_FAULT)
                + get(ProcessorCounter.EXIT_CONTROL_REGISTER)
                + get(ProcessorCounter.EXIT_INVALIDATE)
                + (pv == null ? 0 : pv.get(PvTotal.PAGETABLE_EXITS));
    }

    /** Adds the fields to the innermost object. */
    void writeTo(Json json) {
        json.field("end", end)
                .field("status", status)
                .field(GUEST, guest())
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
        if (pv != null) {
            pv.writeTo(json);
        }
    }

    /** A {@code KEY=VALUE} a line, as {@link Properties} reads them. */
    String properties() {
        StringBuilder text = new StringBuilder();
        line(text, "end", end);
        line(text, "status", status);
        line(text, "seconds", seconds);
        line(text, GUEST, guest());
        line(text, "paging", paging);
        line(text, "memory_bytes", memoryBytes);
        line(text, "instructions", instructions);
        line(text, "verified", verified);
        options.forEach((name, value) -> line(text, OPTION + name, value));
        counters.forEach((name, value) -> line(text, COUNTER + name, value));
        processor.forEach((name, value) -> line(text, PROCESSOR + name, value));
        hypercalls.forEach((name, value) -> line(text, HYPERCALL + name.replace(' ', '_'), value));
        return pv == null ? text.toString() : text + pv.properties();
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
                    hypercalls(lines),
                    text(lines, GUEST).equals("pv") ? PvResult.parse(lines) : null);
        } catch (IllegalArgumentException e) {
            throw new IOException("this is no report of a run: " + e.getMessage(), e);
        }
    }

    private static Map<String, Long> hypercalls(Properties lines) {
        Map<String, Long> named = new TreeMap<>();
        for (String key : lines.stringPropertyNames()) {
            if (key.startsWith(HYPERCALL)) {
                named.put(spaced(key.substring(HYPERCALL.length())), number(lines, key));
            }
        }
        return named;
    }

    /** The one hypercall whose commands are counted by themselves. */
    private static String spaced(String key) {
        return key.startsWith(COMMAND)
                ? "mmuext_op " + key.substring(COMMAND.length()).replace('_', ' ')
                : key;
    }

    static String text(Properties lines, String key) {
        String value = lines.getProperty(key);
        if (value == null) {
            throw new IllegalArgumentException(key + " is missing");
        }
        return value;
    }

    static long number(Properties lines, String key) {
        return Long.parseLong(text(lines, key));
    }
}
