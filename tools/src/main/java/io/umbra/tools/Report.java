package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DirtySeries;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig;
import io.umbra.vmm.GuestEnd;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the shadows did in a run, as text for people or JSON with stable keys for scripts. */
final class Report {
    enum Format {
        TEXT,
        JSON,
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

    private final Domain domain;
    private final DomainConfig config;
    private final GuestEnd end;
    private final int status;
    private final double seconds;
    private final @Nullable DirtyLogReport dirty;

    /** @param dirty what log-dirty measured, where it was asked for */
    Report(Domain domain, DomainConfig config, GuestEnd end, int status, double seconds, @Nullable DirtySeries dirty) {
        this.domain = domain;
        this.config = config;
        this.end = end;
        this.status = status;
        this.seconds = seconds;
        this.dirty = dirty == null ? null : new DirtyLogReport(dirty, config.memoryBytes());
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append("umbra: ").append(end.message()).append('\n');
        text.append("paging %s%s\n".formatted(paging(), policy()));
        text.append(String.format(
                Locale.ROOT,
                "%15d  %-20s retired in %.1f s, %.1f MIPS\n",
                domain.instructions(),
                "instructions",
                seconds,
                domain.instructions() / Math.max(seconds, 1e-9) / 1e6));
        for (Counter counter : Counter.values()) {
            long value = domain.counters().get(counter);
            if (value != 0 || ALWAYS_SHOWN.contains(counter)) {
                text.append("%15d  %-20s %s\n".formatted(value, counter.label(), counter.description()));
            }
        }
        if (config.verify()) {
            text.append("%15d  %-20s %s\n"
                    .formatted(domain.verified(), "verified", "faults held against the definition, all equal"));
        }
        if (dirty != null) {
            text.append(dirty.text());
        }
        return text.toString();
    }

    private String policy() {
        if (config.paging() != DomainConfig.PagingKind.SHADOW) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        for (PolicyOption option : PolicyOption.values()) {
            text.append(", ").append(option.label()).append('=').append(option.valueIn(config.policy()));
        }
        return text.toString();
    }

    private String paging() {
        return config.paging().name().toLowerCase(Locale.ROOT);
    }

    String json() {
        StringBuilder json = new StringBuilder("{\n");
        json.append("  \"end\": ").append(quoted(end.message())).append(",\n");
        json.append("  \"status\": ").append(status).append(",\n");
        json.append("  \"paging\": ").append(quoted(paging())).append(",\n");
        json.append("  \"options\": {");
        String separator = "";
        for (PolicyOption option : PolicyOption.values()) {
            json.append(separator).append(quoted(option.label())).append(": ");
            json.append(quoted(option.valueIn(config.policy())));
            separator = ", ";
        }
        json.append("},\n  \"memory_bytes\": ").append(config.memoryBytes());
        json.append(",\n  \"instructions\": ").append(domain.instructions());
        json.append(",\n  \"verified\": ").append(domain.verified());
        json.append(",\n  \"seconds\": ").append(String.format(Locale.ROOT, "%.3f", seconds));
        json.append(",\n  \"counters\": {\n");
        separator = "";
        for (Counter counter : Counter.values()) {
            json.append(separator)
                    .append("    ")
                    .append(quoted(counter.label()))
                    .append(": ");
            json.append(domain.counters().get(counter));
            separator = ",\n";
        }
        json.append("\n  }");
        if (dirty != null) {
            json.append(",\n  \"dirty_log\": ").append(dirty.json());
        }
        return json.append("\n}\n").toString();
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append("\\u%04x".formatted((int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
