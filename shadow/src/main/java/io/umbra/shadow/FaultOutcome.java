package io.umbra.shadow;

/** What became of a page fault. The names are those of Xen's shadow trace events. */
public sealed interface FaultOutcome {

    /** The instruction shall be executed again. */
    enum Fixed implements FaultOutcome {
        /** Shadow entries were filled. */
        FIXUP,
        /** Nothing was missing any more. */
        SPURIOUS,
        /** The frame was a pagetable and is one no longer. */
        UNSHADOW
    }

    /** The guest gets #PF with this code; CR2 is the faulting address. */
    record GuestFault(int code) implements FaultOutcome {}

    /** The instruction must be emulated: {@link Paging#emulate}. Not possible while an event is being delivered: {@link Paging#unshadowForEvent}. */
    enum Emulate implements FaultOutcome {
        /** A write to a shadowed pagetable. */
        PAGETABLE,
        /** A write that CR0.WP = 0 permits and the shadow, which runs with WP = 1, does not. */
        WRITE_PROTECT_OFF,
        /** A write to read-only memory: it is discarded. */
        READ_ONLY,
        /** Device memory, or nothing at all. */
        MMIO
    }
}
