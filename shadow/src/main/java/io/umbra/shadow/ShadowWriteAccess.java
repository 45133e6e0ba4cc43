package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/** Write access as shadows grant it: by leaves, which the reverse map finds. */
final class ShadowWriteAccess implements WriteAccess {
    private final ShadowPaging engine;

    /** @param engine is asked only when it is whole: those who log writes are made before its tables, which ask them */
    ShadowWriteAccess(ShadowPaging engine) {
        this.engine = engine;
    }

    /** All shadows go, as in Xen: whatever keeps rights in them, or will one day, is covered. */
    @Override
    public void takeFromAll() {
        engine.reclaim.blow();
        engine.tellTlbs();
    }

    @Override
    public void takeFrom(long gfn) {
        ShadowTables tables = engine.tables;
        long entry = engine.p2m.lookup(gfn);
        if (!P2m.isBacked(entry)) {
            return;
        }
        long mfn = P2m.mfn(entry);
        tables.large.breakAround(mfn);
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

    @Override
    public void flush() {
        engine.tables.shootdown.due();
        engine.tellTlbs();
    }

    @Override
    public void giveBack() {}
}
