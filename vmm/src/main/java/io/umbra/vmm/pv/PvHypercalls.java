package io.umbra.vmm.pv;

import io.umbra.vmm.xen.GrantCalls;
import io.umbra.vmm.xen.GrantTable;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.HypercallTable;
import io.umbra.vmm.xen.MemoryCalls;
import io.umbra.vmm.xen.Multicall;
import io.umbra.vmm.xen.VersionCalls;

/** All hypercalls that a PV guest has. */
final class PvHypercalls {
    /** XENFEAT_mmu_pt_update_preserve_ad and XENFEAT_gnttab_map_avail_bits. */
    private static final int FEATURES = 1 << 5 | 1 << 7;

    static HypercallTable table(PvGuest guest) {
        HypercallTable table = new HypercallTable(guest.counts()::hypercall);
        table.putCommon(guest.xen());
        table.put(
                new PagetableCalls(guest),
                HypercallNumber.MMU_UPDATE,
                HypercallNumber.UPDATE_VA_MAPPING,
                HypercallNumber.UPDATE_VA_MAPPING_OTHERDOMAIN);
        table.put(new ExtendedPagetableCalls(guest), HypercallNumber.MMUEXT_OP);
        table.put(
                new DescriptorCalls(guest),
                HypercallNumber.SET_GDT,
                HypercallNumber.UPDATE_DESCRIPTOR,
                HypercallNumber.SET_SEGMENT_BASE);
        table.put(
                new TrapCalls(guest),
                HypercallNumber.SET_TRAP_TABLE,
                HypercallNumber.SET_CALLBACKS,
                HypercallNumber.CALLBACK_OP,
                HypercallNumber.STACK_SWITCH,
                HypercallNumber.IRET);
        table.put(
                new ProcessorCalls(guest),
                HypercallNumber.FPU_TASKSWITCH,
                HypercallNumber.SET_DEBUGREG,
                HypercallNumber.GET_DEBUGREG,
                HypercallNumber.VM_ASSIST);
        table.put(new MemoryCalls(guest.xen(), new PvReservation(guest)), HypercallNumber.MEMORY_OP);
        table.put(
                new VersionCalls(guest.kernel(), "xen-3.0-x86_64", FEATURES, GuestMemory.HYPERVISOR_START),
                HypercallNumber.XEN_VERSION);
        GrantTable grants = new GrantTable(() -> guest.tables().share(true));
        table.put(new GrantCalls(guest.xen(), grants, mfn -> mfn), HypercallNumber.GRANT_TABLE_OP);
        table.put(new DeviceCalls(guest), HypercallNumber.PHYSDEV_OP, HypercallNumber.PLATFORM_OP);
        table.put(new Multicall(guest.kernel(), table, guest.vcpu()::isKernel), HypercallNumber.MULTICALL);
        return table;
    }

    private PvHypercalls() {}
}
