package io.umbra.shadow;

/** What hardware may write to without asking: taken away by those who log writes. */
interface WriteAccess {
    /** Afterwards every write of the guest's faults. No flush is needed. */
    void takeFromAll();

    /** Afterwards a write to the frame faults, once {@link #flush} has been called. */
    void takeFrom(long gfn);

    /** Empties all TLBs. */
    void flush();

    /** Nobody logs any more: what was taken need not be kept from the guest. */
    void giveBack();
}
