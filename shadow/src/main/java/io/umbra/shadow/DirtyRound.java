package io.umbra.shadow;

/** What {@link LogDirty} gives out: the frames written to since the last clean. */
public sealed interface DirtyRound {

    /**
     * All of them.
     *
     * @param frames by gfn
     * @param faults write faults answered by filling shadows, or the P2M, meanwhile. Xen: {@code fault_count}
     */
    record Complete(DirtyBitmap frames, long faults) implements DirtyRound {}

    /** No bitmap at all. */
    enum Failed implements DirtyRound {
        /** A frame was written to for which no memory was left: the bitmap would lack it. It stays so until log-dirty is switched off. */
        OUT_OF_MEMORY
    }
}
