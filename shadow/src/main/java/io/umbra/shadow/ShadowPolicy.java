package io.umbra.shadow;

/**
 * How a domain's shadows are kept. Every value gives the guest the same machine; only the cost differs. The rows behind it, with their names and descriptions, are in
 * {@link PolicyOption}.
 *
 * @param earlyUnshadow frames that are being zeroed are taken for tables no more
 * @param poolPages pages for shadows, of 4 KiB
 * @param dirtyClean how write access is taken again when the log-dirty bitmap is cleaned
 * @param blowEvery instructions after which all shadows are thrown away, again and again; 0 = never
 */
public record ShadowPolicy(
        Coherence coherence,
        Populate populate,
        WritableSearch writableSearch,
        boolean earlyUnshadow,
        int poolPages,
        DirtyClean dirtyClean,
        long blowEvery) {

    /** Pages that one instruction of one vCPU can need at most, generously. Xen: {@code SHADOW_MIN_ACCEPTABLE_PAGES}. */
    public static final int MINIMUM_POOL = 128;

    public static final ShadowPolicy DEFAULT = new ShadowPolicy(
            Coherence.WRITE_PROTECT,
            Populate.ALL_LEVELS,
            WritableSearch.REVERSE_MAP,
            true,
            4096,
            DirtyClean.REPROTECT,
            0);

    /** With the default of everything that is not named. */
    public ShadowPolicy(
            Coherence coherence, Populate populate, WritableSearch writableSearch, int poolPages, long blowEvery) {
        this(coherence, populate, writableSearch, DEFAULT.earlyUnshadow, poolPages, DEFAULT.dirtyClean, blowEvery);
    }

    /** How shadows follow the guest's tables. */
    public enum Coherence {
        /** Tables stay writable; shadows are only a cache, and every flush of the guest's drops all of them. */
        STRICT_TLB,
        /** Tables are read-only to the guest; every change is seen, so shadows survive CR3 loads. */
        WRITE_PROTECT
    }

    /** How much one fault fills. */
    public enum Populate {
        ONE_LEVEL,
        ALL_LEVELS
    }

    /** How the writable mappings of a frame are found when it becomes a table. */
    public enum WritableSearch {
        REVERSE_MAP,
        BRUTE_FORCE
    }

    /** How the frames of a log-dirty round fault again. */
    public enum DirtyClean {
        /** The leaves that map one of them lose the right to write. */
        REPROTECT,
        /** All shadows go. */
        BLOW
    }

    /** The same, but for one value. */
    public ShadowPolicy with(DirtyClean value) {
        return new ShadowPolicy(coherence, populate, writableSearch, earlyUnshadow, poolPages, value, blowEvery);
    }

    boolean writeProtects() {
        return coherence == Coherence.WRITE_PROTECT;
    }
}
