package io.umbra.processor;

import java.util.Arrays;

/**
 * The cached translations of instruction fetches at one privilege: direct-mapped by linear page, as {@link TlbBank} is for data.
 *
 * <pre>
 *  tag     63..12 linear page | 11..0 generation
 *  addend  offset in HostMemory of the page's first byte, minus its linear address
 * </pre>
 *
 * <p>It is apart from the TLB for data, as in hardware, so that what is known of code depends on nothing but the sequence of pages that code was fetched
 * from and on what was invalidated. Whoever enters a page of code looks here first, the interpreter and translated code alike: a hit changes nothing and
 * a miss is a walk. That keeps a run the same whichever of the two executes it.
 */
final class CodeTlb {
    private static final long PAGE = -4096L;

    final long[] tag = new long[TlbBank.ENTRIES];
    final long[] addend = new long[TlbBank.ENTRIES];

    /** @return the place of {@code linear} in {@link io.umbra.x86.HostMemory}, or -1 when it is not cached */
    long find(long linear, long generation) {
        int slot = TlbBank.slot(linear);
        return tag[slot] == (linear & PAGE | generation) ? addend[slot] + linear : -1;
    }

    void fill(long linear, long generation, long place) {
        int slot = TlbBank.slot(linear);
        tag[slot] = linear & PAGE | generation;
        addend[slot] = place - linear;
    }

    void drop(int slot) {
        tag[slot] = 0;
    }

    void clear() {
        Arrays.fill(tag, 0);
    }
}
