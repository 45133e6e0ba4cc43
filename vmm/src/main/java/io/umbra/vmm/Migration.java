package io.umbra.vmm;

import java.util.List;

/**
 * One live migration that was made.
 *
 * @param start when it began, in nanoseconds of the guest's time
 * @param stopped when the guest was stopped; no time passed for it until it went on
 * @param rounds frames sent in each round while the guest ran, all of memory first
 * @param downtime frames sent while the guest was stopped
 * @param bytes of frames, as they are in the stream: one that is zero takes eight
 */
public record Migration(long start, long stopped, List<Long> rounds, long downtime, long bytes) {
    public Migration {
        rounds = List.copyOf(rounds);
    }

    /** Frames that were sent, each as often as it was. */
    public long frames() {
        return downtime + rounds.stream().mapToLong(Long::longValue).sum();
    }
}
