package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.vmm.DirtySeries;
import io.umbra.vmm.Migration;
import io.umbra.vmm.ProcessorCounter;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the shadows did in a run, as text for people, JSON with stable keys or lines of KEY=VALUE for scripts. */
final class Report {
    enum Format {
        TEXT,
        JSON,
        PROPERTIES,
        NONE
    }

    /** Shown even when zero: that nothing of the kind happened is an answer too. */
    private static final Set<Counter> ALWAYS_SHOWN = EnumSet.of(
            Counter.PAGE_FAULT,
            Counter.GUEST_FAULT,
            Counter.EMULATE,
            Counter.CR3_RETAINED,
            Counter.DIRTY_BIT_FAULT,
            Counter.SPLINTER,
            Counter.ROOT_LINK_SHARED);

    private final RunResult result;
    private final boolean verify;
    private final long compared;
    private final @Nullable DirtyLogReport dirty;
    private final @Nullable MigrationReport migrations;

    /**
     * @param verify faults were held against the definition
     * @param compared how often the guest was compared with a twin on the interpreter
     * @param dirty what log-dirty measured, where it was asked for
     * @param migrations those that were made, where they were asked for
     */
    Report(
            RunResult result,
            boolean verify,
            long compared,
            @Nullable DirtySeries dirty,
            @Nullable List<Migration> migrations) {
        this.compared = compared;
        this.result = result;
        this.verify = verify;
        this.dirty = dirty == null ? null : new DirtyLogReport(dirty, result.memoryBytes());
        this.migrations = migrations == null ? null : new MigrationReport(migrations);
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append("umbra: ").append(result.end()).append('\n');
        text.append("paging %s%s\n".formatted(result.paging(), policy()));
        text.append(String.format(
                Locale.ROOT,
                "%15d  %-21s retired in %.1f s, %.1f MIPS\n",
                result.instructions(),
                "instructions",
                result.seconds(),
                result.instructions() / Math.max(result.seconds(), 1e-9) / 1e6));
        for (Counter counter : Counter.values()) {
            long value = result.get(counter);
            if (value != 0 || ALWAYS_SHOWN.contains(counter)) {
                text.append(line(value, counter.label(), counter.description()));
            }
        }
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            long value = result.get(counter);
            if (value != 0) {
                text.append(line(value, counter.label(), counter.description()));
            }
        }
        result.hypercalls().entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
                .forEach(call -> text.append(
                        line(call.getValue(), "hypercall " + call.getKey(), "").replaceAll(" +\n", "\n")));
        if (verify) {
            text.append(line(result.verified(), "verified", "faults held against the definition, all equal"));
        }
        if (compared > 0) {
            text.append(line(compared, "compared", "times with a twin on the interpreter, always equal"));
        }
        if (dirty != null) {
            text.append(dirty.text());
        }
        if (migrations != null) {
            text.append(migrations.text());
        }
        return text.toString();
    }

    private static String line(long value, String label, String description) {
        return String.format(Locale.ROOT, "%15d  %-21s %s\n", value, label, description);
    }

    private String policy() {
        if (!result.paging().equals("shadow")) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        result.options()
                .forEach((name, value) ->
                        text.append(", ").append(name).append('=').append(value));
        return text.toString();
    }

    String json() {
        Json json = new Json().object();
        result.writeTo(json);
        if (compared > 0) {
            json.field("compared", compared);
        }
        if (dirty != null) {
            dirty.writeTo(json);
        }
        if (migrations != null) {
            migrations.writeTo(json);
        }
        return json.close().finished();
    }

    String properties() {
        return result.properties();
    }
}
