package io.umbra.shadow;

import io.umbra.x86.Efer;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.VcpuState;

/**
 * Builds the path of shadow entries for one successful guest walk, from the loaded root down to the leaf. Xen: {@code shadow_get_and_create_l1e} and the propagation that follows
 * it.
 */
final class Filler {
    private final ShadowTables tables;
    private final Revalidation revalidation;
    private final ShadowPolicy policy;

    Filler(ShadowTables tables, Revalidation revalidation, ShadowPolicy policy) {
        this.tables = tables;
        this.revalidation = revalidation;
        this.policy = policy;
    }

    /**
     * Makes the shadow path of {@code walk}. The pool must have room for one page at each level below the root.
     *
     * @param p2mEntry of the guest frame that the walk found
     * @return whether any shadow entry changed
     */
    boolean fill(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry) {
        boolean noExecute = noExecuteEnabled(vcpu.state);
        ShadowPage table = vcpu.loadedRoot();
        boolean changed = false;
        for (int level = 4; level > 1; level--) {
            int slot = LongModeEntry.index(walk.linear, level);
            ShadowPage child = child(walk, level);
            boolean linked = tables.setLink(table, slot, linkEntry(walk, level, child, noExecute));
            if (linked && !policy.writeProtects()) {
                revalidation.refresh(child, noExecute);
            }
            changed |= linked;
            if (linked && policy.populate() == ShadowPolicy.Populate.ONE_LEVEL) {
                return true;
            }
            table = child;
        }
        long guest = walk.leafLevel == 1 ? walk.entries[1] : Propagation.FABRICATED;
        boolean isProtected = tables.isProtected(P2m.mfn(p2mEntry));
        long leaf = Propagation.leaf(guest, p2mEntry, isProtected, noExecute);
        changed |= tables.setLeaf(table, LongModeEntry.index(walk.linear, 1), leaf);
        return changed;
    }

    static boolean noExecuteEnabled(VcpuState state) {
        return (state.efer & Efer.NO_EXECUTE) != 0;
    }

    /** The shadow that the entry at {@code level} shall refer to. */
    private ShadowPage child(GuestWalk walk, int level) {
        if (level > walk.leafLevel && !walk.unpaged) {
            return tables.findOrMake(walk.tables[level - 1], ShadowType.ofTable(level - 1));
        }
        long firstGfn = level == 4 ? 0 : walk.gfn & -LongModeEntry.framesMappedBy(level);
        return tables.findOrMake(firstGfn, ShadowType.ofSplinter(level - 1));
    }

    private static long linkEntry(GuestWalk walk, int level, ShadowPage child, boolean noExecute) {
        if (walk.unpaged || level < walk.leafLevel) {
            return Propagation.link(Propagation.FABRICATED, child.mfn, false);
        }
        return level == walk.leafLevel
                ? Propagation.splinterLink(walk.entries[level], child.mfn, noExecute)
                : Propagation.link(walk.entries[level], child.mfn, noExecute);
    }
}
