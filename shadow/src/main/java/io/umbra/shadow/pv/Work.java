package io.umbra.shadow.pv;

import org.jspecify.annotations.Nullable;

/**
 * A call under way, as those see it who do long work in it: whether it should end soon, and where to leave a table that must still be cleaned up.
 *
 * <p>Each vCPU has one place for such a table. It is cleaned up before the vCPU's next call does anything else. Xen: {@code old_guest_table}.
 */
class Work {
    private static final long NONE = -1;

    private long parked = NONE;
    private boolean parkedPartial;

    /** What was under way when this began: nothing, but in tests where another vCPU's call comes in between. */
    @Nullable
    Work outer;

    /** Asked between two entries. */
    boolean isPreemptionDue() {
        return false;
    }

    boolean hasParked() {
        return parked != NONE;
    }

    boolean hasParked(long mfn) {
        return parked == mfn;
    }

    long parked() {
        return parked;
    }

    /** The parked table is partial; else its type is still held. */
    boolean isParkedPartial() {
        return parkedPartial;
    }

    /** The caller's reference to the frame is this place's from now on, and its type reference too, unless the frame is partial. */
    void park(long mfn, boolean partial) {
        parked = mfn;
        parkedPartial = partial;
    }

    /** Whoever calls it takes over the reference. */
    void unpark() {
        parked = NONE;
    }
}
