package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/** All who want to know of writes to guest frames, as the engine sees them: each write is told here before it can be made. */
final class WriteLog {
    final LogDirty logDirty;
    final VramTracking vram;

    WriteLog(WriteAccess access, ShadowPolicy.DirtyClean cleaning, Counters counters) {
        this.logDirty = new LogDirty(access, cleaning, counters);
        this.vram = new VramTracking(access);
    }

    boolean isActive() {
        return logDirty.isOn() || vram.isOn();
    }

    /** The frame is about to be written to, or may be without another word. */
    void mark(long gfn, DirtyCause cause) {
        logDirty.mark(gfn, cause);
        vram.mark(gfn);
    }

    /**
     * The decision on every leaf: what is left of {@code leaf} while writes are logged. A write that is being answered marks the frame and keeps its right; anything else keeps it only
     * where the frame is marked already, and marks nothing.
     *
     * @param gfn the frame that it maps
     */
    long admit(long leaf, long gfn, LeafAccess access) {
        if (!LongModeEntry.isWritable(leaf) || !isActive()) {
            return leaf;
        }
        if (access == LeafAccess.DEMAND_WRITE) {
            mark(gfn, DirtyCause.STORE);
            return leaf;
        }
        return keepsBack(gfn) ? leaf & ~(LongModeEntry.WRITABLE | LongModeEntry.DIRTY) : leaf;
    }

    /** A write to the frame must fault. */
    boolean keepsBack(long gfn) {
        return logDirty.keepsBack(gfn) || vram.keepsBack(gfn);
    }

    /** A write fault was answered with more rights. */
    void countFault() {
        logDirty.countFault();
    }

    /** Marks all frames with a byte in the range that are memory. */
    void markMemory(P2m p2m, long guestPhysical, long length, DirtyCause cause) {
        if (!isActive() || length <= 0) {
            return;
        }
        for (long gfn = guestPhysical >>> 12; gfn <= guestPhysical + length - 1 >>> 12; gfn++) {
            if (P2m.isBacked(p2m.lookup(gfn))) {
                mark(gfn, cause);
            }
        }
    }
}
