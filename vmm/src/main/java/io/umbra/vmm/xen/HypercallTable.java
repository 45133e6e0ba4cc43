package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;

/** Finds the family of a hypercall and makes the call. What does not exist is ENOSYS, a bad pointer is EFAULT. */
public final class HypercallTable {
    private final Map<HypercallNumber, HypercallFamily> families = new EnumMap<>(HypercallNumber.class);
    private final Consumer<String> count;

    /** Empty. Whoever counts is told the name of each call. */
    public HypercallTable(Consumer<String> count) {
        this.count = count;
    }

    /** From now on the family serves these. */
    public void put(HypercallFamily family, HypercallNumber... numbers) {
        for (HypercallNumber number : numbers) {
            families.put(number, family);
        }
    }

    /** What is common to both kinds of guest, but for memory, grants and version. */
    public void putCommon(XenGuest guest) {
        put(new ConsoleCalls(guest), HypercallNumber.CONSOLE_IO);
        put(new VcpuCalls(guest), HypercallNumber.VCPU_OP, HypercallNumber.SET_TIMER_OP);
        put(new SchedulerCalls(guest), HypercallNumber.SCHED_OP);
        put(new EventCalls(guest), HypercallNumber.EVENT_CHANNEL_OP);
    }

    /** As {@link HypercallFamily#call}, but for any number and without {@link BadPointer}. */
    public long call(long number, long[] arguments) {
        HypercallNumber known = HypercallNumber.of(number);
        HypercallFamily family = known == null ? null : families.get(known);
        if (known == null || family == null) {
            count.accept("unknown");
            return Errno.ENOSYS;
        }
        count.accept(known.label());
        long[] passed = Arrays.copyOf(arguments, arguments.length);
        try {
            return family.call(known, arguments);
        } catch (BadPointer pointer) {
            System.arraycopy(passed, 0, arguments, 0, passed.length);
            return Errno.EFAULT;
        }
    }
}
