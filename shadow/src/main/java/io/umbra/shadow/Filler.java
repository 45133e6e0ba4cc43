package io.umbra.shadow;

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
     * Makes the shadow path of {@code walk}. The pool must have room for {@link ShadowType#pagesOfPath}.
     *
     * @param p2mEntry of the guest frame that the walk found
     * @return whether any shadow entry changed
     */
    boolean fill(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry) {
        ShadowPage table = vcpu.rootOf(walk.linear);
        boolean changed = false;
        for (int level = walk.topLevel; level > 1; level--) {
            ShadowPage child = child(walk, level);
            boolean linked = tables.setLink(table, table.liveType().index(walk.linear), linkEntry(walk, level, child));
            if (linked && !policy.writeProtects()) {
                revalidation.refresh(child, walk.rules);
            }
            changed |= linked;
            if (linked && policy.populate() == ShadowPolicy.Populate.ONE_LEVEL) {
                return true;
            }
            table = child;
        }
        long guest = walk.leafLevel == 1 ? walk.entries[1] : Propagation.FABRICATED;
        boolean isProtected = tables.isProtected(P2m.mfn(p2mEntry));
        boolean noExecute = walk.format.hasNoExecute(walk.rules);
        long leaf = Propagation.leaf(guest, p2mEntry, isProtected, noExecute, walk.key);
        changed |= tables.setLeaf(table, table.liveType().index(walk.linear), leaf);
        return changed;
    }

    /** The shadow that the entry at {@code level} shall refer to. */
    private ShadowPage child(GuestWalk walk, int level) {
        if (level > walk.leafLevel && !walk.unpaged) {
            return tables.findOrMake(walk.tables[level - 1], ShadowType.ofTable(walk.format, level - 1));
        }
        long firstGfn = level == 4 ? 0 : walk.gfn & -walk.format.framesMappedBy(level);
        return tables.findOrMake(Splinter.key(firstGfn, walk.key), ShadowType.ofSplinter(walk.format, level - 1));
    }

    private static long linkEntry(GuestWalk walk, int level, ShadowPage child) {
        if (walk.unpaged || level < walk.leafLevel) {
            return Propagation.link(Propagation.FABRICATED, child.mfn, false);
        }
        boolean noExecute = walk.format.hasNoExecute(walk.rules);
        return level == walk.leafLevel
                ? Propagation.splinterLink(walk.entries[level], child.mfn, noExecute)
                : Propagation.link(walk.entries[level], child.mfn, noExecute);
    }
}
