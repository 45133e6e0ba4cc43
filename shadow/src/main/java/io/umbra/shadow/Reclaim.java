package io.umbra.shadow;

import java.util.List;

/**
 * Makes room in the pool before anything is built: first the least recently loaded roots are unpinned, then the loaded ones are emptied. Because the pool's minimum holds
 * whatever one instruction needs, that always suffices. Xen: {@code _shadow_prealloc}, {@code shadow_blow_tables}.
 */
final class Reclaim {
    private final ShadowTables tables;
    private final List<ShadowVcpu> vcpus;
    private final Counters counters;

    Reclaim(ShadowTables tables, List<ShadowVcpu> vcpus, Counters counters) {
        this.tables = tables;
        this.vcpus = vcpus;
        this.counters = counters;
    }

    /** Afterwards at least {@code pages} are free. */
    void makeRoom(int pages) {
        if (tables.pool.free() >= pages) {
            return;
        }
        for (ShadowPage root = tables.pinned.oldest();
                root != null && tables.pool.free() < pages;
                root = tables.pinned.oldest()) {
            counters.add(Counter.PREALLOC_UNPIN);
            counters.trace.reclaimed(root.frame, false);
            tables.unpin(root);
        }
        for (ShadowVcpu vcpu : vcpus) {
            for (ShadowPage root : vcpu.roots) {
                if (root != null && tables.pool.free() < pages) {
                    counters.add(Counter.PREALLOC_UNHOOK);
                    counters.trace.reclaimed(root.frame, true);
                    tables.unhook(root);
                }
            }
        }
        if (tables.pool.free() < pages) {
            throw new DomainCrash("the shadow pool of " + tables.pool.size() + " pages is exhausted");
        }
    }

    /** Throws away every shadow but the loaded roots, which are emptied. */
    void blow() {
        counters.add(Counter.BLOW);
        counters.trace.blown();
        for (ShadowPage root = tables.pinned.oldest(); root != null; root = tables.pinned.oldest()) {
            tables.unpin(root);
        }
        for (ShadowVcpu vcpu : vcpus) {
            for (ShadowPage root : vcpu.roots) {
                if (root != null) {
                    tables.unhook(root);
                }
            }
        }
        tables.shootdown.all();
    }
}
