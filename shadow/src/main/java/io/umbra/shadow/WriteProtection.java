package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * Takes write access to a guest frame away when it becomes a pagetable: every shadow leaf that maps it writable is made read-only. Xen: {@code
 * sh_remove_write_access}, which guesses where the guest maps its tables; here the reverse map knows, and the search through all leaves is kept to compare.
 */
final class WriteProtection {
    private final ShadowTables tables;
    private final Counters counters;
    private final ShadowPolicy policy;

    WriteProtection(ShadowTables tables, Counters counters, ShadowPolicy policy) {
        this.tables = tables;
        this.counters = counters;
        this.policy = policy;
    }

    /** Afterwards no shadow maps the frame writable, and no TLB when the guest runs on: what may be stale in one is due. */
    void removeWriteAccess(long mfn) {
        boolean isMapped = tables.frames.writableMappings(mfn) != 0;
        if (isMapped || tables.shootdown.isOwed()) {
            tables.shootdown.due();
        }
        if (!isMapped) {
            return;
        }
        counters.add(Counter.WRMAP_REMOVE);
        switch (policy.writableSearch()) {
            case REVERSE_MAP -> followReverseMap(mfn);
            case BRUTE_FORCE -> searchAllLeaves(mfn);
        }
    }

    private void followReverseMap(long mfn) {
        int node = tables.reverseMap.first(mfn);
        while (node >= 0 && tables.frames.writableMappings(mfn) > 0) {
            int next = tables.reverseMap.next(node);
            makeReadOnly(tables.reverseMap.page(node), tables.reverseMap.slot(node));
            node = next;
        }
    }

    private void searchAllLeaves(long mfn) {
        counters.add(Counter.WRMAP_BF);
        for (int i = 0; i < tables.pool.size() && tables.frames.writableMappings(mfn) > 0; i++) {
            ShadowPage page = tables.pool.page(i);
            if (!page.isShadow() || page.liveType().level() != 1) {
                continue;
            }
            for (int slot = 0; slot < page.liveType().slots(); slot++) {
                long entry = tables.entry(page, slot);
                if (LongModeEntry.isPresent(entry) && LongModeEntry.frame(entry) == mfn) {
                    makeReadOnly(page, slot);
                }
            }
        }
    }

    void makeReadOnly(ShadowPage page, int slot) {
        long entry = tables.entry(page, slot);
        tables.setLeaf(page, slot, entry & ~(LongModeEntry.WRITABLE | LongModeEntry.DIRTY));
    }
}
