package io.umbra.vmm.pv;

import io.umbra.shadow.PvPaging;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.xen.EventChannels;
import io.umbra.vmm.xen.XenDomain;
import io.umbra.vmm.xen.XenGuest;
import io.umbra.x86.MachineMemory;

/**
 * The parts of a PV domain that its hypercalls act on.
 *
 * @param memory of the machine
 * @param kernel the guest's memory by its kernel's tables
 * @param xen what it has in common with other guests of Xen's interface
 * @param pages RAM that the domain was started with, in frames: the most that it may have
 */
record PvGuest(
        MachineMemory memory,
        PvTables tables,
        PvPaging paging,
        PvVcpu vcpu,
        GuestMemory kernel,
        XenGuest xen,
        PvCounts counts,
        PvEnd end,
        long pages) {

    /** As a guest names itself. */
    static final int DOMID_SELF = XenDomain.DOMID_SELF;

    /** Requests of one hypercall that are served before events are looked at again. */
    static final int BATCH = XenGuest.BATCH;

    /** Whether the number stands for the calling domain. */
    boolean isSelf(long domain) {
        return xen.domain().isSelf(domain);
    }

    /** System time. */
    VirtualClock clock() {
        return xen.clock();
    }

    EventChannels events() {
        return xen.events();
    }
}
