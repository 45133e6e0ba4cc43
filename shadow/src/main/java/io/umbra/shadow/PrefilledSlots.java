package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * Slots of four-level roots that are not the guest's to fill: each shadow of a root has them from the moment it is made, they lead to tables that are no shadows, and nothing that happens to the guest's
 * tables changes them. A PV guest's address space has the hypervisor's slots there. Xen: {@code init_xen_l4_slots}.
 */
final class PrefilledSlots {
    static final PrefilledSlots NONE = new PrefilledSlots(0);

    private final int first;
    private final long[] entries;

    /** @param entries of as many slots, from {@code first} on */
    PrefilledSlots(int first, long... entries) {
        this.first = first;
        this.entries = entries.clone();
    }

    boolean contains(ShadowType type, int slot) {
        return type == ShadowType.L4_64 && slot >= first && slot - first < entries.length;
    }

    /** Whether {@code linear} lies behind one of them. */
    boolean cover(long linear) {
        return contains(ShadowType.L4_64, LongModeEntry.index(linear, 4));
    }

    long entry(int slot) {
        return entries[slot - first];
    }

    /** The page is a new shadow. */
    void fill(MachineMemory memory, ShadowPage page) {
        if (page.liveType() == ShadowType.L4_64) {
            for (int i = 0; i < entries.length; i++) {
                memory.writeLong(page.entryAddress(first + i), entries[i]);
            }
        }
    }
}
