package io.umbra.vmm;

import io.umbra.shadow.DirtyBitmap;
import io.umbra.shadow.DirtyCause;
import io.umbra.shadow.P2m;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import java.util.Arrays;

/**
 * Holds log-dirty against what it means: a frame whose bytes are others than at the last clean is in the bitmap. All guest memory is hashed, frame by frame, at the end of each period; that a
 * change escapes has a chance of 2<sup>-64</sup>.
 */
final class DirtyVerifier {
    /** Of a frame that is no memory: a guest sees the change when it becomes one. */
    private static final long NO_MEMORY = -1;

    private static final DirtyCause[] CAUSES = DirtyCause.values();

    private final MachineMemory memory;
    private final P2m p2m;
    private final DirtySeries series;
    private long[] hashes = {};
    /** By gfn: why it is dirty, where it is. */
    private byte[] causes = {};

    DirtyVerifier(MachineMemory memory, P2m p2m, DirtySeries series) {
        this.memory = memory;
        this.p2m = p2m;
        this.series = series;
    }

    void begin() {
        grow();
        for (int gfn = 0; gfn < hashes.length; gfn++) {
            hashes[gfn] = hash(gfn);
        }
    }

    private void grow() {
        int old = hashes.length;
        int frames = Math.toIntExact(p2m.highestGfn() + 1);
        if (frames > old) {
            hashes = Arrays.copyOf(hashes, frames);
            Arrays.fill(hashes, old, frames, NO_MEMORY);
            causes = Arrays.copyOf(causes, frames);
        }
    }

    private long hash(long gfn) {
        long entry = p2m.lookup(gfn);
        return P2m.isBacked(entry) ? memory.hashFrame(P2m.mfn(entry)) : NO_MEMORY;
    }

    void becameDirty(long gfn, DirtyCause cause) {
        grow();
        if (gfn < causes.length) {
            causes[(int) gfn] = (byte) cause.ordinal();
        }
    }

    /**
     * @param dirty the bitmap of the period
     * @throws InvariantViolation (LOG-3) when a frame changed and is not in it
     */
    void verify(DirtyBitmap dirty, long start) {
        grow();
        for (int gfn = 0; gfn < hashes.length; gfn++) {
            long hash = hash(gfn);
            boolean isDirty = dirty.contains(gfn);
            if (hash != hashes[gfn]) {
                if (!isDirty) {
                    throw new InvariantViolation(
                            "LOG-3",
                            "gfn 0x%x changed in the period from %d ns on and is not in the log-dirty bitmap"
                                    .formatted(gfn, start));
                }
                series.countChanged();
            } else if (isDirty) {
                series.countExtra(CAUSES[causes[gfn]]);
            }
            hashes[gfn] = hash;
        }
    }
}
