package io.umbra.shadow;

import java.util.BitSet;
import java.util.Objects;

/**
 * Which frames of one range have been written to since they were last asked for: what a display needs to redraw. Independent of {@link LogDirty}; both may be on. Xen: {@code
 * shadow_track_dirty_vram}.
 *
 * <p>Xen reads the D bits that hardware sets in the shadow leaves, remembers for each frame the one leaf that maps it writable, and takes a frame with several such leaves for dirty. Here each leaf is
 * D from the start, so that hardware never writes to shadows, and the reverse map knows every leaf: write access is taken after each query, and the next write faults and marks. That
 * is exact for any number of mappings, and the same under nested paging; it costs one fault for each frame written to between two queries, where Xen pays none until it falls asleep.
 */
public final class VramTracking {
    private final WriteAccess access;
    private long first;
    private int count;
    private BitSet dirty = new BitSet();

    VramTracking(WriteAccess access) {
        this.access = access;
    }

    /** A range is being tracked. */
    public boolean isOn() {
        return count > 0;
    }

    /**
     * Tracks the frames from {@code gfn} on, none of which counts as dirty yet. Any other range is tracked no more; the same one goes on as it was. Frames that are no memory are never
     * dirty, until they become memory.
     *
     * @param frames how many; 0 ends tracking
     */
    public void begin(long gfn, int frames) {
        Objects.checkFromIndexSize(gfn, frames, DirtyBitmap.FRAMES);
        if (gfn == first && frames == count) {
            return;
        }
        first = gfn;
        count = frames;
        dirty = new BitSet(frames);
        for (int i = 0; i < frames; i++) {
            access.takeFrom(gfn + i);
        }
        if (frames > 0) {
            access.flush();
        } else {
            access.giveBack();
        }
    }

    /**
     * The frames written to since the last query, or since tracking began: bit i is the i-th of the range.
     *
     * @throws IllegalStateException when no range is tracked
     */
    public BitSet query() {
        if (!isOn()) {
            throw new IllegalStateException("no range is tracked");
        }
        BitSet round = dirty;
        dirty = new BitSet(count);
        for (int i = round.nextSetBit(0); i >= 0; i = round.nextSetBit(i + 1)) {
            access.takeFrom(first + i);
        }
        if (!round.isEmpty()) {
            access.flush();
        }
        return round;
    }

    private boolean tracks(long gfn) {
        return gfn >= first && gfn - first < count;
    }

    // ---- for the engine
    // ----------------------------------------------------------------------------------------------

    boolean keepsBack(long gfn) {
        return tracks(gfn) && !dirty.get((int) (gfn - first));
    }

    void mark(long gfn) {
        if (tracks(gfn)) {
            dirty.set((int) (gfn - first));
        }
    }
}
