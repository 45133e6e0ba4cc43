package io.umbra.vmm.hvm;

import io.umbra.vmm.apic.LocalApic;
import io.umbra.vmm.device.InterruptLine;
import io.umbra.vmm.xen.VcpuInfo;
import java.util.function.IntFunction;

/**
 * How the guest is told that an event is pending. There are three ways: a vector of the vCPU's own through its local APIC, edge-triggered, to be ended there; a vector for the whole domain, which is given to the processor
 * for as long as the event is pending and passes by every APIC; or an interrupt line that is asserted meanwhile. The first goes before the others. Xen: {@code hvm_assert_evtchn_irq}.
 *
 * <p>The value of HVM_PARAM_CALLBACK_IRQ:
 *
 * <pre> 63 … 56 type: 0 line, 2 vector | 7 … 0 line (0: none) or vector </pre>
 */
final class Upcall {
    private static final int LOWEST_VECTOR = 16;
    private static final int LINE = 0, VECTOR = 2;
    private static final int LINES = 16;
    private static final int CASCADE = 2;

    private final VcpuInfo info;
    private final LocalApic apic;
    private final IntFunction<InterruptLine> lines;
    private int ownVector;
    private int vector;
    private int line;
    private boolean asserted;

    /** @param lines by their ISA number */
    Upcall(VcpuInfo info, LocalApic apic, IntFunction<InterruptLine> lines) {
        this.info = info;
        this.apic = apic;
        this.lines = lines;
    }

    /** Sets the vCPU's own vector, 0 for none. @return whether it can be one */
    boolean ownVector(int wanted) {
        if (wanted != 0 && wanted < LOWEST_VECTOR || wanted > 0xFF) {
            return false;
        }
        ownVector = wanted;
        announce();
        return true;
    }

    /** A type that is not known is none. */
    void callback(long parameter) {
        int type = (int) (parameter >>> 56);
        int number = (int) parameter & 0xFF;
        drive(false);
        vector = type == VECTOR ? number : 0;
        line = type == LINE && number < LINES && number != CASCADE ? number : 0;
    }

    /** There was no event pending, and now there is. */
    void announce() {
        if (ownVector != 0) {
            apic.request(ownVector);
        }
    }

    /** The line follows what is pending. */
    void drive() {
        if (line != 0) {
            drive(ownVector == 0 && info.isPending());
        }
    }

    private void drive(boolean assertion) {
        if (assertion != asserted) {
            asserted = assertion;
            lines.apply(line).set(assertion);
        }
    }

    /** The domain's vector waits to be given to the processor. */
    boolean waits() {
        return vector != 0 && ownVector == 0 && info.isPending();
    }

    int vector() {
        return vector;
    }
}
