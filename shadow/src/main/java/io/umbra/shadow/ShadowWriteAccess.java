package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/** Write access as shadows grant it: by leaves, which the reverse map finds. */
final class ShadowWriteAccess implements WriteAccess {
    private final ShadowTables tables;
    private final P2m p2m;
    private final Reclaim reclaim;
    private final Runnable flush;

    /** @param flush empties the TLBs when the tables demand it */
    ShadowWriteAccess(ShadowTables tables, P2m p2m, Reclaim reclaim, Runnable flush) {
        this.tables = tables;
        this.p2m = p2m;
        this.reclaim = reclaim;
        this.flush = flush;
    }

    /** All shadows go, as in Xen: whatever keeps rights in them, or will one day, is covered. */
    @Override
    public void takeFromAll() {
        reclaim.blow();
        flush.run();
    }

    @Override
    public void takeFrom(long gfn) {
        long entry = p2m.lookup(gfn);
        if (!P2m.isBacked(entry)) {
            return;
        }
        long mfn = P2m.mfn(entry);
        int node = tables.reverseMap.first(mfn);
        while (node >= 0 && tables.frames.writableMappings(mfn) > 0) {
            int next = tables.reverseMap.next(node);
            ShadowPage page = tables.reverseMap.page(node);
            int slot = tables.reverseMap.slot(node);
            long leaf = tables.entry(page, slot);
            tables.setLeaf(page, slot, leaf & ~(LongModeEntry.WRITABLE | LongModeEntry.DIRTY));
            node = next;
        }
    }

    /** Unconditional: a TLB may hold a right that no leaf grants any more, because the guest has not flushed yet. */
    @Override
    public void flush() {
        tables.demandFlush();
        flush.run();
    }

    @Override
    public void giveBack() {}
}
