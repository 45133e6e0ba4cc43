package io.umbra.tools.matrix;

import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.Paging;
import io.umbra.x86.Tlb;

/** The paging hardware below an engine, which walks anew for each access. */
interface Hardware extends Tlb {
    /** @return the machine address, or -1 when the access faults */
    long translate(long linear, int access);

    /** Hands the fault of the last {@link #translate} to whom it belongs: the engine, or the guest. */
    FaultOutcome refused(Paging engine, long linear);
}
