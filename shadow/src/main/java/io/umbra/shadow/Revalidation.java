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
    void written(long mfn, int offset, int length, EntryRules rules) {
        int types = tables.frames.shadowTypes(mfn);
        for (int level = 1; types != 0 && level <= 5; level++) {
            for (ShadowType type : ShadowType.ALL) {
                if (type.level() == level && (types & type.bit()) != 0) {
                    written(mfn, type, offset, length, rules);
                }
            }
        }
    }

    private void written(long mfn, ShadowType type, int offset, int length, EntryRules rules) {
        int shift = type.format().entryShift();
        for (int index = offset >>> shift; index <= offset + length - 1 >>> shift; index++) {
            ShadowPage page = tables.find(mfn, type);
            if (page != null) {
                counters.add(Counter.VALIDATE);
                revalidate(page, index, rules);
            }
        }
    }

    /** Derives one entry from the guest's entry as it is in memory now. */
    private void revalidate(ShadowPage page, int index, EntryRules rules) {
        long guest = page.liveType().format().read(memory, page.frame, index);
        if (page.liveType().level() == 1) {
            tables.setLeaf(page, index, leaf(page.liveType(), guest, rules));
        } else {
            tables.setLink(page, index, link(page.liveType(), guest, rules));
        }
    }

    /** An entry with reserved bits grants nothing; the walk that meets it says so to the guest. */
    private long leaf(ShadowType type, long guest, EntryRules rules) {
        GuestFormat format = type.format();
        if (!LongModeEntry.isPresent(guest) || format.hasReservedBits(guest, 1, true, rules)) {
            return 0;
        }
        long entry = lookup(LongModeEntry.frame(guest));
        boolean isProtected = P2m.isBacked(entry) && tables.isProtected(P2m.mfn(entry));
        return Propagation.leaf(guest, entry, isProtected, format.hasNoExecute(rules), format.key(guest, rules));
    }

    /** A link is kept only to a shadow that exists already. */
    private long link(ShadowType type, long guest, EntryRules rules) {
        GuestFormat format = type.format();
        int level = type.level();
        boolean isLeaf = format.isLeaf(guest, level, rules);
        if (!LongModeEntry.isPresent(guest) || format.hasReservedBits(guest, level, isLeaf, rules)) {
            return 0;
        }
        long frame = format.frame(guest, level, isLeaf);
        ShadowPage child = isLeaf
                ? tables.find(Splinter.key(frame, format.key(guest, rules)), ShadowType.ofSplinter(format, level - 1))
                : tableShadow(frame, ShadowType.ofTable(format, level - 1));
        if (child == null) {
            return 0;
        }
        boolean noExecute = format.hasNoExecute(rules);
        return isLeaf
                ? Propagation.splinterLink(guest, child.mfn, noExecute)
                : Propagation.link(guest, child.mfn, noExecute);
    }

    private @Nullable ShadowPage tableShadow(long gfn, ShadowType type) {
        long entry = lookup(gfn);
        return P2m.isBacked(entry) ? tables.find(P2m.mfn(entry), type) : null;
    }

    private long lookup(long gfn) {
        counters.add(Counter.P2M_LOOKUP);
        return p2m.lookup(gfn);
    }

    /**
     * Derives every present entry below {@code page} anew: needed where tables are not write-protected and a shadow that may have fallen behind is linked at a new place, for which the
     * guest owes no flush.
     */
    void refresh(ShadowPage page, EntryRules rules) {
        ShadowType type = page.liveType();
        if (!type.shadowsTable()) {
            return;
        }
        for (int index = 0; index < type.format().entries(); index++) {
            int slot = index * type.slotsPerEntry();
            if (LongModeEntry.isPresent(tables.entry(page, slot))) {
                revalidate(page, index, rules);
                long entry = tables.entry(page, slot);
                if (type.level() > 1 && LongModeEntry.isPresent(entry)) {
                    refresh(tables.pool.at(LongModeEntry.frame(entry)), rules);
                }
            }
        }
    }
}
