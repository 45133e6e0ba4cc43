package io.umbra.vmm;

import io.umbra.shadow.DirtyRound;
import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.LogDirty;
import org.jspecify.annotations.Nullable;

/** Takes and cleans the log-dirty bitmap at the end of each period of virtual time. */
final class DirtyMeter {
    private final LogDirty log;
    private final DirtySeries series;
    private final @Nullable DirtyVerifier verifier;
    private long start;

    DirtyMeter(LogDirty log, DirtySeries series, @Nullable DirtyVerifier verifier) {
        this.log = log;
        this.series = series;
        this.verifier = verifier;
    }

    DirtySeries series() {
        return series;
    }

    /** Logging begins, now at time 0. */
    void begin() {
        log.enable();
        log.watch((gfn, cause) -> {
            series.countMark(cause);
            if (verifier != null) {
                verifier.becameDirty(gfn, cause);
            }
        });
        if (verifier != null) {
            series.verified();
            verifier.begin();
        }
    }

    /** When the period ends that is running. */
    long nextEnd() {
        return start > Long.MAX_VALUE - series.length() ? Long.MAX_VALUE : start + series.length();
    }

    /** Ends each period that is over by now. Time passes in jumps only while the guest is halted, and then it writes nothing. */
    void advanceTo(long now) {
        if (now >= nextEnd()) {
            take();
            start = now - now % series.length();
        }
    }

    /** Ends the period that is running, and logging. */
    void end(long now) {
        series.endAt(now);
        advanceTo(now);
        if (now > start || log.dirtyCount() > 0) {
            take();
        }
        log.watch(null);
        log.off();
    }

    private void take() {
        switch (log.clean()) {
            case DirtyRound.Complete round -> {
                series.add(start, round.frames().count(), round.faults());
                if (verifier != null) {
                    verifier.verify(round.frames(), start);
                }
            }
            case DirtyRound.Failed failed -> throw new DomainCrash("no memory is left for the log-dirty bitmap");
        }
    }
}
