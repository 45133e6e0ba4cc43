package io.umbra.shadow;

import org.jspecify.annotations.Nullable;

/**
 * Builds the path of shadow entries for one successful guest walk, from the loaded root down to the leaf. Xen: {@code shadow_get_and_create_l1e} and the propagation that follows
 * it.
 */
final class Filler {
    private final ShadowTables tables;
    private final WriteLog log;
    private final boolean writeProtects;
    private final boolean stopsAtEachLevel;
    private @Nullable ShadowPage lastTable;
    private boolean changed;

    Filler(ShadowTables tables, WriteLog log, ShadowPolicy policy) {
        this.tables = tables;
        this.log = log;
        this.writeProtects = policy.writeProtects();
        this.stopsAtEachLevel = policy.populate() == ShadowPolicy.Populate.ONE_LEVEL;
    }

    /**
     * Makes the shadow path of {@code walk}. The pool must have room for {@link ShadowType#pagesOfPath}.
     *
     * @param p2mEntry of the guest frame that the walk found
     * @param writesDirectly the frame is a table that is out of sync: the guest writes to it itself
     * @return whether any shadow entry changed
     */
    boolean fill(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry, boolean writesDirectly) {
        ShadowPage table = path(vcpu, walk);
        if (table == null) {
            return changed;
        }
        long guest = walk.leafLevel == 1 ? walk.entries[1] : Propagation.FABRICATED;
        long mfn = P2m.mfn(p2mEntry);
        boolean isDirect = writesDirectly && tables.frames.isOutOfSync(mfn);
        boolean isProtected = tables.isProtected(mfn) && !isDirect;
        boolean noExecute = walk.format.hasNoExecute(walk.rules);
        LeafAccess access = walk.isWrite() ? LeafAccess.DEMAND_WRITE : LeafAccess.DEMAND_READ;
        long leaf = log.admit(Propagation.leaf(guest, p2mEntry, isProtected, noExecute, walk.key), walk.gfn, access);
        int index = table.liveType().index(walk.linear);
        changed |= tables.setLeaf(table, index, leaf);
        if (walk.leafLevel == 1 && table.liveType().shadowsTable()) {
            tables.outOfSync.derived(table.frame, index, guest);
        }
        if (isDirect) {
            tables.outOfSync.mappedWritable(mfn, ReverseMap.node(table, index));
        }
        return changed;
    }

    /** The level-1 shadow of the last path that was filled to its end, or null. */
    @Nullable
    ShadowPage lastTable() {
        return lastTable;
    }

    /** Makes the links of the path. @return its level-1 shadow; null when only one level is filled at a time and more are missing, or when a large leaf ends it */
    @Nullable
    ShadowPage path(ShadowVcpu vcpu, GuestWalk walk) {
        changed = false;
        lastTable = known(vcpu, walk);
        if (lastTable != null) {
            return lastTable;
        }
        ShadowPage table = vcpu.rootOf(walk.linear);
        for (int level = walk.topLevel; level > 1; level--) {
            if (level == 2 && tables.large.serves(walk, table)) {
                changed |= tables.large.fill(walk, table);
                return null;
            }
            ShadowPage child = child(walk, level);
            boolean linked = tables.setLink(table, table.liveType().index(walk.linear), linkEntry(walk, level, child));
            if (linked && !writeProtects) {
                tables.revalidation.refresh(child);
            }
            changed |= linked;
            if (linked && stopsAtEachLevel) {
                return null;
            }
            table = child;
        }
        lastTable = table;
        return table;
    }

    /** The end of the path where all of it is there: links are as the guest's entries say, which are write-protected (PROP-1). */
    private @Nullable ShadowPage known(ShadowVcpu vcpu, GuestWalk walk) {
        ShadowPage table = writeProtects && walk.leafLevel == 1 ? vcpu.path.table(vcpu, walk.linear) : null;
        boolean isOfTable = table != null && table.liveType().shadowsTable() && table.frame == walk.tables[1];
        return isOfTable ? table : null;
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
