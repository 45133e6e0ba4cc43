package io.umbra.shadow;

import io.umbra.x86.Efer;
import io.umbra.x86.LongModeEntry;
import java.util.BitSet;
import java.util.List;

/**
 * What shadow entries say: LINK-1, PROP-1, PROP-2, AD-1, WP-1, P2M-1. Where a rule speaks of the guest's entry "now" it is checked under write-protect only; the
 * frames and levels that a link joins, and that leaves map memory of the domain, hold under every coherence.
 */
final class EntryAudit {
    private static final long ALLOWED = LongModeEntry.PRESENT
            | LongModeEntry.WRITABLE
            | LongModeEntry.USER
            | LongModeEntry.ACCESSED
            | LongModeEntry.DIRTY
            | LongModeEntry.NO_EXECUTE
            | LongModeEntry.FRAME_MASK;
    private static final long RIGHTS = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;

    /** The guest entry that each entry of a splinter or of the unpaged tables stands for: every right. */
    private static final long EVERYTHING = RIGHTS | LongModeEntry.ACCESSED | LongModeEntry.DIRTY;

    private final ShadowPaging engine;
    private final List<Finding> findings;
    private final boolean isExact;
    private final boolean noExecuteEnabled;
    private final BitSet backed;
    private final BitSet readOnly;

    EntryAudit(ShadowPaging engine, List<Finding> findings) {
        this.engine = engine;
        this.findings = findings;
        this.isExact = engine.policy.writeProtects();
        this.noExecuteEnabled = engine.vcpus.stream().anyMatch(vcpu -> (vcpu.state.efer & Efer.NO_EXECUTE) != 0);
        int frames = Math.toIntExact(engine.memory.frames());
        this.backed = new BitSet(frames);
        this.readOnly = new BitSet(frames);
    }

    void run() {
        collectFrames(engine.p2m.root() >>> 12, 4);
        for (ShadowPage page : Auditor.livePages(engine.tables)) {
            for (int slot = 0; slot < LongModeEntry.ENTRIES; slot++) {
                long entry = engine.memory.readLong(page.entryAddress(slot));
                if (LongModeEntry.isPresent(entry)) {
                    check(page, slot, entry);
                }
            }
        }
    }

    /** The frames that the P2M gives to the domain. */
    private void collectFrames(long table, int level) {
        for (int slot = 0; slot < LongModeEntry.ENTRIES; slot++) {
            long entry = engine.memory.readLong((table << 12) + slot * 8L);
            if (!LongModeEntry.isPresent(entry)) {
                continue;
            }
            if (level > 1 && !LongModeEntry.hasPageSize(entry)) {
                collectFrames(LongModeEntry.frame(entry), level - 1);
                continue;
            }
            int first = (int) LongModeEntry.frame(entry);
            int end = first + (int) LongModeEntry.framesMappedBy(level);
            backed.set(first, end);
            readOnly.set(first, end, !LongModeEntry.isWritable(entry));
        }
    }

    private void found(String rule, ShadowPage page, int slot, String message) {
        findings.add(new Finding(rule, "slot " + slot + " of " + page + " " + message));
    }

    private void check(ShadowPage page, int slot, long entry) {
        if ((entry & ~ALLOWED) != 0) {
            found("PROP-2", page, slot, "has other bits than it may: 0x" + Long.toHexString(entry));
        }
        ShadowType type = page.liveType();
        long guest = type.shadowsTable() ? engine.memory.readLong((page.frame << 12) + slot * 8L) : EVERYTHING;
        if (isExact) {
            rights(page, slot, entry, guest);
            accessedAndDirty(page, slot, entry, guest);
        }
        if (type.level() > 1) {
            link(page, slot, entry, guest);
        } else {
            leaf(page, slot, entry, guest);
        }
    }

    /** PROP-1. */
    private void rights(ShadowPage page, int slot, long entry, long guest) {
        boolean excessive = (entry & RIGHTS & ~guest) != 0;
        boolean executes = LongModeEntry.isNoExecute(guest) && !LongModeEntry.isNoExecute(entry);
        boolean reserved = (guest & reservedBits(page.liveType(), guest)) != 0;
        if (excessive || executes || reserved) {
            found(
                    "PROP-1",
                    page,
                    slot,
                    "is 0x" + Long.toHexString(entry) + ", more than the guest's 0x" + Long.toHexString(guest)
                            + " grants");
        }
    }

