package io.umbra.tools;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/** What memory virtualisation would have cost on hardware, estimated, in cycles. */
record Cost(Map<CostTerm, Line> lines) {

    /**
     * @param quantity how often
     * @param each cycles each time
     */
    record Line(long quantity, double each) {
        long cycles() {
            return Math.round(quantity * each);
        }
    }

    Cost {
        lines = Collections.unmodifiableMap(new EnumMap<>(lines));
    }

    long total() {
        return lines.values().stream().mapToLong(Line::cycles).sum();
    }

    long share(CostTerm.Share share) {
        return lines.entrySet().stream()
                .filter(line -> line.getKey().share() == share)
                .mapToLong(line -> line.getValue().cycles())
                .sum();
    }
}
