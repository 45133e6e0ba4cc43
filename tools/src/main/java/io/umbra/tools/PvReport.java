package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.vmm.ProcessorCounter;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;

/**
 * What a PV guest asked for in a run and what it cost, as text for people, JSON with stable keys or lines of KEY=VALUE for scripts.
 *
 * @param result of a PV guest
 * @param registers of the vCPU where the guest crashed, else empty
 */
record PvReport(RunResult result, PvResult pv, String registers) {
    String text() {
        StringBuilder text = new StringBuilder();
        text.append("umbra: ").append(result.end()).append('\n');
        text.append(registers);
        text.append("paging ").append(result.paging()).append(", guest pv\n");
        if (!pv.forced().isEmpty()) {
            text.append("shadows for good: ").append(pv.forced()).append('\n');
        }
        text.append(String.format(
                Locale.ROOT,
                "%15d  %-28s retired in %.1f s, %.1f MIPS\n",
                result.instructions(),
                "instructions",
                result.seconds(),
                result.instructions() / Math.max(result.seconds(), 1e-9) / 1e6));
        for (PvTotal total : PvTotal.values()) {
            if (!total.isRare() || pv.get(total) != 0) {
                line(text, pv.get(total), total.label(), total.description());
            }
        }
        section(text, "hypercall", result.hypercalls());
        section(text, "trap", pv.traps());
        section(text, "privileged", pv.privileged());
        for (Counter counter : Counter.values()) {
            lineIfAny(text, result.get(counter), counter.label(), counter.description());
        }
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            lineIfAny(text, result.get(counter), counter.label(), counter.description());
        }
        return text.toString();
    }

    private static void lineIfAny(StringBuilder text, long value, String label, String description) {
        if (value != 0) {
            line(text, value, label, description);
        }
    }

    private static void line(StringBuilder text, long value, String label, String description) {
        text.append(String.format(Locale.ROOT, "%15d  %-28s %s", value, label, description)
                        .stripTrailing())
                .append('\n');
    }

    /** The most frequent first. */
    private static void section(StringBuilder text, String kind, Map<String, Long> values) {
        values.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
                .forEach(entry -> line(text, entry.getValue(), kind + " " + entry.getKey(), ""));
    }

    String properties() {
        return result.properties();
    }

    String json() {
        Json json = new Json().object();
        result.writeTo(json);
        return json.close().finished();
    }
}
