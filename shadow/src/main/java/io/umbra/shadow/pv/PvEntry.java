package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;

/**
 * What an entry of a PV guest's table may hold, and what becomes of it.
 *
 * <p>Guest kernel and user both run at CPL 3, so every present entry gets US. At level 1 Xen marks a page that was the kernel's only, with bit 52, and makes all others global. At level 4 entries get A, so
 * that shadows of them need not.
 *
 * <pre>
 *   level   allowed in a present entry                            added
 *   1       P RW US A D AVL G NX, bits 62..52, (PWT PCD PAT)      US; bit 52 if US was 0; G if bit 52 is 0
 *   2, 3    P RW US A D AVL NX                                    US
 *   4       P RW US A D AVL NX                                    US A
 * </pre>
 *
 * <p>Caching bits are for domains that have a device. Xen: {@code L1_DISALLOW_MASK}, {@code adjust_guest_l1e}.
 */
final class PvEntry {
    /** The page was the kernel's only, before the entry got US. Xen: {@code _PAGE_GUEST_KERNEL}. */
    static final long GUEST_KERNEL = 1L << 52;

    static final long CACHING = LongModeEntry.WRITE_THROUGH | LongModeEntry.CACHE_DISABLE | LongModeEntry.PAT;

    private static final long AVAILABLE = 7L << 9;
    private static final long AVAILABLE_HIGH = 0x7FFL << 52;
    private static final long TABLE_FLAGS = LongModeEntry.PRESENT
            | LongModeEntry.WRITABLE
            | LongModeEntry.USER
            | LongModeEntry.ACCESSED
            | LongModeEntry.DIRTY
            | LongModeEntry.NO_EXECUTE
            | AVAILABLE;
    private static final long LEAF_FLAGS = TABLE_FLAGS | LongModeEntry.GLOBAL | AVAILABLE_HIGH;

    /** Bits that concern nobody but the guest: if no other changes, what an entry names is held as before. RW and the caching bits are none of them (XSA-148, XSA-182, XSA-154). */
    private static final long HARMLESS = LongModeEntry.NO_EXECUTE
            | AVAILABLE_HIGH
            | AVAILABLE
            | LongModeEntry.GLOBAL
            | LongModeEntry.DIRTY
            | LongModeEntry.ACCESSED
            | LongModeEntry.USER;

    /** @param mayChooseCaching of the domain whose table it is */
    static boolean isAllowed(long entry, int level, boolean mayChooseCaching) {
        long allowed = level > 1 ? TABLE_FLAGS : mayChooseCaching ? LEAF_FLAGS | CACHING : LEAF_FLAGS;
        return (entry & ~LongModeEntry.FRAME_MASK & ~allowed) == 0;
    }

    /** Both are present, and name the same frame with the same rights to it. */
    static boolean differHarmlessly(long old, long entry) {
        return LongModeEntry.isPresent(old) && ((old ^ entry) & ~HARMLESS) == 0;
    }

    /** What is stored in place of a present entry. */
    static long adjusted(long entry, int level) {
        return switch (level) {
            case 1 -> adjustedLeaf(entry);
            case 4 -> entry | LongModeEntry.USER | LongModeEntry.ACCESSED;
            default -> entry | LongModeEntry.USER;
        };
    }

    private static long adjustedLeaf(long entry) {
        long marked = LongModeEntry.isUser(entry) ? entry : entry | GUEST_KERNEL | LongModeEntry.USER;
        return (marked & GUEST_KERNEL) != 0 ? marked : marked | LongModeEntry.GLOBAL;
    }

    private PvEntry() {}
}
