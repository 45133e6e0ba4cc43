package io.umbra.vmm.xen;

import io.umbra.vmm.device.Timer;
import io.umbra.vmm.device.VirtualClock;
import org.jspecify.annotations.Nullable;

/** Whether a vCPU sleeps, and what wakes it: {@code SCHEDOP_block}, {@code SCHEDOP_poll}. */
public final class Sleep {
    private static final int[] NO_PORTS = {};

    private boolean asleep;
    private int[] ports = NO_PORTS;
    private @Nullable Timer deadline;
    private boolean isOver;

    /** Awake. */
    public Sleep() {}

    public boolean isAsleep() {
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

    /**
     * Wakes the vCPU if there is a reason.
     *
     * @param due something waits to be delivered to the vCPU
     * @return whether it is awake
     */
    public boolean tryWake(boolean due, EventChannels events) {
        if (asleep && (isOver || due || events.anyPending(ports))) {
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
