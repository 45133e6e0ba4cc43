package io.umbra.tools;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The constants by which counts become cycles.
 *
 * @param cycles a finite number, 0 or more, for each term
 */
record CostModel(Map<CostTerm, Double> cycles) {
    private static final double MOST = 1e9;

    CostModel {
        cycles = Collections.unmodifiableMap(new EnumMap<>(cycles));
    }

    /**
     * The defaults but for {@code constants}, by label.
     *
     * @throws IllegalArgumentException with one line for the user, naming the constant or the choices
     */
    static CostModel with(Map<String, String> constants) {
        Map<CostTerm, Double> cycles = new EnumMap<>(CostTerm.class);
        for (CostTerm term : CostTerm.values()) {
            cycles.put(term, term.defaultCycles());
        }
        constants.forEach((label, value) -> cycles.put(term(label), number(label, value)));
        return new CostModel(cycles);
    }

    private static CostTerm term(String label) {
        return CostTerm.of(label)
                .orElseThrow(() -> new IllegalArgumentException("--cost cannot be for '" + label + "': it takes one of "
                        + Arrays.stream(CostTerm.values()).map(CostTerm::label).collect(Collectors.joining(", "))));
    }

    private static double number(String label, String value) {
        try {
            double number = Double.parseDouble(value);
            if (number >= 0 && number <= MOST) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw refused(label, value);
        }
        throw refused(label, value);
    }

    private static IllegalArgumentException refused(String label, String value) {
        return new IllegalArgumentException(
                "--cost " + label + " cannot be '" + value + "': it takes a number of cycles from 0 to 1000000000");
    }

    Cost of(RunResult run) {
        Map<CostTerm, Cost.Line> lines = new EnumMap<>(CostTerm.class);
        cycles.forEach((term, each) -> lines.put(term, new Cost.Line(term.quantity(run), each)));
        return new Cost(lines);
    }

    /** The total as if every exit cost what one for memory costs. */
    long totalWithAllExits(RunResult run) {
        CostTerm price = run.pv() == null ? CostTerm.EXIT : CostTerm.PV_EXIT;
        Cost cost = of(run);
        long others = CostTerm.OTHER_EXIT.quantity(run);
        return cost.total()
                - cost.share(CostTerm.Share.OTHER_EXITS)
                + new Cost.Line(others, cycles.getOrDefault(price, 0.0)).cycles();
    }
}
