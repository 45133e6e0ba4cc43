package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * For each machine frame, exactly the shadow leaves that map it: doubly linked lists whose nodes are (pool page, slot), so that adding and removing are O(1)
 * and allocate nothing. Xen has none; it guesses and then searches every shadow.
 *
 * <pre> node  31..9 index of the pool page | 8..0 slot </pre>
 */
final class ReverseMap {
    private static final int NONE = -1;

    private final FrameTable frames;
    private final ShadowPool pool;

    ReverseMap(FrameTable frames, ShadowPool pool) {
        this.frames = frames;
        this.pool = pool;
    }

    /** First node of the frame's list, or -1. */
    int first(long mfn) {
        return frames.firstMapping(mfn);
    }

    int next(int node) {
        return nextLinks(page(node))[slot(node)];
    }

    ShadowPage page(int node) {
        return pool.page(node >>> 9);
    }

    static int slot(int node) {
        return node & LongModeEntry.ENTRIES - 1;
    }

    void add(long mfn, ShadowPage page, int slot) {
        int node = page.index << 9 | slot;
        int head = frames.firstMapping(mfn);
        nextLinks(page)[slot] = head;
        previousLinks(page)[slot] = NONE;
        if (head != NONE) {
            previousLinks(page(head))[slot(head)] = node;
        }
        frames.firstMapping(mfn, node);
    }

    void remove(long mfn, ShadowPage page, int slot) {
        int next = nextLinks(page)[slot];
        int previous = previousLinks(page)[slot];
        if (next != NONE) {
            previousLinks(page(next))[slot(next)] = previous;
        }
        if (previous != NONE) {
            nextLinks(page(previous))[slot(previous)] = next;
        } else {
            frames.firstMapping(mfn, next);
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
