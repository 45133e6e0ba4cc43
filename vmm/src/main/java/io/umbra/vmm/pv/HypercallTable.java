package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/** Finds the family of a hypercall and makes the call. What does not exist is ENOSYS, a bad pointer is EFAULT. */
final class HypercallTable {
    private final Map<HypercallNumber, HypercallFamily> families = new EnumMap<>(HypercallNumber.class);
    private final PvCounts counts;

    HypercallTable(PvGuest guest) {
        counts = guest.counts();
        put(
                new PagetableCalls(guest),
                HypercallNumber.MMU_UPDATE,
                HypercallNumber.UPDATE_VA_MAPPING,
                HypercallNumber.UPDATE_VA_MAPPING_OTHERDOMAIN);
        put(new ExtendedPagetableCalls(guest), HypercallNumber.MMUEXT_OP);
        put(
                new DescriptorCalls(guest),
                HypercallNumber.SET_GDT,
                HypercallNumber.UPDATE_DESCRIPTOR,
                HypercallNumber.SET_SEGMENT_BASE);
        put(
                new TrapCalls(guest),
                HypercallNumber.SET_TRAP_TABLE,
                HypercallNumber.SET_CALLBACKS,
                HypercallNumber.CALLBACK_OP,
                HypercallNumber.STACK_SWITCH,
                HypercallNumber.IRET);
        put(
                new ProcessorCalls(guest),
                HypercallNumber.FPU_TASKSWITCH,
                HypercallNumber.SET_DEBUGREG,
                HypercallNumber.GET_DEBUGREG,
                HypercallNumber.VM_ASSIST);
        put(new MemoryCalls(guest), HypercallNumber.MEMORY_OP);
        put(new VersionCalls(guest), HypercallNumber.XEN_VERSION);
        put(new ConsoleCalls(guest), HypercallNumber.CONSOLE_IO);
        put(new GrantCalls(guest), HypercallNumber.GRANT_TABLE_OP);
        put(new VcpuCalls(guest), HypercallNumber.VCPU_OP, HypercallNumber.SET_TIMER_OP);
        put(new SchedulerCalls(guest), HypercallNumber.SCHED_OP);
        put(new EventCalls(guest), HypercallNumber.EVENT_CHANNEL_OP);
        put(new DeviceCalls(guest), HypercallNumber.PHYSDEV_OP, HypercallNumber.PLATFORM_OP);
        put(new Multicall(guest, this), HypercallNumber.MULTICALL);
    }

    private void put(HypercallFamily family, HypercallNumber... numbers) {
        for (HypercallNumber number : numbers) {
            families.put(number, family);
        }
    }

    /** As {@link HypercallFamily#call}, but for any number and without {@link BadPointer}. */
    long call(long number, long[] arguments) {
        HypercallNumber known = HypercallNumber.of(number);
        HypercallFamily family = known == null ? null : families.get(known);
        if (known == null || family == null) {
            counts.hypercall("unknown");
            return Errno.ENOSYS;
        }
        counts.hypercall(known.label());
        long[] passed = Arrays.copyOf(arguments, arguments.length);
        try {
            return family.call(known, arguments);
        } catch (BadPointer pointer) {
            System.arraycopy(passed, 0, arguments, 0, passed.length);
            return Errno.EFAULT;
        }
    }
}
