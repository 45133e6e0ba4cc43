package io.umbra.vmm.pv;

import io.umbra.shadow.PvPaging;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.x86.MachineMemory;
import java.util.function.IntConsumer;

/**
 * The parts of a PV domain that its hypercalls act on.
 *
 * @param memory of the machine
 * @param kernel the guest's memory by its kernel's tables
 * @param console takes what the guest prints, byte by byte
 * @param pages RAM that the domain was started with, in frames: the most that it may have
 */
record PvGuest(
        MachineMemory memory,
        PvTables tables,
        PvPaging paging,
        PvVcpu vcpu,
        GuestMemory kernel,
        SharedInfo shared,
        EventChannels events,
        VcpuTimers timers,
        RunState runState,
        VirtualClock clock,
        PvCounts counts,
        IntConsumer console,
        Services services,
        PvEnd end,
        long pages) {

    /** As a guest names itself. */
    static final int DOMID_SELF = 0x7FF0;

    /** Requests of one hypercall that are served before events are looked at again. */
    static final int BATCH = 4096;

    /** Whether the number stands for the calling domain. */
    boolean isSelf(long domain) {
        int number = (int) domain & 0xFFFF;
        return number == DOMID_SELF || number == tables.domain();
    }
}
