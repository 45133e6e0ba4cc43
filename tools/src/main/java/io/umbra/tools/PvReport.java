package io.umbra.tools;

import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.pv.PvCounts;
import io.umbra.vmm.pv.PvDomain;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;

/**
 * What a PV guest asked for in a run, as text for people or JSON with stable keys.
 *
 * @param end in words
 * @param registers of the vCPU where the guest crashed, else empty
 */
record PvReport(String end, long instructions, double seconds, PvCounts counts, String registers) {

    static PvReport of(PvDomain domain, GuestEnd end, double seconds) {
        String registers = end instanceof GuestEnd.Crashed ? domain.registers() : "";
        return new PvReport(end.message(), domain.instructions(), seconds, domain.counts(), registers);
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append("umbra: ").append(end).append('\n');
        text.append(registers);
        text.append("paging direct, guest pv\n");
        text.append(String.format(
                Locale.ROOT,
                "%15d  %-28s retired in %.1f s, %.1f MIPS\n",
                instructions,
                "instructions",
                seconds,
                instructions / Math.max(seconds, 1e-9) / 1e6));
        line(text, counts.tableStores(), "ptwr", "direct stores to pagetables, trapped and audited");
        line(text, counts.systemCalls(), "syscall", "system calls handed to the guest's kernel");
        line(text, counts.upcalls(), "upcall", "entries of the event callback");
        line(text, counts.eventsRaised(), "event", "event channels that became pending");
        section(text, "hypercall", counts.hypercalls());
        section(text, "trap", counts.traps());
        section(text, "privileged", counts.privileged());
        return text.toString();
    }

    private static void line(StringBuilder text, long value, String label, String description) {
        text.append(String.format(Locale.ROOT, "%15d  %-28s %s\n", value, label, description));
    }

    /** The most frequent first. */
    private static void section(StringBuilder text, String kind, Map<String, Long> values) {
        values.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
                .forEach(entry -> line(text, entry.getValue(), kind + " " + entry.getKey(), ""));
    }

    /** A {@code KEY=VALUE} a line. */
    String properties() {
        StringBuilder text = new StringBuilder();
        text.append("end=").append(OneLine.of(end)).append("\nguest=pv\npaging=direct\n");
        property(text, "instructions", instructions);
        property(text, "ptwr", counts.tableStores());
        property(text, "system_calls", counts.systemCalls());
        property(text, "upcalls", counts.upcalls());
        property(text, "events", counts.eventsRaised());
        counts.hypercalls().forEach((name, value) -> property(text, "hypercall." + name, value));
        counts.traps().forEach((name, value) -> property(text, "trap." + name, value));
        counts.privileged().forEach((name, value) -> property(text, "privileged." + name, value));
        return text.toString();
    }

    private static void property(StringBuilder text, String key, long value) {
        text.append(key.replace(' ', '_')).append('=').append(value).append('\n');
    }

    String json() {
        return new Json()
                .object()
                .field("end", end)
                .field("guest", "pv")
                .field("paging", "direct")
                .field("instructions", instructions)
                .field("seconds", seconds, 3)
                .field("ptwr", counts.tableStores())
                .field("system_calls", counts.systemCalls())
                .field("upcalls", counts.upcalls())
                .field("events", counts.eventsRaised())
                .numbers("hypercalls", counts.hypercalls())
                .numbers("traps", counts.traps())
                .numbers("privileged", counts.privileged())
                .close()
                .finished();
    }
}
