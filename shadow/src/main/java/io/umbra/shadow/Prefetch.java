package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * Fills the leaves that follow the faulting one in the same shadow, as far as the guest's entries need nothing set in them. A prefetched leaf grants what a read would be granted: it sets neither A nor D, and never marks
 * a page dirty. Xen: {@code sh_prefetch}.
 *
 * <p>The distance adapts: it doubles when a fault comes just behind what was prefetched last, for then all of that was probably used, and halves otherwise.
 */
final class Prefetch {
    private static final int FIRST_DISTANCE = 4;

    private final ShadowTables tables;
    private final Counters counters;
    private final int limit;

    Prefetch(ShadowTables tables, Counters counters, int limit) {
        this.tables = tables;
        this.counters = counters;
        this.limit = limit;
    }

    /** What one vCPU's faults have shown. */
    static final class Stream {
        /** The linear page behind the last one prefetched. */
        private long end = -1;

        private int distance = FIRST_DISTANCE;
    }

    /** The leaf of {@code walk} in {@code table} has just been filled. */
    void follow(Stream stream, GuestWalk walk, ShadowPage table) {
        if (limit == 0) {
            return;
        }
        long page = walk.linear >>> 12;
        stream.distance = page == stream.end
                ? Math.min(2 * stream.distance, limit)
                : Math.max(1, Math.min(stream.distance / 2, limit));
        int first = table.liveType().index(walk.linear) + 1;
        int end = Math.min(first + stream.distance, table.liveType().format().entries());
        int index = first;
        while (index < end && fill(table, index)) {
            index++;
        }
        stream.end = page + 1 + index - first;
    }

    /** @return whether it is worth going on */
    private boolean fill(ShadowPage table, int index) {
        if (tables.entry(table, index) != 0) {
            return false;
        }
        tables.revalidation.revalidate(table, index);
        boolean filled = LongModeEntry.isPresent(tables.entry(table, index));
        if (filled) {
            counters.add(Counter.PREFETCH);
        }
        return filled;
    }
}
