package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.device.Timer;
import io.umbra.vmm.device.VirtualClock;
import org.jspecify.annotations.Nullable;

/** The timers of a vCPU, in system time: both raise the virtual timer interrupt. Xen: {@code VCPUOP_set_singleshot_timer}, {@code VCPUOP_set_periodic_timer}. */
public final class VcpuTimers {
    /** Nanoseconds. A shorter period is refused. */
    private static final long SHORTEST_PERIOD = 1_000_000;

    /** Moments behind this one, 146 years from the start, do not come: time stays far from where its numbers end. */
    private static final long HORIZON = 1L << 62;

    private final VirtualClock clock;
    private final Runnable expired;
    private @Nullable Timer single;
    private @Nullable Timer periodic;

    public VcpuTimers(VirtualClock clock, Runnable expired) {
        this.clock = clock;
        this.expired = expired;
    }

    /** Fires at {@code at}, at once if that is past. Replaces the one that was set. */
    public void setSingle(long at) {
        stopSingle();
        single = scheduleAt(clock, at, expired);
    }

    /** @return null when that moment does not come */
    public static @Nullable Timer scheduleAt(VirtualClock clock, long at, Runnable action) {
        return at > HORIZON ? null : clock.schedule(Math.max(0, at), action);
    }

    public void stopSingle() {
        if (single != null) {
            single.cancel();
            single = null;
        }
    }

    public long setPeriodic(long period) {
        if (period < SHORTEST_PERIOD) {
            return Errno.EINVAL;
        }
        stopPeriodic();
        schedulePeriodic(clock.now(), period);
        return 0;
    }

    private void schedulePeriodic(long from, long period) {
        long next = from + Math.min(period, HORIZON);
        periodic = scheduleAt(clock, next, () -> {
            expired.run();
            schedulePeriodic(next, period);
        });
    }

    public void stopPeriodic() {
        if (periodic != null) {
            periodic.cancel();
            periodic = null;
        }
    }
}
