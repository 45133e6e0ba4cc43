package io.umbra.processor;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The cached translations of instruction fetches at one privilege: direct-mapped by linear page, as {@link TlbBank} is for data.
 *
 * <pre>
 *  an entry is two words:
 *  TAG     63..12 linear page | 11..0 generation
 *  ADDEND  offset in HostMemory of the page's first byte, minus its linear address
 * </pre>
 *
 * <p>It is apart from the TLB for data, as in hardware, so that what is known of code depends on nothing but the sequence of pages that code was fetched
 * from and on what was invalidated. Whoever enters a page of code looks here first, the interpreter and translated code alike: a hit changes nothing and
 * a miss is a walk. That keeps a run the same whichever of the two executes it.
 */
final class CodeTlb {
    static final int TAG = 0;
    static final int ADDEND = 1;

    private static final long PAGE = -4096L;
    private static final int AT_SHIFT = 12 - 1;
    private static final int AT_MASK = TlbBank.MASK << 1;

    private final long[] words = new long[TlbBank.ENTRIES * 2];
    /** The same, for generated code. */
    final MemorySegment segment = MemorySegment.ofArray(words);

    private static int at(long linear) {
        return (int) (linear >>> AT_SHIFT) & AT_MASK;
    }

    /** @return the place of {@code linear} in {@link io.umbra.x86.HostMemory}, or -1 when it is not cached */
    long find(long linear, long generation) {
        int at = at(linear);
        return words[at + TAG] == (linear & PAGE | generation) ? words[at + ADDEND] + linear : -1;
    }

    void fill(long linear, long generation, long place) {
        int at = at(linear);
        words[at + TAG] = linear & PAGE | generation;
        words[at + ADDEND] = place - linear;
    }

    /** Shows what is cached under {@code generation}. */
    void each(long generation, TlbView view) {
        for (int at = 0; at < words.length; at += 2) {
            long tag = words[at + TAG];
            if ((tag & TlbBank.GENERATION) == generation) {
                long page = tag & PAGE;
                view.translation(at / 2, page, words[at + ADDEND] + page, true, false);
            }
        }
    }

    long tag(int slot) {
        return words[2 * slot + TAG];
    }

    long addend(int slot) {
        return words[2 * slot + ADDEND];
    }

    void drop(long linear) {
        words[at(linear) + TAG] = 0;
    }

    /** As {@link TlbBank#dropEntry}. */
    void dropEntry(int level, int index) {
        if (level == 1) {
            for (int slot = index; slot < TlbBank.ENTRIES; slot += TlbBank.TABLE) {
                words[2 * slot + TAG] = 0;
            }
            return;
        }
        int first = (index & 1) * TlbBank.TABLE;
        for (int slot = first; slot < first + TlbBank.TABLE; slot++) {
            if (TlbBank.selects(words[2 * slot + TAG], index)) {
                words[2 * slot + TAG] = 0;
            }
        }
    }

    void clear() {
        Arrays.fill(words, 0);
    }
}
