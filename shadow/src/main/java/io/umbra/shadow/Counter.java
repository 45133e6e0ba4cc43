package io.umbra.shadow;

import java.util.Locale;

/**
 * What the engine counts. The names in reports are those of Xen's trace events and performance counters where there is one. The first twenty, in this order, are
 * part of the hypercall interface of guests.
 */
public enum Counter {
    PAGE_FAULT("page faults that reached the engine"),
    FIXUP("faults fixed by filling shadows"),
    GUEST_FAULT("faults handed back to the guest with the walk's own error code"),
    EMULATE("writes to shadowed pagetables emulated"),
    UNSHADOW("guest frames whose shadows were all removed"),
    SHADOW_ALLOC("shadow pages made"),
    SHADOW_FREE("shadow pages destroyed"),
    CR3_LOAD("writes to CR3"),
    CR3_RETAINED("writes to CR3 that found the root's shadow again"),
    FLUSH("times that the TLB had to drop what lost a right before the guest ran on"),
    INVLPG("INVLPG instructions"),
    P2M_LOOKUP("P2M look-ups"),
    DIRTY_BIT_FAULT("write faults that only had to set D and make the shadow writable"),
    SPLINTER("splinter tables (fl1) made for large guest pages"),
    SHADOW_PAGES("shadow pages in use"),
    SHADOW_L1("shadows of level-1 tables made"),
    SHADOW_L2("shadows of level-2 tables made"),
    SHADOW_L3("shadows of level-3 tables made"),
    SHADOW_L4("shadows of level-4 tables made"),
    WRMAP_REMOVE("guest frames that lost their writable mappings on becoming a table"),
    EMULATE_OTHER("instructions emulated for another reason: WP=0, read-only memory, devices"),
    UNSHADOW_USER("unshadowed because user code wrote to the frame"),
    UNSHADOW_EVTINJ("unshadowed because an event was delivered onto the frame"),
    UNSHADOW_UNHANDLED("unshadowed because the write could not be emulated"),
    WRMAP_BF("searches for writable mappings by brute force"),
    PREALLOC_UNPIN("roots unpinned to refill the pool"),
    PREALLOC_UNHOOK("loaded roots emptied to refill the pool"),
    BLOW("times all shadows were thrown away"),
    VALIDATE("guest entries revalidated after a write"),
    HASH_LOOKUP("look-ups of a shadow by frame and type"),
    SHADOW_PAGES_PEAK("shadow pages in use at most"),
    MMIO("accesses to device memory"),
    P2M_CHANGE("P2M entries changed after start"),
    SPURIOUS("faults for which nothing was missing any more"),
    EARLY_UNSHADOW("unshadowed early because the frame was being zeroed"),
    ROOT_LINK("links made from a root to the shadow of a table of the level below"),
    ROOT_LINK_SHARED("of these, to a shadow that another root refers to as well: a shared kernel half"),
    INVPCID("INVPCID instructions"),
    GUEST_WALK("walks of the guest's tables"),
    SHADOW_L5("shadows of level-5 tables made"),
    UNSYNC("level-1 tables that went out of sync"),
    RESYNC("level-1 tables that came back into sync"),
    RESYNC_ENTRY("of their entries, those that had changed"),
    FIXUP_EVICT("writable mappings of an out-of-sync table taken away because there were too many"),
    PREFETCH("leaves filled before they were asked for"),
    FAST_NOT_PRESENT("guest faults answered from a tag, without a walk"),
    FAST_MMIO("device accesses recognised by a tag, without a walk"),
    FAST_EMULATION("writes to tables emulated at once, on the page of the last one"),
    SKIP_VERIFY("writes to tables that left an entry absent and needed no revalidation"),
    EMULATE_AHEAD("instructions emulated behind an emulated write, in wait of its second half"),
    VTLB_HIT("translations of emulated instructions found in the virtual TLB"),
    DYING("hints of the guest's that an address space is about to end"),
    UNSHADOW_DYING("unshadowed because the guest had said that the address space ends"),
    PDPTE_RELOAD("PDPTEs found changed in memory without a reload"),
    LOG_DIRTY_MARK("frames marked by log-dirty, once for each time they were clean"),
    LOG_DIRTY_FAULT("write faults answered while log-dirty was on"),
    LOG_DIRTY_CLEAN("times the log-dirty bitmap was taken and cleaned"),
    LARGE_LEAF("large shadow leaves made, each for 2 or 4 MiB"),
    LARGE_LEAF_BROKEN("large shadow leaves given up because of one frame in them"),
    POPULATE("frames given to the domain at their first use"),
    PAGE_OUT("frames whose bytes were put elsewhere to make room"),
    PAGE_IN("frames whose bytes were brought back"),
    MERGE("frames freed because another has the same bytes"),
    UNSHARE("copies made for writes to a frame that others have too"),
    PV_SHADOWS_ON("times a PV guest was switched to shadows"),
    SHOOTDOWN("entries whose translations the TLB dropped one by one, instead of all");

    private final String description;

    Counter(String description) {
        this.description = description;
    }

    public String description() {
        return description;
    }

    /** Says how much there is, or was at most, rather than how often something happened. */
    public boolean isLevel() {
        return this == SHADOW_PAGES || this == SHADOW_PAGES_PEAK;
    }

    /** As in reports: {@code cr3_retained}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
