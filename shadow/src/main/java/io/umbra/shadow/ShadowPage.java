package io.umbra.shadow;

import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import org.jspecify.annotations.Nullable;

/**
 * The descriptor of one page of the pool and of the shadow in it. Its frame holds 512 real entries in PAE or long-mode format; everything else about it is here. A shadow of several pages is
 * known by its first, the head, to which all references go; its entries are numbered through its pages as <em>slots</em>. Xen keeps the same in {@code struct page_info}.
 */
final class ShadowPage {
    private static final int SLOT_BITS = 9;

    /** In the pool. */
    final int index;
    /** Machine frame of the page. */
    final long mfn;

    /** Null while the page is free. */
    @Nullable
    ShadowType type;
    /** The back pointer: machine frame of the guest's table; for splinters {@link Splinter#key}. */
    long frame;
    /** The first page of the shadow that this one belongs to. */
    ShadowPage head = this;
    /** Which page of its shadow this is, from 0. */
    int part;

    @Nullable
    ShadowPage nextPart;

    /** Present shadow entries that refer to it + vCPU roots + 1 if pinned. Counted in the head. */
    int references;
    /** Machine address of the first entry that referred to it, or -1. A hint for removal: others may refer to it too. */
    long upPointer;

    /** Leaves that are tags of device memory; see {@link FaultTag}. */
    int deviceTags;

    /** What hardware was told when this page was last loaded as its root. */
    HardwarePaging.@Nullable Shadow loadedAs;

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
            throw new InvariantViolation("POOL-2", "shadow page " + index + " is used but free");
        }
        return live;
    }

    /** Live, and the first page of its shadow. */
    boolean isShadow() {
        return type != null && head == this;
    }

    /** The page that holds {@code slot} of this shadow. */
    ShadowPage pageOf(int slot) {
        ShadowPage page = this;
        for (int i = slot >>> SLOT_BITS; i > 0; i--) {
            ShadowPage next = page.nextPart;
            if (next == null) {
                throw new InvariantViolation("POOL-2", this + " has no slot " + slot);
            }
            page = next;
        }
        return page;
    }

    /** Machine address of a slot, counted through all pages of the shadow. */
    long entryAddress(int slot) {
        return (pageOf(slot).mfn << 12) + ((long) (slot & LongModeEntry.ENTRIES - 1) << 3);
    }

    /** The slot, counted through all pages of the shadow, of an entry in this page. */
    int slotAt(long address) {
        return part << SLOT_BITS | (int) (address & 0xFFF) >>> 3;
    }

    @Override
    public String toString() {
        return (type == null ? "free" : type.name()) + " of 0x" + Long.toHexString(frame) + " at mfn 0x"
                + Long.toHexString(mfn);
    }
}
