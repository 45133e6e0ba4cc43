package io.umbra.vmm.hvm;

import io.umbra.shadow.pv.Errno;
import java.util.Map;
import java.util.Set;

/** The numbers by which a toolstack and a guest tell each other where things are. Xen: public header hvm/params.h; {@code hvm_allow_set_param}, {@code hvm_allow_get_param}. */
final class HvmParameters {
    static final int CALLBACK_IRQ = 0, STORE_PFN = 1, STORE_EVTCHN = 2, CONSOLE_PFN = 17, CONSOLE_EVTCHN = 18;
    private static final int VM86_TSS = 15, ACPI_IOPORTS_LOCATION = 19, VM_GENERATION_ID_ADDR = 34, X87_FIP_WIDTH = 36;
    private static final int VM86_TSS_SIZED = 37;
    private static final int COUNT = 39;

    private static final Set<Integer> READABLE = Set.of(
            CALLBACK_IRQ,
            STORE_PFN,
            STORE_EVTCHN,
            CONSOLE_PFN,
            CONSOLE_EVTCHN,
            VM86_TSS,
            ACPI_IOPORTS_LOCATION,
            VM_GENERATION_ID_ADDR,
            X87_FIP_WIDTH,
            VM86_TSS_SIZED);
    private static final Set<Integer> WRITABLE = Set.of(
            CALLBACK_IRQ,
            STORE_EVTCHN,
            CONSOLE_EVTCHN,
            VM86_TSS,
            ACPI_IOPORTS_LOCATION,
            VM_GENERATION_ID_ADDR,
            X87_FIP_WIDTH,
            VM86_TSS_SIZED);
    /** Once they have a value it stays. */
    private static final Set<Integer> ONCE = Set.of(VM_GENERATION_ID_ADDR, STORE_EVTCHN, CONSOLE_EVTCHN);

    private final long[] values = new long[COUNT];

    /** @param initial what the toolstack has set, by number */
    HvmParameters(Map<Integer, Long> initial) {
        initial.forEach((number, value) -> values[number] = value);
    }

    /** What the guest is answered that reads the parameter. */
    long readable(long number) {
        return check(number, READABLE);
    }

    /** What the guest is answered that writes it. */
    long writable(long number, long value) {
        long answer = check(number, WRITABLE);
        boolean stays = answer == 0 && ONCE.contains((int) number) && values[(int) number] != 0;
        return stays && values[(int) number] != value ? Errno.EEXIST : answer;
    }

    private static long check(long number, Set<Integer> permitted) {
        if (number < 0 || number >= COUNT) {
            return Errno.EINVAL;
        }
        return permitted.contains((int) number) ? 0 : Errno.EPERM;
    }

    long value(long number) {
        return values[(int) number];
    }

    void value(long number, long value) {
        values[(int) number] = value;
    }
}
