package io.umbra.x86;

/**
 * The part of a processor that whoever owns its pagetables must keep informed. A right that was lowered stays usable until it is told
 * here; a right that was raised needs nothing (SDM vol. 3A, "Invalidation of TLBs and Paging-Structure Caches").
 */
public interface Tlb {
    /** Loads hardware CR3 and its mode. All translations are dropped. */
    void load(HardwarePaging paging);

    /** The same by an owner who tells of every right that is lowered before it can be used again: translations that the tables now loaded give may stay. */
    default void reload(HardwarePaging paging) {
        load(paging);
    }

    /** Drops every translation of the 4 KiB page of {@code linear}. */
    void invalidate(long linear);

    /**
     * Drops every translation that an entry of the tables may be a part of: those of linear addresses that select {@code index} at {@code level}.
     *
     * @param level 1 for the table of 4 KiB leaves, or 2
     * @param index 0 to 511
     */
    default void invalidateEntry(int level, int index) {
        flush();
    }

    /** Drops all translations. */
    void flush();
}
