package io.umbra.vmm.pv;

import io.umbra.shadow.DirtyBitmap;
import io.umbra.shadow.DirtyRound;
import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.PvPaging;
import io.umbra.shadow.pv.PvTables;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import java.util.function.Supplier;

/**
 * Turns shadows with log-dirty on under a PV guest for one period of its time, and off for the next, as migrations that are begun and given up do. At the end of each period with shadows the bitmap is taken.
 */
public final class ShadowSwitch {
    private final PvPaging paging;
    private final PvTables tables;
    private final MachineMemory memory;
    private final Supplier<long[]> mapped;
    private final long period;
    /** Of each frame when the period began; by mfn. */
    private final long[] hashes;

    private boolean isOn;
    private long next;
    private long rounds;
    private long dirty;
    private long changed;

    /**
     * @param mapped frames that the hypervisor writes to without telling
     * @param period nanoseconds of virtual time
     */
    ShadowSwitch(
            PvPaging paging,
            PvTables tables,
            MachineMemory memory,
            Supplier<long[]> mapped,
            long period,
            boolean verifies) {
        this.paging = paging;
        this.tables = tables;
        this.memory = memory;
        this.mapped = mapped;
        this.period = period;
        this.hashes = new long[verifies ? Math.toIntExact(memory.frames()) : 0];
    }

    /** Periods with shadows that have ended. */
    public long rounds() {
        return rounds;
    }

    /** Frames in all bitmaps together, by the guest's own numbers. */
    public long dirty() {
        return dirty;
    }

    /** Frames whose bytes were found changed, over all periods. */
    public long changed() {
        return changed;
    }

    /** When it is turned again. */
    long next() {
        return next;
    }

    void advanceTo(long now) {
        if (now < next) {
            return;
        }
        if (isOn) {
            turnOff();
        } else {
            turnOn();
        }
        isOn = !isOn;
        next = now - now % period + period;
    }

    private void turnOn() {
        paging.switchOn();
        paging.logDirty().enable();
        for (int mfn = 0; mfn < hashes.length; mfn++) {
            hashes[mfn] = tables.pfnOf(mfn) >= 0 ? memory.hashFrame(mfn) : 0;
        }
    }

    private void turnOff() {
        for (long mfn : mapped.get()) {
            paging.markDirty(mfn);
        }
        DirtyBitmap frames = switch (paging.logDirty().clean()) {
            case DirtyRound.Complete round -> round.frames();
            case DirtyRound.Failed failed -> throw new DomainCrash("no memory is left for the log-dirty bitmap");
        };
        verify(frames);
        rounds++;
        dirty += paging.byPfn(frames).count();
        paging.logDirty().off();
        paging.switchOff();
    }

    private void verify(DirtyBitmap frames) {
        for (int mfn = 0; mfn < hashes.length; mfn++) {
            long pfn = tables.pfnOf(mfn);
            if (pfn >= 0 && hashes[mfn] != 0 && memory.hashFrame(mfn) != hashes[mfn]) {
                changed++;
                if (!frames.contains(mfn)) {
                    throw new InvariantViolation(
                            "LOG-DIRTY",
                            "the bytes of pfn 0x%x (mfn 0x%x) changed, and the bitmap does not have it"
                                    .formatted(pfn, mfn));
                }
            }
        }
    }
}
