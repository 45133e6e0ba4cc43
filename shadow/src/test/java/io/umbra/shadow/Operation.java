package io.umbra.shadow;

import io.umbra.x86.PageFaultCode;

/**
 * One step of a sequence: something that the guest, a device or the toolstack does. What the fields mean depends on the kind.
 *
 * @param linear an address; for {@code P2M} and {@code DMA} guest-physical
 * @param access bits of {@link PageFaultCode}
 * @param value what is stored, or the register's new value, or the choice of a kind of change
 * @param flags of accesses: see the constants
 */
record Operation(Kind kind, long linear, int size, int access, long value, int flags) {
    /** RFLAGS.AC is set during the access. */
    static final int ALIGNMENT_CHECK = 1;
    /** The instruction is one that cannot be emulated. */
    static final int UNHANDLEABLE = 2;
    /** The store is the delivery of an event. */
    static final int EVENT = 4;
    /** A compare-and-exchange whose comparison succeeds. */
    static final int EXCHANGE = 8;

    enum Kind {
        ACCESS,
        INVALIDATE_PAGE,
        LOAD_CR3,
        TOGGLE_CR0,
        TOGGLE_CR4,
        TOGGLE_EFER,
        /** To the {@link io.umbra.x86.PagingMode} of the ordinal in {@code linear}, with CR3 {@code value} if that is not negative. */
        SWITCH_MODE,
        WRITE_PKRU,
        /** INVPCID. */
        INVALIDATE_CONTEXT,
        CHANGE_P2M,
        DMA,
        BLOW
    }

    static Operation of(Kind kind, long linear, long value) {
        return new Operation(kind, linear, 8, 0, value, 0);
    }

    boolean isWrite() {
        return (access & PageFaultCode.WRITE) != 0;
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    @Override
    public String toString() {
        return "%s 0x%x size %d access %s value 0x%x flags %d"
                .formatted(kind, linear, size, PageFaultCode.describe(access), value, flags);
    }
}
