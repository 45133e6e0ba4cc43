package io.umbra.processor;

/** Is shown what a TLB holds, whatever its layout. */
@FunctionalInterface
interface TlbView {
    /**
     * One cached translation of the current generation.
     *
     * @param slot where it is kept; of one TLB no two have the same
     * @param place of the page's first byte in {@link io.umbra.x86.HostMemory}
     * @param read reads, or fetches, hit it
     * @param write writes hit it
     */
    void translation(int slot, long page, long place, boolean read, boolean write);
}
