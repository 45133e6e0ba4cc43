package io.umbra.vmm;

import io.umbra.shadow.DemandMemory;

/** Merges the frames of a domain that have the same bytes, at the end of each period of its time. */
final class PeriodicMerging {
    private final DemandMemory demand;
    private final long end;
    private final long period;
    private long next;

    /**
     * @param end first gfn behind the domain's RAM
     * @param period in nanoseconds
     */
    PeriodicMerging(DemandMemory demand, long end, long period) {
        this.demand = demand;
        this.end = end;
        this.period = period;
        this.next = period;
    }

    /** When it is due again. */
    long next() {
        return next;
    }

    void advanceTo(long now) {
        if (now >= next) {
            demand.mergeEqual(end);
            next = now - now % period + period;
        }
    }
}
