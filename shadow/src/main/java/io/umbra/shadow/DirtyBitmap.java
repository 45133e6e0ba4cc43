package io.umbra.shadow;

import java.util.Arrays;
import java.util.Objects;
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

    /** Of 512 leaves, 64 GiB of guest memory. */
    private static final class Middle {
        final @Nullable Leaf[] leaves = new Leaf[NODE];
    }

    /** Of 512 nodes, 32 TiB. */
    private static final class Upper {
        final @Nullable Middle[] middles = new Middle[NODE];
    }

    /** 128 MiB. */
    private static final class Leaf {
        final long[] words = new long[NODE];
    }

    private final int mostNodes;
    private final @Nullable Upper[] root = new Upper[ROOT];
    private int nodes;
    long count;
    private boolean incomplete;

    /** The leaf of the last frame that was added. */
    @Nullable
    private Leaf lastLeaf;

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
        Leaf leaf = gfn >>> LEAF_BITS == lastLeafNumber ? lastLeaf : findOrMakeLeaf(gfn);
        if (leaf == null) {
            incomplete = true;
            return false;
        }
        int word = word(gfn);
        long old = leaf.words[word];
        leaf.words[word] = old | 1L << gfn;
        if (leaf.words[word] == old) {
            return false;
        }
        count++;
        return true;
    }

    public boolean contains(long gfn) {
        if (gfn < 0 || gfn >= FRAMES) {
            return false;
        }
        Leaf leaf = gfn >>> LEAF_BITS == lastLeafNumber ? lastLeaf : findLeaf(gfn);
        return leaf != null && (leaf.words[word(gfn)] >>> gfn & 1) != 0;
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
            Leaf leaf = findLeaf(at);
            long rest = leaf == null ? 0 : leaf.words[word(at)] >>> at;
            if (rest != 0) {
                return at + Long.numberOfTrailingZeros(rest);
            }
            at = (at | 63) + 1;
        }
        return -1;
    }

    /** Bits of the largest aligned range around {@code gfn} that has no node, or 0 when there is a leaf. */
    private int emptySpan(long gfn) {
        Upper upper = root[rootIndex(gfn)];
        if (upper == null) {
            return LEAF_BITS + 2 * NODE_BITS;
        }
        Middle middle = upper.middles[upperIndex(gfn)];
        if (middle == null) {
            return LEAF_BITS + NODE_BITS;
        }
        return middle.leaves[middleIndex(gfn)] == null ? LEAF_BITS : 0;
    }

    /**
     * Copies a range: bit {@code i} of {@code target} (bit {@code i % 64} of word {@code i / 64}) is frame {@code first + i}. Where there are no nodes the bits are zero.
     *
     * @param frames the length of the range, at most 64 for each word of {@code target}; bits of the last word beyond it are zero
     */
    public void copy(long first, int frames, long[] target) {
        Objects.checkFromIndexSize(first, frames, FRAMES);
        if (frames > target.length * 64L) {
            throw new IllegalArgumentException(frames + " frames do not fit into " + target.length + " words");
        }
        Arrays.fill(target, 0);
        for (long gfn = next(first); gfn >= 0 && gfn < first + frames; gfn = next(gfn + 1)) {
            int bit = (int) (gfn - first);
            target[bit >>> 6] |= 1L << bit;
        }
    }

    /** A set of the same frames that does not change with this one. */
    DirtyBitmap copy() {
        DirtyBitmap copy = new DirtyBitmap(mostNodes);
        for (long gfn = next(0); gfn >= 0; gfn = next(gfn + 1)) {
            copy.add(gfn);
        }
        copy.incomplete |= incomplete;
        return copy;
    }

    // ---- nodes
    // -------------------------------------------------------------------------------------------------------

    private @Nullable Leaf findLeaf(long gfn) {
        Upper upper = root[rootIndex(gfn)];
        Middle middle = upper == null ? null : upper.middles[upperIndex(gfn)];
        return middle == null ? null : middle.leaves[middleIndex(gfn)];
    }

    /** Null when no node is left: then none of its path is made either. */
    private @Nullable Leaf findOrMakeLeaf(long gfn) {
        int missing = missingNodes(gfn);
        if (missing > mostNodes - nodes) {
            return null;
        }
        nodes += missing;
        Upper upper = root[rootIndex(gfn)];
        if (upper == null) {
            upper = new Upper();
            root[rootIndex(gfn)] = upper;
        }
        Middle middle = upper.middles[upperIndex(gfn)];
        if (middle == null) {
            middle = new Middle();
            upper.middles[upperIndex(gfn)] = middle;
        }
        Leaf leaf = middle.leaves[middleIndex(gfn)];
        if (leaf == null) {
            leaf = new Leaf();
            middle.leaves[middleIndex(gfn)] = leaf;
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
