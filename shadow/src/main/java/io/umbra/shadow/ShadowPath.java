package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import org.jspecify.annotations.Nullable;

/**
 * The way of hardware's walk down the shadows of one vCPU, from its root to the shadow of level 1. The last one is remembered, for the next fault is often near; it is void when the root is
 * another, or when any link in any shadow has changed. So a processor remembers what its walks went through (SDM vol. 3A, "Caches for Paging Structures").
 */
final class ShadowPath {
    private static final long LINEAR_32 = 0xFFFF_FFFFL;

    private final ShadowTables tables;

    private @Nullable ShadowPage root;
    private @Nullable ShadowPage table;
    /** Which of the tables of level 1 that there are room for. */
    private long region;

    private long changesOfLinks;
    /** RW and US, as all links to the last {@link #table} grant them. */
    long rights;

    ShadowPath(ShadowTables tables) {
        this.tables = tables;
    }

    /**
     * The shadow of level 1 that has the leaf of {@code linear}.
     *
     * @return null where a link is absent, or a large leaf ends the walk
     */
    @Nullable
    ShadowPage table(ShadowVcpu vcpu, long linear) {
        GuestFormat format = vcpu.rootType.format();
        long cut = format == GuestFormat.LONG ? linear : linear & LINEAR_32;
        ShadowPage from = vcpu.findRootOf(cut);
        long wanted = cut >>> format.indexShift(2);
        if (region != wanted || !isCurrent(from)) {
            root = from;
            region = wanted;
            changesOfLinks = tables.changesOfLinks();
            table = descend(from, cut);
        }
        return table;
    }

    /** What is remembered is of this root, and no link has changed since. */
    private boolean isCurrent(@Nullable ShadowPage loaded) {
        return table != null && root == loaded && changesOfLinks == tables.changesOfLinks();
    }

    /** Rule PATH-1. */
    boolean isSound(ShadowVcpu vcpu) {
        long linear = region << vcpu.rootType.format().indexShift(2);
        if (!isCurrent(vcpu.findRootOf(linear))) {
            return true;
        }
        long remembered = rights;
        boolean isSame = descend(root, linear) == table && rights == remembered;
        rights = remembered;
        return isSame;
    }

    private @Nullable ShadowPage descend(@Nullable ShadowPage from, long linear) {
        rights = LongModeEntry.WRITABLE | LongModeEntry.USER;
        ShadowPage page = from;
        while (page != null && page.liveType().level() > 1) {
            ShadowType type = page.liveType();
            long entry = tables.entry(page, type.index(linear) * type.slotsPerEntry());
            rights &= entry;
            page = tables.child(entry);
        }
        return page;
    }
}
