package io.umbra.shadow.pv;

/** The 16 slots of each L4 that are the hypervisor's, 256 to 271, and what they hold in each L4 of one domain. */
public final class ReservedSlots {
    public static final int FIRST = 256;
    public static final int COUNT = 16;

    ReservedSlots() {}

    public static boolean contains(int slot) {
        return slot >= FIRST && slot < FIRST + COUNT;
    }

    /** @param slot 256 to 271 */
    public long entry(int slot) {
        return 0;
    }
}
