package io.umbra.shadow;

import org.jspecify.annotations.Nullable;

/**
 * A set of guest frames, by gfn below 2<sup>40</sup>: a trie whose nodes exist only above frames that are in the set, so that a guest of terabytes costs what it writes to. Xen: the log-dirty trie.
 *
 * <pre> gfn  39..33 root | 32..24 | 23..15 | 14..0 bit of a leaf of 32768 frames, 4 KiB </pre>
 *
 * <p>Only adding allocates, a node of 4 KiB at a time and at most so many. When no node is left the frame is missing from the set, which then {@link #isIncomplete()}.
 */
public final class DirtyBitmap {
    /** Frame numbers are below this. */
    public static final long FRAMES = 1L << 40;

    /** Nodes that a set may have unless said otherwise: 256 MiB, enough for 8 TiB of memory that is dirty all over. */
    static final int MOST_NODES = 1 << 16;

    private static final int LEAF_BITS = 15;
    private static final int NODE_BITS = 9;
    private static final int NODE = 1 << NODE_BITS;
    private static final int ROOT = 1 << 40 - LEAF_BITS - 2 * NODE_BITS;

    private final int mostNodes;
    private final long[][] @Nullable [] @Nullable [] root = new long[ROOT][][][];
    private int nodes;
    private long count;
    private boolean incomplete;

    /** The leaf of the last frame that was added. */
    private long @Nullable [] lastLeaf;

    private long lastLeafNumber = -1;

    /** Empty. */
    public DirtyBitmap() {
        this(MOST_NODES);
    }

    /** @param mostNodes nodes that it may have: a failure can be had at will */
    DirtyBitmap(int mostNodes) {
        this.mostNodes = mostNodes;
    }

    /**
     * Adds a frame. Frames outside of {@link #FRAMES} are ignored: they are no memory.
     *
     * @return whether it is new; false too when no node was left for it
     */
    boolean add(long gfn) {
        if (gfn < 0 || gfn >= FRAMES) {
            return false;
        }
        long[] leaf = gfn >>> LEAF_BITS == lastLeafNumber ? lastLeaf : findOrMakeLeaf(gfn);
        if (leaf == null) {
            incomplete = true;
            return false;
        }
        int word = word(gfn);
        long old = leaf[word];
        leaf[word] = old | 1L << gfn;
        if (leaf[word] == old) {
            return false;
        }
        count++;
        return true;
    }

    public boolean contains(long gfn) {
        if (gfn < 0 || gfn >= FRAMES) {
            return false;
        }
        long[] leaf = gfn >>> LEAF_BITS == lastLeafNumber ? lastLeaf : findLeaf(gfn);
        return leaf != null && (leaf[word(gfn)] >>> gfn & 1) != 0;
    }

    /** Frames in the set. */
    public long count() {
        return count;
    }

    /** A frame could not be added since the set was made: what it says is of no use. */
    public boolean isIncomplete() {
        return incomplete;
    }

    /** Nodes of 4 KiB that it takes, beside its root. */
    int nodes() {
        return nodes;
    }

    /** The first frame of the set from {@code gfn} on, or -1: {@code for (long f = s.next(0); f >= 0; f = s.next(f + 1))}. */
    public long next(long gfn) {
        long at = Math.max(gfn, 0);
        while (at < FRAMES) {
            int span = emptySpan(at);
            if (span > 0) {
                at = (at >>> span) + 1 << span;
                continue;
            }
            long[] leaf = findLeaf(at);
            long rest = leaf == null ? 0 : leaf[word(at)] >>> at;
            if (rest != 0) {
                return at + Long.numberOfTrailingZeros(rest);
            }
            at = (at | 63) + 1;
        }
        return -1;
    }

