package io.umbra.shadow;

import org.jspecify.annotations.Nullable;

/**
 * The roots that are kept although no CR3 may hold them now, most recently loaded first. The pin is what makes switching between processes cheap; the order
 * says which root goes first when the pool runs low.
 */
final class PinnedRoots {
    private @Nullable ShadowPage newest;
    private @Nullable ShadowPage oldest;
    private int size;

    int size() {
        return size;
    }

    @Nullable
    ShadowPage oldest() {
        return oldest;
    }

    @Nullable
    ShadowPage newest() {
        return newest;
    }

    /** Pins the root, or moves it to the front. @return whether it was not pinned before, so that the caller owes a reference */
    boolean touch(ShadowPage page) {
        boolean isNew = !page.pinned;
        if (!isNew) {
            unlink(page);
        }
        page.pinned = true;
        page.newer = null;
        page.older = newest;
        if (newest != null) {
            newest.newer = page;
        } else {
            oldest = page;
        }
        newest = page;
        size++;
        return isNew;
    }

    /** Takes the root out; the caller drops the pin's reference. */
    void remove(ShadowPage page) {
        unlink(page);
        page.pinned = false;
    }

    private void unlink(ShadowPage page) {
        ShadowPage newer = page.newer;
        ShadowPage older = page.older;
        if (newer != null) {
            newer.older = older;
        } else {
            newest = older;
        }
        if (older != null) {
            older.newer = newer;
        } else {
            oldest = newer;
        }
        page.newer = null;
        page.older = null;
        size--;
    }
}
