package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;

/**
 * Which absent entries hardware may see in a domain's tables. A processor with L1TF uses the address in an entry before it notices that the entry is absent: whatever is in its cache for that address can
 * then be told by who can read no memory but its own. So an absent entry must not name what may be cached (XSA-273). Intel, <em>Deep Dive: L1 Terminal Fault</em>; Xen: {@code is_l1tf_safe_maddr}, {@code pv-l1tf}.
 *
 * <p>An audited entry is safe if the frame bits that reach the cache are all zero, as in an empty entry or a small number below bit 12, or if their address is {@link #safeFrom} or above, as where Linux
 * inverts the frame number of an absent entry. Above level 1 it must not have PS either, which would make it name memory with fewer bits.
 *
 * @param areAudited if not, an absent entry may hold anything
 * @param addressMask the address bits of an entry by which the cache is asked
 * @param safeFrom machine address above everything that may be cached
 */
public record AbsentEntries(boolean areAudited, long addressMask, long safeFrom) {
    /** For processors without L1TF. */
    public static final AbsentEntries ANY = new AbsentEntries(false, 0, 0);

    /**
     * Audited by Xen's guess: nothing is cached in the top quarter of the address space, unless memory is known to be there.
     *
     * @param addressBits of a physical address, 32 to 52; the cache has as many
     * @param memoryEnd first machine address above all memory
     */
    public static AbsentEntries audited(int addressBits, long memoryEnd) {
        long mask = (1L << addressBits) - 1 & LongModeEntry.FRAME_MASK;
        return new AbsentEntries(true, mask, Math.max(3L << addressBits - 2, memoryEnd));
    }

    /** @param entry not present */
    boolean areSafeWith(long entry, int level) {
        long address = entry & addressMask;
        boolean isLarge = level > 1 && (entry & LongModeEntry.PAGE_SIZE) != 0;
        return !areAudited || !isLarge && (address == 0 || address >= safeFrom);
    }
}