    /** Bits of the largest aligned range around {@code gfn} that has no node, or 0 when there is a leaf. */
    private int emptySpan(long gfn) {
        long[][][] upper = root[rootIndex(gfn)];
        if (upper == null) {
            return LEAF_BITS + 2 * NODE_BITS;
        }
        long[][] middle = upper[upperIndex(gfn)];
        if (middle == null) {
            return LEAF_BITS + NODE_BITS;
        }
        return middle[middleIndex(gfn)] == null ? LEAF_BITS : 0;
    }

    /**
     * Copies a range: bit {@code i} of {@code target} (bit {@code i % 64} of word {@code i / 64}) is frame {@code first + i}. Where there are no nodes the bits are zero.
     *
     * @param frames the length of the range, at most 64 for each word of {@code target}; bits of the last word beyond it are zero
     */
    public void copy(long first, int frames, long[] target) {
        java.util.Objects.checkFromIndexSize(first, frames, FRAMES);
        if (frames > target.length * 64L) {
            throw new IllegalArgumentException(frames + " frames do not fit into " + target.length + " words");
        }
        java.util.Arrays.fill(target, 0);
        for (long gfn = next(first); gfn >= 0 && gfn < first + frames; gfn = next(gfn + 1)) {
            int bit = (int) (gfn - first);
            target[bit >>> 6] |= 1L << bit;
        }
    }

    /** A set of the same frames that does not change with this one. */
    DirtyBitmap copy() {
        DirtyBitmap copy = new DirtyBitmap(mostNodes);
        for (int i = 0; i < ROOT; i++) {
            long[][][] upper = root[i];
            copy.root[i] = upper == null ? null : copyOf(upper);
        }
        copy.nodes = nodes;
        copy.count = count;
        copy.incomplete = incomplete;
        return copy;
    }

    private static long[][][] copyOf(long[][][] upper) {
        long[][][] copy = new long[NODE][][];
        for (int i = 0; i < NODE; i++) {
            if (upper[i] != null) {
                copy[i] = new long[NODE][];
                for (int j = 0; j < NODE; j++) {
                    copy[i][j] = upper[i][j] == null ? null : upper[i][j].clone();
                }
            }
        }
        return copy;
    }

    // ---- nodes
    // -------------------------------------------------------------------------------------------------------

    private long @Nullable [] findLeaf(long gfn) {
        long[][][] upper = root[rootIndex(gfn)];
        long[][] middle = upper == null ? null : upper[upperIndex(gfn)];
        return middle == null ? null : middle[middleIndex(gfn)];
    }

    /** Null when no node is left. */
    private long @Nullable [] findOrMakeLeaf(long gfn) {
        if (nodes + missingNodes(gfn) > mostNodes) {
            return null;
        }
        nodes += missingNodes(gfn);
        long[][][] upper = root[rootIndex(gfn)];
        if (upper == null) {
            upper = new long[NODE][][];
            root[rootIndex(gfn)] = upper;
        }
        long[][] middle = upper[upperIndex(gfn)];
        if (middle == null) {
            middle = new long[NODE][];
            upper[upperIndex(gfn)] = middle;
        }
        long[] leaf = middle[middleIndex(gfn)];
        if (leaf == null) {
            leaf = new long[NODE];
            middle[middleIndex(gfn)] = leaf;
        }
        lastLeaf = leaf;
        lastLeafNumber = gfn >>> LEAF_BITS;
        return leaf;
    }

    private int missingNodes(long gfn) {
        int span = emptySpan(gfn);
        return span == 0 ? 0 : (span - LEAF_BITS) / NODE_BITS + 1;
    }

    private static int rootIndex(long gfn) {
        return (int) (gfn >>> LEAF_BITS + 2 * NODE_BITS);
    }

    private static int upperIndex(long gfn) {
        return (int) (gfn >>> LEAF_BITS + NODE_BITS) & NODE - 1;
    }

    private static int middleIndex(long gfn) {
        return (int) (gfn >>> LEAF_BITS) & NODE - 1;
    }

    private static int word(long gfn) {
        return (int) gfn >>> 6 & NODE - 1;
    }
}
