package io.umbra.shadow;

import org.jspecify.annotations.Nullable;

/**
 * Log-dirty mode of a domain: which guest frames have been written to since the last {@link #clean}. May be switched between any two instructions of the guest. Xen: {@code
 * paging_log_dirty_*}.
 *
 * <p>While it is on, memory starts out read-only to hardware. The first write to a frame faults; the frame is marked, and only then becomes writable, so that later writes cost
 * nothing. Writes that no fault announces are marked where they are made: A and D by walks, emulated stores, devices, changes of the P2M. Prefetch and reads mark nothing. The
 * guest's own A and D bits are never touched.
 *
 * <p>A frame in the bitmap was <em>allowed</em> to be written to: the store may have had the bytes that were there, or may have faulted elsewhere.
 */
public final class LogDirty {
    /** Told of each frame when it becomes dirty. */
    @FunctionalInterface
    public interface Watch {
        void becameDirty(long gfn, DirtyCause cause);
    }

    private final WriteAccess access;
    private final ShadowPolicy.DirtyClean cleaning;
    private final Counters counters;
    private boolean on;
    private int mostNodes = DirtyBitmap.MOST_NODES;
    DirtyBitmap dirty = new DirtyBitmap();
    private long faults;

    @Nullable
    private Watch watch;

    LogDirty(WriteAccess access, ShadowPolicy.DirtyClean cleaning, Counters counters) {
        this.access = access;
        this.cleaning = cleaning;
        this.counters = counters;
    }

    public boolean isOn() {
        return on;
    }

    /**
     * Begins with an empty bitmap. Write access is taken from everything at once.
     *
     * @throws IllegalStateException when it is on
     */
    public void enable() {
        if (on) {
            throw new IllegalStateException("log-dirty is on");
        }
        on = true;
        counters.trace.logDirty(true);
        begin();
        access.takeFromAll();
    }

    /** Forgets the bitmap. What was read-only only for the log's sake becomes writable as it is asked for. */
    public void off() {
        if (on) {
            on = false;
            counters.trace.logDirty(false);
            begin();
            access.giveBack();
        }
    }

    /** The frames that are dirty, as a copy; changes nothing. @throws IllegalStateException when it is off */
    public DirtyRound peek() {
        checkOn();
        return dirty.isIncomplete() ? DirtyRound.Failed.OUT_OF_MEMORY : new DirtyRound.Complete(dirty.copy(), faults);
    }

    /**
     * The frames that are dirty; from now on none is, and each faults again when written to. A failure changes nothing.
     *
     * @throws IllegalStateException when it is off
     */
    public DirtyRound clean() {
        checkOn();
        if (dirty.isIncomplete()) {
            return DirtyRound.Failed.OUT_OF_MEMORY;
        }
        counters.add(Counter.LOG_DIRTY_CLEAN);
        counters.trace.round(dirty.count(), faults);
        DirtyRound.Complete round = new DirtyRound.Complete(dirty, faults);
        begin();
        switch (cleaning) {
            case REPROTECT -> reprotect(round.frames());
            case BLOW -> access.takeFromAll();
        }
        return round;
    }

    /** What is not dirty is not writable, neither in a table nor in a TLB: so the dirty frames are all there is to do. */
    private void reprotect(DirtyBitmap frames) {
        for (long gfn = frames.next(0); gfn >= 0; gfn = frames.next(gfn + 1)) {
            access.takeFrom(gfn);
        }
        if (frames.count() > 0) {
            access.flush();
        }
    }

    private void begin() {
        dirty = new DirtyBitmap(mostNodes);
        faults = 0;
    }

    private void checkOn() {
        if (!on) {
            throw new IllegalStateException("log-dirty is off");
        }
    }

    /** Frames that are dirty now. Xen: {@code dirty_count}. */
    public long dirtyCount() {
        return dirty.count();
    }

    /** Write faults answered since the last clean. Xen: {@code fault_count}. */
    public long faultCount() {
        return faults;
    }

    /** Has {@code watch} told of each frame that becomes dirty; null ends it. */
    public void watch(@Nullable Watch watch) {
        this.watch = watch;
    }

    /** Bitmaps from the next on have so many nodes at most. */
    void limitNodes(int nodes) {
        mostNodes = nodes;
    }

    // ---- for the engine
    // ----------------------------------------------------------------------------------------------

    /** Frames whose write access the log keeps back: those that are not dirty. */
    boolean keepsBack(long gfn) {
        return on && !dirty.contains(gfn);
    }

    /** The bitmap lacks frames for want of memory. */
    boolean isIncomplete() {
        return dirty.isIncomplete();
    }

    /** The frames of the bitmap, counted one by one. */
    long countFrames() {
        long count = 0;
        for (long gfn = dirty.next(0); gfn >= 0; gfn = dirty.next(gfn + 1)) {
            count++;
        }
        return count;
    }

    void mark(long gfn, DirtyCause cause) {
        if (on && dirty.add(gfn)) {
            counters.add(Counter.LOG_DIRTY_MARK);
            counters.trace.marked(gfn, cause);
            if (watch != null) {
                watch.becameDirty(gfn, cause);
            }
        }
    }

    /** A write fault was answered: the store can be made now. */
    void countFault() {
        if (on) {
            faults++;
            counters.add(Counter.LOG_DIRTY_FAULT);
        }
    }
}
