package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time in nanoseconds since the machine was switched on, and the queue of future events in it.
 *
 * <p>Deterministic: events run in order of their time, and those of one time in order of scheduling. While an event runs,
 * {@link #now()} is the event's own time.
 */
public final class VirtualClock implements Persistent {
    /** What {@link #nextEvent()} gives when nothing is scheduled. */
    public static final long NEVER = Long.MAX_VALUE;

    private final PriorityQueue<Timer> queue =
            new PriorityQueue<>(Comparator.comparingLong(Timer::at).thenComparingLong(Timer::sequence));
    private long now;
    private long scheduled;

    /** Time 0, with nothing scheduled. */
    public VirtualClock() {}

    /** The present moment. */
    public long now() {
        return now;
    }

    /**
     * Moves time forward to {@code nanoseconds} and runs every event that is due by then, those included that the events
     * themselves schedule.
     *
     * @throws IllegalArgumentException if that moment is past: time does not run backwards
     */
    public void advanceTo(long nanoseconds) {
        if (nanoseconds < now) {
            throw new IllegalArgumentException("time %d lies before now, %d".formatted(nanoseconds, now));
        }
        for (Timer due = queue.peek(); due != null && due.at() <= nanoseconds; due = queue.peek()) {
            queue.remove();
            now = Math.max(now, due.at());
            due.action().run();
        }
        now = nanoseconds;
    }

    /** Has {@code action} run when time reaches {@code at}; a moment already past is due at the next advance. */
    public Timer schedule(long at, Runnable action) {
        Timer timer = new Timer(this, at, scheduled++, action);
        queue.add(timer);
        return timer;
    }

    /** The time of the earliest event that is scheduled, or {@link #NEVER}. */
    public long nextEvent() {
        Timer next = queue.peek();
        return next == null ? NEVER : next.at();
    }

    void cancel(Timer timer) {
        queue.remove(timer);
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "clock";
    }

    /** Timers are written by those who have them. */
    @Override
    public void save(StateWriter out) {
        out.quad(now);
        out.quad(scheduled);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        queue.clear();
        now = in.moment();
        scheduled = in.moment();
    }

    /** Writes one timer, or that there is none, with its place among those of the same moment. */
    public static void save(StateWriter out, @Nullable Timer timer) {
        out.flag(timer != null);
        if (timer != null) {
            out.quad(timer.at());
            out.quad(timer.sequence());
        }
    }

    /** Schedules again what {@link #save(StateWriter, Timer)} wrote. */
    public @Nullable Timer restore(StateReader in, Runnable action) throws StateException {
        if (!in.flag()) {
            return null;
        }
        Timer timer = new Timer(this, in.quad(), in.between(0, scheduled - 1), action);
        queue.add(timer);
        return timer;
    }
}
