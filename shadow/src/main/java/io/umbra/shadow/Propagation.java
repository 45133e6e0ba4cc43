package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * From a guest entry to its shadow: pure functions. Semantics of {@code _sh_propagate} in Xen.
 *
 * <pre>
 *  flag         link to a table       link to a splinter     leaf
 *  P            guest P and A         guest P and A          guest P and A, frame backed
 *  RW           guest RW              guest RW and D         guest RW and D, frame writable and no protected table
 *  US           guest                 guest                  guest
 *  NX           guest, if enabled     guest, if enabled      guest, if enabled
 *  A, D         1, 1                  1, 1                   1, as RW
 *  key          0                      0                      guest, where keys are enabled
 *  PS G PCD PWT PAT, available        0                      0
 * </pre>
 *
 * <p>Leaves of a splinter start from a fabricated guest entry with every right: the real ones are in the link above. Only the key, which hardware reads in the leaf alone, is theirs.
 */
final class Propagation {
    /** What a splinter's entries are derived from. */
    static final long FABRICATED = LongModeEntry.PRESENT
            | LongModeEntry.WRITABLE
            | LongModeEntry.USER
            | LongModeEntry.ACCESSED
            | LongModeEntry.DIRTY;

    private static final long COPIED = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;

    /** The entry that links a shadow of level 2 to 4 to the shadow {@code child} of the table that {@code guest} names. Zero when the guest's entry cannot be used yet. */
    static long link(long guest, long child, boolean noExecuteEnabled) {
        if (!isUsable(guest)) {
            return 0;
        }
        long flags = guest & COPIED | noExecute(guest, noExecuteEnabled) | LongModeEntry.ACCESSED | LongModeEntry.DIRTY;
        return LongModeEntry.of(child, flags);
    }

    /** The entry that links to the splinter of the large page that {@code guest} maps. D is emulated here, for the whole page. */
    static long splinterLink(long guest, long child, boolean noExecuteEnabled) {
        long entry = link(guest, child, noExecuteEnabled);
        return LongModeEntry.isDirty(guest) ? entry : entry & ~LongModeEntry.WRITABLE;
    }

    /**
     * A leaf.
     *
     * @param p2mEntry of the guest frame
     * @param isProtected the machine frame must not be mapped writable
     * @param key the protection key
     */
    static long leaf(long guest, long p2mEntry, boolean isProtected, boolean noExecuteEnabled, int key) {
        if (!isUsable(guest) || !P2m.isBacked(p2mEntry)) {
            return 0;
        }
        long flags = guest & COPIED
                | noExecute(guest, noExecuteEnabled)
                | LongModeEntry.withKey(key)
                | LongModeEntry.ACCESSED;
        boolean writable = LongModeEntry.isWritable(guest)
                && LongModeEntry.isDirty(guest)
                && P2m.isWritable(p2mEntry)
                && !isProtected;
        return LongModeEntry.of(
                P2m.mfn(p2mEntry), writable ? flags | LongModeEntry.DIRTY : flags & ~LongModeEntry.WRITABLE);
    }

    /**
     * Whether {@code next} may replace {@code old} without anybody noticing a lost right. A page that becomes the user's is lost to the supervisor, under
     * SMEP and SMAP.
     */
    static boolean grantsNoLess(long old, long next) {
        if (!LongModeEntry.isPresent(old)) {
            return true;
        }
        long rights = LongModeEntry.PRESENT | LongModeEntry.WRITABLE;
        boolean sameFrame = ((old ^ next) & LongModeEntry.FRAME_MASK) == 0;
        boolean keepsRights = (old & rights & ~next) == 0 && ((old ^ next) & LongModeEntry.USER) == 0;
        boolean keepsExecute = LongModeEntry.isNoExecute(old) || !LongModeEntry.isNoExecute(next);
        boolean keepsKey = ((old ^ next) & LongModeEntry.KEY_MASK) == 0;
        return sameFrame && keepsRights && keepsExecute && keepsKey;
    }

    private static boolean isUsable(long guest) {
        return LongModeEntry.isPresent(guest) && LongModeEntry.isAccessed(guest);
    }

    private static long noExecute(long guest, boolean enabled) {
        return enabled ? guest & LongModeEntry.NO_EXECUTE : 0;
    }

    private Propagation() {}
}
