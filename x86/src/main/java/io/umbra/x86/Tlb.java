package io.umbra.x86;

/**
 * The part of a processor that whoever owns its pagetables must keep informed. A right that was lowered stays usable until it is told
 * here; a right that was raised needs nothing (SDM vol. 3A, "Invalidation of TLBs and Paging-Structure Caches").
 */
public interface Tlb {
    /** Loads hardware CR3 and its mode. All translations are dropped. */
    void load(HardwarePaging paging);

    /** Drops every translation of the 4 KiB page of {@code linear}. */
    void invalidate(long linear);

    /** Drops all translations. */
    void flush();
}
