package io.umbra.shadow;

import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import java.util.Arrays;

/**
 * Translations that emulated instructions of one vCPU have used, so that the next one need not walk: direct-mapped by linear page. An entry serves accesses of the same kind, and reads when it
 * was made for a write. Xen: {@code vtlb}.
 */
final class VirtualTlb {
    private static final int ENTRIES = 64;
    private static final long EMPTY = -1;
    private static final int AC = 1 << 30;

    private final RememberedWalks walks;
    private final Counters counters;
    private final long[] pages = new long[ENTRIES];
    private final long[] gfns = new long[ENTRIES];
    private final int[] kinds = new int[ENTRIES];
    private final int[] generations = new int[ENTRIES];
    private final int[] keyRights = new int[ENTRIES];

    VirtualTlb(RememberedWalks walks, Counters counters) {
        this.walks = walks;
        this.counters = counters;
        Arrays.fill(pages, EMPTY);
    }

    /**
     * @param kind what decides the rights besides the tables: {@link #kind}
     * @param pkru the rights of protection keys, which the guest changes without telling anybody
     * @return the gfn, or -1
     */
    long find(long linear, int kind, int pkru) {
        int place = (int) (linear >>> 12) & ENTRIES - 1;
        boolean hit = pages[place] == linear >>> 12
                && generations[place] == walks.generation()
                && keyRights[place] == pkru
                && (kinds[place] == kind || kinds[place] == (kind | PageFaultCode.WRITE));
        if (hit) {
            counters.add(Counter.VTLB_HIT);
        }
        return hit ? gfns[place] : EMPTY;
    }

    void add(long linear, int kind, int pkru, GuestWalk walk) {
        if (walks.remember(walk)) {
            int place = (int) (linear >>> 12) & ENTRIES - 1;
            pages[place] = linear >>> 12;
            kinds[place] = kind;
            keyRights[place] = pkru;
            gfns[place] = walk.gfn;
            generations[place] = walks.generation();
        }
    }

    /** The access, and EFLAGS.AC, which alone can change rights without anybody being told. */
    static int kind(int access, long rflags) {
        return (rflags & RFlags.ALIGNMENT_CHECK) != 0 ? access | AC : access;
    }
}
