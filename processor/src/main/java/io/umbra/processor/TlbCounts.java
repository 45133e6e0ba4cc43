package io.umbra.processor;

/**
 * What a processor's TLB did. The TLB is software: 1024 4 KiB translations each for user code, supervisor code, and supervisor code with EFLAGS.AC set,
 * direct-mapped, emptied by every load of CR3; so its misses are like those of hardware without PCIDs and global pages, not equal to them.
 *
 * @param misses walks that ended in a translation of a page that was not cached for any kind of access
 * @param rechecks walks that ended in a translation of a page that was cached for another kind of access; most hardware makes them only to set D
 * @param refusals walks that ended in a fault
 * @param references entries of pagetables read by misses and refusals, without those of a second walk to set accessed and dirty bits
 * @param flushes times everything was dropped
 */
public record TlbCounts(long misses, long rechecks, long refusals, long references, long flushes) {}
