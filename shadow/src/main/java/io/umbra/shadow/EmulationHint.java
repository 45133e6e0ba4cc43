package io.umbra.shadow;

import io.umbra.x86.PageFaultCode;

/**
 * The linear page through which a vCPU last wrote to a pagetable, and that table: the next supervisor write there is emulated without a walk. Forgotten with whatever ends a {@link
 * RememberedWalks walk that is kept}, and by any fault of another kind. Xen: {@code SHOPT_FAST_EMULATION}.
 */
final class EmulationHint {
    private static final long NONE = -1;
    private static final int WRITE_TO_PRESENT = PageFaultCode.PRESENT | PageFaultCode.WRITE;

    private final RememberedWalks walks;
    private long page = NONE;
    private long mfn = NONE;
    private int generation;

    EmulationHint(RememberedWalks walks) {
        this.walks = walks;
    }

    /** An emulated write through {@code walk} to the table {@code target} is about to be made. */
    void set(GuestWalk walk, long target) {
        boolean keeps = !walk.isUser() && !walk.needsWriteProtectOff && walks.remember(walk);
        page = keeps ? walk.linear >>> 12 : NONE;
        mfn = target;
        generation = walks.generation();
    }

    void forget() {
        page = NONE;
    }

    /** The table that a write at {@code linear} goes to, or -1 when that is not known. */
    long target(long linear, int code) {
        boolean hit = page == linear >>> 12 && code == WRITE_TO_PRESENT && generation == walks.generation();
        return hit ? mfn : NONE;
    }
}
