package io.umbra.tools;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of {@code umbra run} for one guest of a comparison.
 *
 * @param common to all runs, options first
 * @param append the kernel's command line, or null for none
 * @param appendPv that of a run as a PV guest, or null for the same
 */
record RunArguments(
        List<String> common,
        @Nullable String append,
        @Nullable String appendPv) {
    RunArguments {
        common = List.copyOf(common);
    }

    /** Of the run with these settings. A PV guest has no view of Umbra's counters that could be hidden. */
    List<String> of(Combination combination) {
        GuestKind kind = combination.kind();
        boolean isPv = kind != null && kind.isPv();
        List<String> arguments = new ArrayList<>();
        if (!isPv) {
            arguments.add("--no-hypercalls");
        }
        if (kind != null) {
            arguments.addAll(kind.arguments());
        }
        combination.settings().forEach((option, value) -> addTo(arguments, option, value));
        String line = isPv && appendPv != null ? appendPv : append;
        if (line != null) {
            arguments.add("--append=" + line);
        }
        arguments.addAll(common);
        return arguments;
    }

    private static void addTo(List<String> arguments, String option, String value) {
        switch (option) {
            case Variation.KIND -> {}
            case Variation.PAGING, Variation.MEMORY -> arguments.add("--" + option + "=" + value);
            default -> arguments.add("--set=" + option + "=" + value);
        }
    }
}
