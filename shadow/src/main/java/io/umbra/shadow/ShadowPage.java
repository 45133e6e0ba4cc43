package io.umbra.shadow;

import org.jspecify.annotations.Nullable;

/**
 * The descriptor of one page of the pool and of the shadow in it. Its frame holds 512 real long-mode entries; everything else about it is here. Xen keeps the
 * same in {@code struct page_info}.
 */
final class ShadowPage {
    /** In the pool. */
    final int index;
    /** Machine frame of the page. */
    final long mfn;

    /** Null while the page is free. */
    @Nullable
    ShadowType type;
    /** The back pointer: machine frame of the guest's table; for splinters the gfn where the large page starts. */
    long frame;
    /** Present shadow entries that refer to it + vCPU roots + 1 if pinned. */
    int references;
    /** Machine address of the first entry that referred to it, or -1. A hint for removal: others may refer to it too. */
    long upPointer;

    boolean pinned;
    /** Neighbours in the list of pinned roots, most recently loaded first. */
    @Nullable
    ShadowPage newer;

    @Nullable
    ShadowPage older;

    @Nullable
    ShadowPage nextInBucket;

    /** For leaves: links of the {@link ReverseMap} by slot. Made on first use, kept while the page is in the pool. */
    int @Nullable [] nextMapping;

    int @Nullable [] previousMapping;

    ShadowPage(int index, long mfn) {
        this.index = index;
        this.mfn = mfn;
    }

    ShadowType liveType() {
        ShadowType live = type;
        if (live == null) {
            throw new io.umbra.x86.InvariantViolation("POOL-2", "shadow page " + index + " is used but free");
        }
        return live;
    }

    long entryAddress(int slot) {
        return (mfn << 12) + ((long) slot << 3);
    }

    @Override
    public String toString() {
        return (type == null ? "free" : type.name()) + " of 0x" + Long.toHexString(frame) + " at mfn 0x"
                + Long.toHexString(mfn);
    }
}
