package io.umbra.vmm.xen;

import java.util.function.LongSupplier;

/** A domain's grant table of version 1: frames of the hypervisor's own, made when they are first asked for, of which nobody takes anything yet. */
public final class GrantTable {
    static final int MOST_FRAMES = 4;

    private final LongSupplier newFrame;
    private final long[] frames = new long[MOST_FRAMES];
    private int used;

    /** @param newFrame gives the number of a zeroed machine frame, or a negative one when there is none */
    public GrantTable(LongSupplier newFrame) {
        this.newFrame = newFrame;
    }

    int used() {
        return used;
    }

    /** The table gets so many frames, {@link #MOST_FRAMES} at most, if it has not. @return whether there are so many */
    boolean grow(int wanted) {
        while (used < wanted) {
            long frame = newFrame.getAsLong();
            if (frame < 0) {
                return false;
            }
            frames[used++] = frame;
        }
        return true;
    }

    /** The machine frame of that index, made if need be; -1 when there cannot be one. */
    public long frame(long index) {
        return index >= 0 && index < MOST_FRAMES && grow((int) index + 1) ? frames[(int) index] : -1;
    }
}
