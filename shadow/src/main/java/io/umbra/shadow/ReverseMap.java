package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * For each machine frame (or run of frames, for {@link LargeLeaves}), exactly the shadow leaves that map it: doubly linked lists whose nodes are (pool page, slot), so that adding and removing are O(1)
 * and allocate nothing. Xen has none; it guesses and then searches every shadow.
 *
 * <pre> node  31..9 index of the pool page | 8..0 slot </pre>
 */
final class ReverseMap {
    private static final int NONE = -1;

    /** The first node of each list, + 1. */
    private final int[] heads;

    private final ShadowPool pool;

    /** @param lists as many as there are frames, or runs */
    ReverseMap(long lists, ShadowPool pool) {
        this.heads = new int[Math.toIntExact(lists)];
        this.pool = pool;
    }

    /** First node of the frame's list, or -1. */
    int first(long mfn) {
        return heads[(int) mfn] - 1;
    }

    int next(int node) {
        return nextLinks(pool.page(node >>> 9))[place(node)];
    }

    /** The shadow that the node's leaf is in. */
    ShadowPage page(int node) {
        return pool.page(node >>> 9).head;
    }

    /** The leaf's slot, counted through all pages of its shadow. */
    int slot(int node) {
        return pool.page(node >>> 9).part << 9 | place(node);
    }

    private static int place(int node) {
        return node & LongModeEntry.ENTRIES - 1;
    }

    static int node(ShadowPage shadow, int slot) {
        return shadow.pageOf(slot).index << 9 | place(slot);
    }

    void add(long mfn, ShadowPage shadow, int slot) {
        ShadowPage page = shadow.pageOf(slot);
        int place = place(slot);
        int node = page.index << 9 | place;
        int head = first(mfn);
        nextLinks(page)[place] = head;
        previousLinks(page)[place] = NONE;
        if (head != NONE) {
            previousLinks(pool.page(head >>> 9))[place(head)] = node;
        }
        heads[(int) mfn] = node + 1;
    }

    void remove(long mfn, ShadowPage shadow, int slot) {
        ShadowPage page = shadow.pageOf(slot);
        int place = place(slot);
        int next = nextLinks(page)[place];
        int previous = previousLinks(page)[place];
        if (next != NONE) {
            previousLinks(pool.page(next >>> 9))[place(next)] = previous;
        }
        if (previous != NONE) {
            nextLinks(pool.page(previous >>> 9))[place(previous)] = next;
        } else {
            heads[(int) mfn] = next + 1;
        }
    }

    private static int[] nextLinks(ShadowPage page) {
        int[] links = page.nextMapping;
        if (links == null) {
            links = new int[LongModeEntry.ENTRIES];
            page.nextMapping = links;
        }
        return links;
    }

    private static int[] previousLinks(ShadowPage page) {
        int[] links = page.previousMapping;
        if (links == null) {
            links = new int[LongModeEntry.ENTRIES];
            page.previousMapping = links;
        }
        return links;
    }
}
