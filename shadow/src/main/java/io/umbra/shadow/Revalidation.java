package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import org.jspecify.annotations.Nullable;

/**
 * Brings shadow entries in line with guest entries that have changed. Never sets A or D, never builds a child: what is not there faults in later. Xen: {@code
 * sh_validate_guest_entry}.
 */
final class Revalidation {
    private final ShadowTables tables;
    private final MachineMemory memory;
    private final P2m p2m;
    private final Counters counters;

    Revalidation(ShadowTables tables, MachineMemory memory, P2m p2m, Counters counters) {
        this.tables = tables;
        this.memory = memory;
        this.p2m = p2m;
        this.counters = counters;
    }

    /**
     * Bytes of a guest frame were written. Each entry they touch is derived anew in each shadow of the frame, leaf tables first, so that nobody who walks a recursive map sees a new
     * upper entry over an old lower one.
     */
    void written(long mfn, int offset, int length, boolean noExecute) {
        int types = tables.frames.shadowTypes(mfn);
        if (types == 0) {
            return;
        }
        int first = offset >>> 3;
        int last = offset + length - 1 >>> 3;
        for (int level = 1; level <= 4; level++) {
            ShadowType type = ShadowType.ofTable(level);
            for (int slot = first; slot <= last; slot++) {
                ShadowPage page = tables.find(mfn, type);
                if (page != null) {
                    counters.add(Counter.VALIDATE);
                    revalidate(page, slot, noExecute);
                }
            }
        }
    }

    /** Derives one entry from the guest's entry as it is in memory now. */
    private void revalidate(ShadowPage page, int slot, boolean noExecute) {
        long guest = memory.readLong((page.frame << 12) + slot * 8L);
        if (page.liveType().level() == 1) {
            tables.setLeaf(page, slot, leaf(guest, noExecute));
        } else {
            tables.setLink(page, slot, link(page, guest, noExecute));
        }
    }

    private long leaf(long guest, boolean noExecute) {
        if (!LongModeEntry.isPresent(guest) || isReserved(guest, 1, noExecute)) {
            return 0;
        }
        long entry = lookup(LongModeEntry.frame(guest));
        boolean isProtected = P2m.isBacked(entry) && tables.isProtected(P2m.mfn(entry));
        return Propagation.leaf(guest, entry, isProtected, noExecute);
    }

    /** A link is kept only to a shadow that exists already. */
    private long link(ShadowPage page, long guest, boolean noExecute) {
        int level = page.liveType().level();
        if (!LongModeEntry.isPresent(guest) || isReserved(guest, level, noExecute)) {
            return 0;
        }
        boolean isLeaf = level < 4 && LongModeEntry.hasPageSize(guest);
        ShadowPage child = isLeaf
                ? tables.find(LongModeEntry.leafFrame(guest, level), ShadowType.ofSplinter(level - 1))
                : tableShadow(LongModeEntry.frame(guest), level - 1);
        if (child == null) {
            return 0;
        }
        return isLeaf
                ? Propagation.splinterLink(guest, child.mfn, noExecute)
                : Propagation.link(guest, child.mfn, noExecute);
    }

    private @Nullable ShadowPage tableShadow(long gfn, int level) {
        long entry = lookup(gfn);
        return P2m.isBacked(entry) ? tables.find(P2m.mfn(entry), ShadowType.ofTable(level)) : null;
    }

    /** An entry with reserved bits grants nothing; the walk that meets it says so to the guest. */
    private static boolean isReserved(long guest, int level, boolean noExecute) {
        return GuestWalker.hasReservedBits(guest, level, noExecute);
    }

    private long lookup(long gfn) {
        counters.add(Counter.P2M_LOOKUP);
        return p2m.lookup(gfn);
    }

    /**
     * Derives every present entry below {@code page} anew: needed where tables are not write-protected and a shadow that may have fallen behind is linked at a new place, for which the
     * guest owes no flush.
     */
    void refresh(ShadowPage page, boolean noExecute) {
        ShadowType type = page.liveType();
        if (!type.shadowsTable()) {
            return;
        }
        for (int slot = 0; slot < LongModeEntry.ENTRIES; slot++) {
            if (LongModeEntry.isPresent(tables.entry(page, slot))) {
                revalidate(page, slot, noExecute);
                long entry = tables.entry(page, slot);
                if (type.level() > 1 && LongModeEntry.isPresent(entry)) {
                    refresh(tables.pool.at(LongModeEntry.frame(entry)), noExecute);
                }
            }
        }
    }
}
