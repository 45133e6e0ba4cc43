package io.umbra.vmm.pv;

import io.umbra.vmm.device.Timer;
import io.umbra.vmm.device.VirtualClock;
import org.jspecify.annotations.Nullable;

/** Whether a vCPU sleeps, and what wakes it: {@code SCHEDOP_block}, {@code SCHEDOP_poll}. */
final class Sleep {
    private static final int[] NO_PORTS = {};

    private boolean asleep;
    private int[] ports = NO_PORTS;
    private @Nullable Timer deadline;
    private boolean isOver;

    boolean isAsleep() {
        return asleep;
    }

    /** Until an event is pending. */
    void block() {
        asleep = true;
        isOver = false;
    }

    /** Until one of the ports is pending, masked or not; an event is due; or system time is {@code timeout}, unless that is 0. */
    void poll(int[] wanted, long timeout, VirtualClock clock) {
        block();
        ports = wanted;
        if (timeout != 0) {
            deadline = VcpuTimers.scheduleAt(clock, timeout, () -> isOver = true);
        }
    }

    /** Wakes the vCPU if there is a reason. @return whether it is awake */
    boolean tryWake(VcpuInfo info, EventChannels events, boolean hasNmi) {
        boolean due = info.isPending() && !info.isMasked();
        if (asleep && (isOver || due || hasNmi || events.anyPending(ports))) {
            asleep = false;
            ports = NO_PORTS;
            if (deadline != null) {
                deadline.cancel();
                deadline = null;
            }
        }
        return !asleep;
    }
}
