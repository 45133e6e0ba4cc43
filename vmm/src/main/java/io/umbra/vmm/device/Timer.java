package io.umbra.vmm.device;

/** An event that a {@link VirtualClock} will run once, unless it is canceled before. */
public final class Timer {
    private final VirtualClock clock;
    private final long at;
    private final long sequence;
    private final Runnable action;

    Timer(VirtualClock clock, long at, long sequence, Runnable action) {
        this.clock = clock;
        this.at = at;
        this.sequence = sequence;
        this.action = action;
    }

    /** When the event is due, in nanoseconds of virtual time. */
    public long at() {
        return at;
    }

    /** Takes the event out of the queue. One that has run, or was canceled before, stays as it is. */
    public void cancel() {
        clock.cancel(this);
    }

    long sequence() {
        return sequence;
    }

    Runnable action() {
        return action;
    }
}
