package io.umbra.tools.trace;

import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;

/** {@link FaultOutcome} as a number in a file. */
enum Outcome {
    FIXUP,
    SPURIOUS,
    UNSHADOW,
    GUEST_FAULT,
    PAGETABLE,
    WRITE_PROTECT_OFF,
    READ_ONLY,
    MMIO;

    static Outcome of(FaultOutcome outcome) {
        return switch (outcome) {
            case Fixed.FIXUP -> FIXUP;
            case Fixed.SPURIOUS -> SPURIOUS;
            case Fixed.UNSHADOW -> UNSHADOW;
            case GuestFault _ -> GUEST_FAULT;
            case Emulate.PAGETABLE -> PAGETABLE;
            case Emulate.WRITE_PROTECT_OFF -> WRITE_PROTECT_OFF;
            case Emulate.READ_ONLY -> READ_ONLY;
            case Emulate.MMIO -> MMIO;
        };
    }
}
