package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.tools.Comparison.Row;
import io.umbra.vmm.ProcessorCounter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What the same kernel cost as each kind of guest: a column for each run, a line for each thing counted. A dash is where there is no such thing, or no result. */
final class SideBySide {
    private static final String NONE = "-";

    private final List<Row> runs;
    private final CostModel model;

    SideBySide(Comparison comparison, CostModel model) {
        this.runs = comparison.rows();
        this.model = model;
    }

    String text() {
        TextTable table = new TextTable().column("", TextTable.Align.LEFT);
        runs.forEach(run -> table.column(heading(run.run().combination()), TextTable.Align.RIGHT));
        line(table, "instructions retired", RunResult::instructions);
        table.row(cells("bytes of console", run -> grouped(run.consoleBytes())));
        exits(table);
        hypercalls(table);
        hypervisor(table);
        processor(table);
        cost(table);
        return table.text();
    }

    private static String heading(Combination combination) {
        return String.join(" ", combination.settings().values());
    }

    // ---- sections
    // ----------------------------------------------------------------------------------------------------

    private void exits(TextTable table) {
        title(table, "The guest is left for the hypervisor");
        line(table, "  in all", RunResult::exits);
        line(table, "  for memory", RunResult::memoryExits);
        line(table, "  page faults", run -> run.get(Counter.PAGE_FAULT));
        line(table, "    the guest's own, handed to it", run -> run.get(Counter.GUEST_FAULT));
        line(table, "    shadows filled", run -> run.get(Counter.FIXUP));
        line(table, "    stores to pagetables, trapped", run -> run.get(Counter.EMULATE));
        line(table, "  control registers written", run -> run.get(ProcessorCounter.EXIT_CONTROL_REGISTER));
        line(table, "  INVLPG", run -> run.get(ProcessorCounter.EXIT_INVALIDATE));
        pvLine(table, "  hypercalls of pagetables", pv -> pv.get(PvTotal.PAGETABLE_EXITS));
        line(table, "  hypercalls and system calls", run -> run.get(ProcessorCounter.EXIT_HYPERCALL));
        pvLine(table, "    system calls of user mode", pv -> pv.get(PvTotal.SYSTEM_CALLS));
        line(table, "  exceptions that are no page faults", run -> run.get(ProcessorCounter.EXIT_EXCEPTION));
        line(table, "  ports, CPUID, MSRs, HLT, interrupts", SideBySide::otherExits);
    }

    private static long otherExits(RunResult run) {
        return run.exits()
                - run.get(Counter.PAGE_FAULT)
                - run.get(ProcessorCounter.EXIT_CONTROL_REGISTER)
                - run.get(ProcessorCounter.EXIT_INVALIDATE)
                - run.get(ProcessorCounter.EXIT_HYPERCALL)
                - run.get(ProcessorCounter.EXIT_EXCEPTION);
    }

    /** By name, the most frequent first; those with commands are a line for each command too. */
    private void hypercalls(TextTable table) {
        Map<String, Long> sums = new TreeMap<>();
        for (Row run : runs) {
            RunResult result = run.run().result();
            if (result != null) {
                result.hypercalls().forEach((name, count) -> sums.merge(name, count, Long::sum));
            }
        }
        if (sums.isEmpty()) {
            return;
        }
        title(table, "Hypercalls by name, those inside multicalls too");
        sums.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
                .forEach(sum -> table.row(
                        cells("  " + sum.getKey(), run -> hypercalls(run.run().result(), sum.getKey()))));
    }

    /** A dash for a guest that has not Xen's interface, or made no use of it. */
    private static String hypercalls(@Nullable RunResult result, String name) {
        return result == null || result.hypercalls().isEmpty()
                ? NONE
                : grouped(result.hypercalls().getOrDefault(name, 0L));
    }

    private void hypervisor(TextTable table) {
        title(table, "Work of the hypervisor");
        line(table, "  walks of the guest's tables", run -> run.get(Counter.GUEST_WALK));
        line(table, "  P2M look-ups", run -> run.get(Counter.P2M_LOOKUP));
        line(table, "  entries revalidated after a write", run -> run.get(Counter.VALIDATE));
        line(table, "  shadow pages made", run -> run.get(Counter.SHADOW_ALLOC));
        line(table, "  shadow pages at peak", run -> run.get(Counter.SHADOW_PAGES_PEAK));
        line(table, "  flushes that could not wait", run -> run.get(Counter.FLUSH));
        pvLine(table, "  flushes that the audit asked for", pv -> pv.get(PvTotal.AUDIT_FLUSHES));
        pvLine(table, "  entries audited one by one", pv -> pv.get(PvTotal.ENTRIES_AUDITED));
        pvLine(table, "  tables validated", pv -> pv.get(PvTotal.TABLES_VALIDATED));
    }

    private void processor(TextTable table) {
        title(table, "The processor");
        line(table, "  TLB misses", run -> run.get(ProcessorCounter.TLB_MISS));
        line(table, "  entries read in page walks", run -> run.get(ProcessorCounter.WALK_REFERENCE));
        line(table, "  times the TLB was emptied", run -> run.get(ProcessorCounter.TLB_FLUSH));
    }

    private void cost(TextTable table) {
        title(table, "Estimated cost on hardware, cycles");
        share(table, "  page walks", CostTerm.Share.WALKS);
        share(table, "  exits for memory", CostTerm.Share.EXITS);
        share(table, "  other exits", CostTerm.Share.OTHER_EXITS);
        share(table, "  emulation", CostTerm.Share.EMULATION);
        share(table, "  shadows", CostTerm.Share.SHADOWS);
        share(table, "  audits", CostTerm.Share.AUDITS);
        line(table, "  total", run -> model.of(run).total());
        line(table, "  total, with all exits as dear as those for memory", model::totalWithAllExits);
    }

    private void share(TextTable table, String name, CostTerm.Share share) {
        line(table, name, run -> model.of(run).share(share));
    }

    // ---- lines
    // -------------------------------------------------------------------------------------------------------

    private void title(TextTable table, String text) {
        table.row(cells("", run -> ""));
        table.row(cells(text, run -> ""));
    }

    private void line(TextTable table, String name, Function<RunResult, Long> value) {
        table.row(cells(name, run -> cell(run.run().result(), value)));
    }

    private void pvLine(TextTable table, String name, Function<PvResult, Long> value) {
        table.row(cells(name, run -> {
            RunResult result = run.run().result();
            PvResult pv = result == null ? null : result.pv();
            return pv == null ? NONE : grouped(value.apply(pv));
        }));
    }

    private static String cell(@Nullable RunResult result, Function<RunResult, Long> value) {
        return result == null ? NONE : grouped(value.apply(result));
    }

    private List<String> cells(String name, Function<Row, String> value) {
        List<String> cells = new ArrayList<>(List.of(name));
        runs.forEach(run -> cells.add(value.apply(run)));
        return cells;
    }

    private static String grouped(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }
}
