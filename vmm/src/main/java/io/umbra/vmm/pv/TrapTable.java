package io.umbra.vmm.pv;

/** Where a guest wants its exceptions: its virtual IDT. Xen: {@code struct trap_info}, {@code HYPERVISOR_set_trap_table}. */
final class TrapTable {
    /** Vectors. */
    static final int ENTRIES = 256;

    private static final int PRIVILEGE = 3;
    private static final int MASKS_EVENTS = 4;

    private final long[] addresses = new long[ENTRIES];
    private final int[] flags = new int[ENTRIES];
    private final int[] selectors = new int[ENTRIES];

    /**
     * @param flag bits 1..0: from which privilege {@code int n} may come here; bit 2: events are masked on the way
     * @param address 0 for no handler
     */
    void set(int vector, int flag, int selector, long address) {
        flags[vector] = flag;
        selectors[vector] = selector;
        addresses[vector] = address;
    }

    void clear() {
        java.util.Arrays.fill(addresses, 0);
    }

    boolean has(int vector) {
        return addresses[vector] != 0;
    }

    long address(int vector) {
        return addresses[vector];
    }

    int selector(int vector) {
        return selectors[vector];
    }

    int flags(int vector) {
        return flags[vector];
    }

    boolean masksEvents(int vector) {
        return (flags[vector] & MASKS_EVENTS) != 0;
    }

    /** Whether {@code int n} may be executed: a guest kernel counts as ring 1. */
    boolean permitsInterrupt(int vector, boolean kernel) {
        return (flags[vector] & PRIVILEGE) >= (kernel ? 1 : 3);
    }
}
