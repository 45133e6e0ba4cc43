package io.umbra.bench.guest;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What one run took, in seconds.
 *
 * @param cpu of all threads of the process
 */
record Measured(double wall, double cpu) {
    /** The middle one, or the lower of the two in the middle. */
    static double median(List<Measured> runs, ToDoubleFunction<Measured> of) {
        double[] sorted = runs.stream().mapToDouble(of).sorted().toArray();
        return sorted[(sorted.length - 1) / 2];
    }
}
