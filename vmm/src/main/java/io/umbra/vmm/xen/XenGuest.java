package io.umbra.vmm.xen;

import io.umbra.vmm.device.VirtualClock;
import java.util.function.IntConsumer;

/**
 * The parts of a domain with one vCPU that the hypercalls of both kinds of guest act on.
 *
 * @param memory of the caller
 * @param clock system time, in nanoseconds
 * @param console takes what the guest prints, byte by byte
 */
public record XenGuest(
        XenDomain domain,
        CallerMemory memory,
        SharedInfo shared,
        VcpuInfo info,
        EventChannels events,
        VcpuTimers timers,
        RunState runState,
        Sleep sleep,
        VirtualClock clock,
        IntConsumer console,
        Services services) {

    /** Requests of one hypercall that are served before events are looked at again. */
    public static final int BATCH = 4096;
}
