package io.umbra.shadow;

import java.util.Arrays;

/**
 * Which frames the walks went through whose results are kept ({@link VirtualTlb}, {@link EmulationHint}): a change of one of them ends all that is kept. The set is a filter: it may think a
 * frame in it that is not, and then forgets too much.
 *
 * <p>Only walks through tables whose every change is seen are kept: shadowed, write-protected and in sync.
 */
final class RememberedWalks {
    private static final int BITS = 256;

    private final ShadowTables tables;
    private final long[] filter = new long[BITS / Long.SIZE];
    private int generation;

    RememberedWalks(ShadowTables tables) {
        this.tables = tables;
    }

    /** What was kept under another generation is void. */
    int generation() {
        return generation;
    }

    /** @return whether the result of the walk may be kept: then its tables are watched from now on */
    boolean remember(GuestWalk walk) {
        if (walk.unpaged) {
            return true;
        }
        for (int level = walk.topLevel; level >= walk.leafLevel; level--) {
            long mfn = walk.tables[level];
            if (!tables.isProtected(mfn) || tables.frames.isOutOfSync(mfn)) {
                return false;
            }
        }
        for (int level = walk.topLevel; level >= walk.leafLevel; level--) {
            int bit = bit(walk.tables[level]);
            filter[bit >>> 6] |= 1L << bit;
        }
        return true;
    }

    /** The frame was written to as a table, or its writes are no longer seen. */
    void tableChanged(long mfn) {
        int bit = bit(mfn);
        if ((filter[bit >>> 6] >>> bit & 1) != 0) {
            forget();
        }
    }

    void forget() {
        generation++;
        Arrays.fill(filter, 0);
    }

    private static int bit(long mfn) {
        return (int) (mfn * 0x9E37_79B9_7F4A_7C15L >>> 56);
    }
}
