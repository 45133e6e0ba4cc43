package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * The guest's hint that an address space is about to end. What users had mapped there goes at once, in one sweep, instead of entry by entry as the guest tears it down; the writes that
 * tear it down find tables that are given up at the first touch. Xen: {@code sh_pagetable_dying}.
 */
final class DyingTables {
    private final ShadowTables tables;
    private final Counters counters;

    DyingTables(ShadowTables tables, Counters counters) {
        this.tables = tables;
        this.counters = counters;
    }

    /** The frame, if it is the shadowed root of some mode, is dying. */
    void died(ShadowVcpu vcpu, long mfn) {
        for (int i = 0; i < ShadowType.TABLES; i++) {
            ShadowType type = ShadowType.ALL[i];
            ShadowPage root = type.isRoot() ? tables.find(mfn, type) : null;
            if (root != null) {
                counters.add(Counter.DYING);
                tables.frames.dying(mfn, true);
                vcpu.earlyUnshadow.dying(true);
                unhookUser(root);
            }
        }
    }

    private void unhookUser(ShadowPage root) {
        ShadowType type = root.liveType();
        for (int index = 0; index < type.format().entries(); index++) {
            if (LongModeEntry.isUser(tables.entry(root, index * type.slotsPerEntry()))) {
                tables.setLink(root, index, 0);
            }
        }
    }
}
