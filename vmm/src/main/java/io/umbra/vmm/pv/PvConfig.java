package io.umbra.vmm.pv;

import io.umbra.processor.Translation;
import io.umbra.shadow.ShadowPolicy;
import java.time.Instant;

/**
 * What a PV domain is made of.
 *
 * @param memoryBytes RAM, a multiple of 4 KiB
 * @param seed of everything that is scattered
 * @param wallTime time follows the host's clock instead of the count of instructions
 * @param startDate of the guest's wall clock, so that a run is repeatable
 * @param shadows hardware walks shadows from the start, and not the guest's own tables
 * @param policy of shadows
 * @param translation whether and how code is translated
 */
public record PvConfig(
        long memoryBytes,
        long seed,
        boolean wallTime,
        Instant startDate,
        boolean shadows,
        ShadowPolicy policy,
        Translation translation) {
    /** With the {@linkplain Translation#fastest fastest} processor. */
    public PvConfig(
            long memoryBytes, long seed, boolean wallTime, Instant startDate, boolean shadows, ShadowPolicy policy) {
        this(memoryBytes, seed, wallTime, startDate, shadows, policy, Translation.fastest());
    }

    /** On its own tables. */
    public PvConfig(long memoryBytes, long seed, boolean wallTime, Instant startDate) {
        this(memoryBytes, seed, wallTime, startDate, false, ShadowPolicy.DEFAULT);
    }

    public PvConfig with(Translation how) {
        return new PvConfig(memoryBytes, seed, wallTime, startDate, shadows, policy, how);
    }

    /** Virtual time from the year 2000 on. */
    public static PvConfig of(long memoryBytes) {
        return new PvConfig(memoryBytes, 1, false, Instant.parse("2000-01-01T00:00:00Z"));
    }
}
