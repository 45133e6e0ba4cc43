package io.umbra.vmm.pv;

import org.jspecify.annotations.Nullable;

/** Where a guest wants to be entered for what is no exception. Xen: {@code callback_op}, {@code set_callbacks}. An address of 0 is none. */
final class Callbacks {
    /** Numbered as the ABI does. */
    enum Kind {
        EVENT,
        FAILSAFE,
        SYSCALL,
        SYSENTER_DEPRECATED,
        NMI,
        SYSENTER,
        UNUSED,
        SYSCALL_32;

        private static final Kind[] VALUES = values();

        /** @return null when there is no such callback */
        static @Nullable Kind of(int number) {
            boolean exists = number >= 0 && number < VALUES.length && VALUES[number] != UNUSED;
            return exists ? VALUES[number] : null;
        }
    }

    private static final int MASKS_EVENTS = 1;

    private final long[] addresses = new long[Kind.VALUES.length];
    private final boolean[] masks = new boolean[Kind.VALUES.length];

    /** @param flags bit 0: events are masked on the way */
    void set(Kind kind, int flags, long address) {
        addresses[kind.ordinal()] = address;
        masks[kind.ordinal()] = (flags & MASKS_EVENTS) != 0;
    }

    void remove(Kind kind) {
        addresses[kind.ordinal()] = 0;
    }

    boolean has(Kind kind) {
        return addresses[kind.ordinal()] != 0;
    }

    long address(Kind kind) {
        return addresses[kind.ordinal()];
    }

    boolean masksEvents(Kind kind) {
        return masks[kind.ordinal()];
    }
}