    /** A guest entry that has one of them set grants nothing. Intel SDM vol. 3A, "4-Level Paging". */
    private long reservedBits(ShadowType type, long guest) {
        long reserved = LongModeEntry.FRAME_MASK & -(1L << GuestWalker.MAX_PHYSICAL_ADDRESS);
        if (!noExecuteEnabled) {
            reserved |= LongModeEntry.NO_EXECUTE;
        }
        if (type.level() == 4) {
            return reserved | LongModeEntry.PAGE_SIZE;
        }
        if (mapsLargePage(type, guest)) {
            return reserved | (type.level() == 2 ? 0x1F_E000L : 0x3FFF_E000L);
        }
        return reserved;
    }

    private static boolean mapsLargePage(ShadowType type, long guest) {
        return type.shadowsTable() && (type.level() == 2 || type.level() == 3) && LongModeEntry.hasPageSize(guest);
    }

    /** AD-1. A table in read-only memory cannot record them. */
    private void accessedAndDirty(ShadowPage page, int slot, long entry, long guest) {
        ShadowType type = page.liveType();
        if (type.shadowsTable() && readOnly.get((int) page.frame)) {
            return;
        }
        boolean mapsPage = type.level() == 1 || mapsLargePage(type, guest);
        if (!LongModeEntry.isAccessed(guest)) {
            found("AD-1", page, slot, "is present, and the guest's entry has A clear");
        } else if (mapsPage && LongModeEntry.isWritable(entry) && !LongModeEntry.isDirty(guest)) {
            found("AD-1", page, slot, "is writable, and the guest's entry has D clear");
        }
    }

    /** LINK-1. That the child is live is POOL-2's. */
    private void link(ShadowPage page, int slot, long entry, long guest) {
        long mfn = LongModeEntry.frame(entry);
        int index = engine.memory.contains(mfn) ? engine.tables.frames.poolIndex(mfn) : -1;
        if (index < 0) {
            found("LINK-1", page, slot, "refers to mfn 0x" + Long.toHexString(mfn) + ", which is no shadow");
            return;
        }
        ShadowPage child = engine.tables.pool.page(index);
        if (child.type == null) {
            return;
        }
        int below = page.liveType().level() - 1;
        if (child.type.level() != below || page.frame == ShadowPaging.NO_FRAME) {
            found("LINK-1", page, slot, "refers to " + child);
        } else if (page.liveType().shadowsTable()) {
            if (isExact && !isChildOf(page.liveType(), guest, child)) {
                found("LINK-1", page, slot, "refers to " + child + ", the guest's is 0x" + Long.toHexString(guest));
            }
        } else if (child.liveType().shadowsTable()
                || child.frame != page.frame + slot * LongModeEntry.framesMappedBy(below + 1)) {
            found("LINK-1", page, slot, "refers to " + child + ", which is another part");
        }
    }

    /** The child stands for what the guest's entry names: a table, or a large page. */
    private boolean isChildOf(ShadowType type, long guest, ShadowPage child) {
        long gfn = LongModeEntry.frame(guest);
        if (mapsLargePage(type, guest)) {
            long start = gfn - gfn % LongModeEntry.framesMappedBy(type.level());
            return !child.liveType().shadowsTable() && child.frame == start;
        }
        long p2mEntry = engine.p2m.lookup(gfn);
        return child.liveType().shadowsTable() && P2m.isBacked(p2mEntry) && child.frame == P2m.mfn(p2mEntry);
    }

    /** WP-1 and P2M-1. */
    private void leaf(ShadowPage page, int slot, long entry, long guest) {
        long mfn = LongModeEntry.frame(entry);
        boolean writable = LongModeEntry.isWritable(entry);
        if (!backed.get((int) mfn) || !isOfItsGfn(page, slot, mfn, guest)) {
            found("P2M-1", page, slot, "maps mfn 0x" + Long.toHexString(mfn) + ", which the P2M does not give");
            return;
        }
        if (writable && readOnly.get((int) mfn)) {
            found("P2M-1", page, slot, "maps read-only memory writable");
        }
        if (writable && isExact && engine.tables.frames.shadowTypes(mfn) != 0) {
            found("WP-1", page, slot, "maps the shadowed table at mfn 0x" + Long.toHexString(mfn) + " writable");
        }
    }

    private boolean isOfItsGfn(ShadowPage page, int slot, long mfn, long guest) {
        boolean knowsGfn = isExact || !page.liveType().shadowsTable();
        long gfn = page.liveType().shadowsTable() ? LongModeEntry.frame(guest) : page.frame + slot;
        long p2mEntry = knowsGfn ? engine.p2m.lookup(gfn) : 0;
        return !knowsGfn || P2m.isBacked(p2mEntry) && P2m.mfn(p2mEntry) == mfn;
    }
}
