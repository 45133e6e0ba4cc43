package io.umbra.processor;

import io.umbra.x86.HardwarePaging;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Which generation in the tags of the TLB belongs to which tables: so that whoever returns to tables that were loaded before finds what is still cached of them. A few are remembered;
 * the one that was loaded longest ago makes room. Generations count upwards from 1 and none is given twice until {@link #isExhausted}.
 */
final class RootTags {
    private static final int MOST = 16;
    private static final int GENERATIONS = 1 << 12;

    private final @Nullable HardwarePaging[] tables = new @Nullable HardwarePaging[MOST];
    private final int[] generations = new int[MOST];
    private final long[] loaded = new long[MOST];
    private long loads;
    private int last;

    /** No generation is left: all tags must be cleared, and then {@link #restart} called. */
    boolean isExhausted() {
        return last == GENERATIONS - 1;
    }

    void restart() {
        last = 0;
        forget();
    }

    /** All tables get new generations. */
    void forget() {
        Arrays.fill(tables, null);
        Arrays.fill(loaded, 0);
    }

    /** @return the generation of tables that are remembered, or 0 */
    int find(HardwarePaging paging) {
        for (int i = 0; i < MOST; i++) {
            if (paging.equals(tables[i])) {
                loaded[i] = ++loads;
                return generations[i];
            }
        }
        return 0;
    }

    /** @return a generation for tables that are not remembered */
    int add(HardwarePaging paging) {
        int oldest = 0;
        for (int i = 1; i < MOST; i++) {
            if (loaded[i] < loaded[oldest]) {
                oldest = i;
            }
        }
        tables[oldest] = paging;
        generations[oldest] = ++last;
        loaded[oldest] = ++loads;
        return last;
    }
}
