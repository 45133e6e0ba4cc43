package io.umbra.vmm;

import io.umbra.shadow.DemandMemory;

/**
 * When a domain's RAM gets machine frames. The guest cannot tell plans apart.
 *
 * @param onDemand at its first use, and not at the start
 * @param residentBytes RAM in frames at the same time, at most; the rest is paged out. {@link Long#MAX_VALUE}: no limit. Needs {@code onDemand}
 * @param mergeEvery nanoseconds after which frames with the same bytes are merged, again and again; 0 = never. Needs {@code onDemand}
 */
public record RamPlan(boolean onDemand, long residentBytes, long mergeEvery) {
    /** All of it at the start, for good. */
    public static final RamPlan AT_ONCE = new RamPlan(false, Long.MAX_VALUE, 0);

    /** The least that {@link #residentBytes} may be. */
    public static final long LEAST_RESIDENT = DemandMemory.LEAST_RESIDENT << 12;

    /** @throws IllegalArgumentException with one line for the user */
    public RamPlan {
        if (!onDemand && (residentBytes != Long.MAX_VALUE || mergeEvery != 0)) {
            throw new IllegalArgumentException("RAM that is there from the start is neither paged out nor merged");
        }
        if (residentBytes < LEAST_RESIDENT) {
            throw new IllegalArgumentException(
                    "at least " + (LEAST_RESIDENT >>> 20) + " MiB of RAM must be resident, for one instruction's sake");
        }
        if (mergeEvery < 0) {
            throw new IllegalArgumentException("the period of merging is negative");
        }
    }

    /** As in {@code on demand, 49152 KiB resident, merged every 100000000 ns}. */
    @Override
    public String toString() {
        String limit = residentBytes == Long.MAX_VALUE ? "" : ", " + (residentBytes >>> 10) + " KiB resident";
        String merging = mergeEvery == 0 ? "" : ", merged every " + mergeEvery + " ns";
        return onDemand ? "on demand" + limit + merging : "at once";
    }

    /** Frames in use at most. */
    long mostResident() {
        return residentBytes == Long.MAX_VALUE ? Long.MAX_VALUE : residentBytes >>> 12;
    }
}
