package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * Absent shadow leaves that say why they are absent, so that the next fault on them needs no walk. Hardware sees P clear and nothing else. Xen marks them with reserved bits ({@code
 * SHOPT_FAST_FAULT_PATH}); here the entry itself is plain.
 *
 * <pre>
 *  NX | gfn 51..12 | 10: device memory | 9: guest entry not present | US | RW | P = 0
 * </pre>
 */
final class FaultTag {
    /** The guest's own entry is not present. */
    static final long NOT_PRESENT = 1L << 9;

    private static final long DEVICE = 1L << 10;
    private static final long RIGHTS = LongModeEntry.WRITABLE | LongModeEntry.USER;

    /**
     * The guest's entry maps device memory.
     *
     * @param guest the leaf, whose A is set; writes are granted when its D is too
     */
    static long device(long guest, long gfn, boolean noExecute) {
        long rights = guest & RIGHTS;
        if (!LongModeEntry.isDirty(guest)) {
            rights &= ~LongModeEntry.WRITABLE;
        }
        return LongModeEntry.of(gfn, DEVICE | rights | (noExecute ? guest & LongModeEntry.NO_EXECUTE : 0));
    }

    static boolean isDevice(long entry) {
        return (entry & (DEVICE | LongModeEntry.PRESENT)) == DEVICE;
    }

    static boolean isNotPresent(long entry) {
        return entry == NOT_PRESENT;
    }

    static long gfn(long entry) {
        return LongModeEntry.frame(entry);
    }

    /** 1 for device memory, 0 otherwise. */
    static int count(long entry) {
        return isDevice(entry) ? 1 : 0;
    }

    private FaultTag() {}
}
