package io.umbra.tools;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** One value for each varied option, in the order in which the options were given. */
record Combination(Map<String, String> settings) {

    Combination {
        settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    }

    /** Every combination; the last option varies fastest, so the first combination has the first value of each. */
    static List<Combination> all(List<Variation> variations) {
        List<Map<String, String>> found = List.of(Map.of());
        for (Variation variation : variations) {
            List<Map<String, String>> longer = new ArrayList<>();
            for (Map<String, String> settings : found) {
                for (String value : variation.values()) {
                    Map<String, String> more = new LinkedHashMap<>(settings);
                    more.put(variation.option(), value);
                    longer.add(more);
                }
            }
            found = longer;
        }
        return found.stream().map(Combination::new).toList();
    }

    /** As which kind of guest it runs, where that is varied. */
    @Nullable
    GuestKind kind() {
        return GuestKind.of(settings.getOrDefault(Variation.KIND, "")).orElse(null);
    }

    /** Whether guests in both see the same machine: only the size of memory, and whether it is a PV guest, make it another one. */
    boolean isSameMachineAs(Combination other) {
        String memory = settings.getOrDefault(Variation.MEMORY, "");
        return memory.equals(other.settings.getOrDefault(Variation.MEMORY, "")) && guest().equals(other.guest());
    }

    private String guest() {
        GuestKind kind = kind();
        return kind == null ? "" : kind.guest();
    }

    /** As on the command line: {@code coherence=strict-tlb populate=one-level}. */
    @Override
    public String toString() {
        return settings.entrySet().stream()
                .map(setting -> setting.getKey() + "=" + setting.getValue())
                .collect(Collectors.joining(" "));
    }
}
