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
    private final WriteLog log;
    /** By which the domain's shadows are derived. */
    private EntryRules rules = new EntryRules(false, false, false);

    Revalidation(ShadowTables tables, MachineMemory memory, P2m p2m, Counters counters, WriteLog log) {
        this.tables = tables;
        this.memory = memory;
        this.p2m = p2m;
        this.counters = counters;
        this.log = log;
    }

    EntryRules rules() {
        return rules;
    }

    /** The caller throws the shadows away that were derived by other rules. */
    void rules(EntryRules newRules) {
        rules = newRules;
    }

    /**
     * Bytes of a guest frame were written. Each entry they touch is derived anew in each shadow of the frame, leaf tables first, so that nobody who walks a recursive map sees a new
     * upper entry over an old lower one.
     */
    void written(long mfn, int offset, int length) {
        int types = tables.frames.shadowTypes(mfn);
        for (int left = types; left != 0; left &= left - 1) {
            written(mfn, ShadowType.ALL[Integer.numberOfTrailingZeros(left)], offset, length);
        }
    }

    private void written(long mfn, ShadowType type, int offset, int length) {
        int shift = type.format().entryShift();
        for (int index = offset >>> shift; index <= offset + length - 1 >>> shift; index++) {
            ShadowPage page = tables.find(mfn, type);
            if (page != null) {
                counters.add(Counter.VALIDATE);
                revalidate(page, index);
            }
        }
    }

    /** Derives one entry from the guest's entry as it is in memory now. */
    void revalidate(ShadowPage page, int index) {
        ShadowType type = page.liveType();
        if (!type.shadowsTable()) {
            tables.setLeaf(page, index, splinterLeaf(page, index));
            return;
        }
        long guest = type.format().read(memory, page.frame, index);
        if (type.level() == 1) {
            tables.setLeaf(page, index, leaf(type, guest));
            tables.outOfSync.derived(page.frame, index, guest);
        } else if (!tables.large.revalidate(page, index, guest, rules)) {
            tables.setLink(page, index, link(type, guest));
        }
    }

    private long splinterLeaf(ShadowPage page, int index) {
        long gfn = Splinter.firstGfn(page.frame) + index;
        long entry = lookup(gfn);
        boolean isProtected = P2m.isBacked(entry) && tables.isProtected(P2m.mfn(entry));
        int key = Splinter.protectionKey(page.frame);
        long leaf = Propagation.leaf(Propagation.FABRICATED, entry, isProtected, false, key);
        return log.admit(leaf, gfn, LeafAccess.PREFETCH);
    }

    /** An entry with reserved bits grants nothing; the walk that meets it says so to the guest. */
    private long leaf(ShadowType type, long guest) {
        GuestFormat format = type.format();
        if (!LongModeEntry.isPresent(guest) || format.hasReservedBits(guest, 1, true, rules)) {
            return 0;
        }
        long gfn = LongModeEntry.frame(guest);
        long entry = lookup(gfn);
        boolean isProtected = P2m.isBacked(entry) && tables.isProtected(P2m.mfn(entry));
        long leaf = Propagation.leaf(guest, entry, isProtected, format.hasNoExecute(rules), format.key(guest, rules));
        return log.admit(leaf, gfn, LeafAccess.PREFETCH);
    }

    /** A link is kept only to a shadow that exists already. */
    private long link(ShadowType type, long guest) {
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
    void refresh(ShadowPage page) {
        ShadowType type = page.liveType();
        if (!type.shadowsTable()) {
            return;
        }
        for (int index = 0; index < type.format().entries(); index++) {
            int slot = index * type.slotsPerEntry();
            if (LongModeEntry.isPresent(tables.entry(page, slot))) {
                revalidate(page, index);
                long entry = tables.entry(page, slot);
                ShadowPage child = type.level() > 1 ? tables.child(entry) : null;
                if (child != null) {
                    refresh(child);
                }
            }
        }
    }
}
