package io.umbra.tools;

import io.umbra.vmm.pv.ForcedShadows;
import io.umbra.vmm.pv.PvCounts;
import io.umbra.vmm.pv.PvDomain;
import io.umbra.vmm.pv.ShadowSwitch;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What was counted in a run of a PV guest beside what is counted in any.
 *
 * @param totals by the label of each {@link PvTotal}
 * @param traps exceptions that went to the guest's handlers, by name
 * @param privileged instructions that were emulated, by name
 * @param forced why the guest was given shadows for good, or empty
 */
record PvResult(Map<String, Long> totals, Map<String, Long> traps, Map<String, Long> privileged, String forced) {

    private static final String TRAP = "trap.";
    private static final String PRIVILEGED = "privileged.";
    private static final String FORCED = "shadows_forced";

    PvResult {
        totals = Collections.unmodifiableMap(new LinkedHashMap<>(totals));
        traps = Collections.unmodifiableMap(new LinkedHashMap<>(traps));
        privileged = Collections.unmodifiableMap(new LinkedHashMap<>(privileged));
    }

    static PvResult of(PvDomain domain, @Nullable ShadowSwitch turned) {
        PvCounts counts = domain.counts();
        Map<String, Long> totals = new LinkedHashMap<>();
        for (PvTotal total : PvTotal.values()) {
            totals.put(total.label(), value(total, domain, turned));
        }
        ForcedShadows forced = domain.forced();
        return new PvResult(totals, counts.traps(), counts.privileged(), forced == null ? "" : forced.text());
    }

    private static long value(PvTotal total, PvDomain domain, @Nullable ShadowSwitch turned) {
        PvCounts counts = domain.counts();
        return switch (total) {
            case PTWR -> counts.tableStores();
            case SYSTEM_CALLS -> counts.systemCalls();
            case UPCALLS -> counts.upcalls();
            case EVENTS -> counts.eventsRaised();
            case PAGETABLE_EXITS -> counts.exitsForMemory();
            case ENTRIES_AUDITED -> domain.audits().updates();
            case TABLES_VALIDATED -> domain.audits().validations();
            case AUDIT_FLUSHES -> domain.audits().flushes();
            case LOG_ROUNDS -> turned == null ? 0 : turned.rounds();
            case LOG_DIRTY -> turned == null ? 0 : turned.dirty();
            case LOG_CHANGED -> turned == null ? 0 : turned.changed();
        };
    }

    long get(PvTotal total) {
        return totals.getOrDefault(total.label(), 0L);
    }

    /** Adds the fields to the innermost object. */
    void writeTo(Json json) {
        totals.forEach(json::field);
        json.field(FORCED, forced).numbers("traps", traps).numbers("privileged", privileged);
    }

    /** A {@code KEY=VALUE} a line; in keys, underscores stand for spaces. */
    String properties() {
        StringBuilder text = new StringBuilder();
        totals.forEach((name, value) -> line(text, name, value));
        text.append(FORCED).append('=').append(OneLine.of(forced)).append('\n');
        traps.forEach((name, value) -> line(text, TRAP + name, value));
        privileged.forEach((name, value) -> line(text, PRIVILEGED + name, value));
        return text.toString();
    }

    private static void line(StringBuilder text, String key, long value) {
        text.append(key.replace(' ', '_')).append('=').append(value).append('\n');
    }

    /**
     * Reads what {@link #properties} wrote.
     *
     * @throws IllegalArgumentException when something is missing, or no number
     */
    static PvResult parse(Properties lines) {
        Map<String, Long> totals = new LinkedHashMap<>();
        for (PvTotal total : PvTotal.values()) {
            totals.put(total.label(), RunResult.number(lines, total.label()));
        }
        return new PvResult(totals, named(lines, TRAP), named(lines, PRIVILEGED), RunResult.text(lines, FORCED));
    }

    private static Map<String, Long> named(Properties lines, String prefix) {
        Map<String, Long> named = new LinkedHashMap<>();
        for (String key : new TreeSet<>(lines.stringPropertyNames())) {
            if (key.startsWith(prefix)) {
                named.put(key.substring(prefix.length()), RunResult.number(lines, key));
            }
        }
        return named;
    }
}
