package io.umbra.vmm;

/**
 * When two machines in lock-step are compared, in retired instructions.
 *
 * @param from the first comparison; up to there they run without a stop
 * @param every registers, TLB, counters and the frames that the guest can store to at the moment
 * @param memoryEvery all memory and the devices: at the first comparison that is so far behind the last one of this kind, and at the end
 */
public record LockStepPlan(long from, long every, long memoryEvery) {
    /**
     * What costs little beside the twin, which takes the time of an interpreted run: a comparison of registers and TLB takes some 30 µs and one of a quarter GiB some 50 ms, where the twin needs
     * 3 ms for a hundred thousand instructions and 300 ms for ten million.
     */
    public static final LockStepPlan DEFAULT = new LockStepPlan(0, 100_000, 10_000_000);

    public LockStepPlan {
        if (from < 0 || every <= 0 || memoryEvery <= 0) {
            throw new IllegalArgumentException(
                    "a lock-step from %d, every %d and %d".formatted(from, every, memoryEvery));
        }
    }

    /** The instruction at which to compare next. */
    long after(long instructions) {
        if (instructions < from) {
            return from;
        }
        long behind = (instructions - from) % every;
        return instructions > Long.MAX_VALUE - every ? Long.MAX_VALUE : instructions - behind + every;
    }
}
