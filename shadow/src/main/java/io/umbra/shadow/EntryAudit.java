package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.TwoLevelEntry;
import java.util.BitSet;
import java.util.List;

/**
 * What shadow entries say: LINK-1, PROP-1, PROP-2, AD-1, WP-1, P2M-1, and of what they are shadows: P2M-2. Where a rule speaks of the guest's entry "now" it is checked under write-protect only; the
 * frames and levels that a link joins, and that leaves map memory of the domain, hold under every coherence.
 */
final class EntryAudit {
    private static final long ALLOWED = LongModeEntry.PRESENT
            | LongModeEntry.WRITABLE
            | LongModeEntry.USER
            | LongModeEntry.ACCESSED
            | LongModeEntry.DIRTY
            | LongModeEntry.NO_EXECUTE
            | LongModeEntry.KEY_MASK
            | LongModeEntry.FRAME_MASK;
    private static final long RIGHTS = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;

    /** The guest entry that each entry of a splinter or of the unpaged tables stands for: every right. */
    private static final long EVERYTHING = RIGHTS | LongModeEntry.ACCESSED | LongModeEntry.DIRTY;

    private final ShadowPaging engine;
    private final List<Finding> findings;
    private final boolean isExact;
    private final EntryRules rules;
    private final BitSet backed;
    private final BitSet readOnly;

    EntryAudit(ShadowPaging engine, List<Finding> findings) {
        this.engine = engine;
        this.findings = findings;
        this.isExact = engine.policy.writeProtects();
        this.rules = engine.rules();
        int frames = Math.toIntExact(engine.memory.frames());
        this.backed = new BitSet(frames);
        this.readOnly = new BitSet(frames);
    }

    void run() {
        collectFrames(engine.p2m.root() >>> 12, 4);
        for (ShadowPage page : Auditor.livePages(engine.tables)) {
            if (page.liveType().shadowsTable() && !backed.get((int) page.frame)) {
                findings.add(new Finding("P2M-2", page + " shadows a table in memory that is not the domain's"));
            }
            for (int slot = 0; slot < page.liveType().slots(); slot++) {
                long entry = engine.memory.readLong(page.entryAddress(slot));
                if (LongModeEntry.isPresent(entry)) {
                    check(page, slot, entry);
                } else if (entry != 0) {
                    tag(page, slot, entry);
                }
                if (page.liveType().slotsPerEntry() == 2 && (slot & 1) == 0) {
                    pair(page, slot, entry);
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
        boolean isLarge = page.liveType().level() > 1 && LongModeEntry.hasPageSize(entry);
        if ((entry & ~ALLOWED & ~(isLarge ? LongModeEntry.PAGE_SIZE : 0)) != 0) {
            found("PROP-2", page, slot, "has other bits than it may: 0x" + Long.toHexString(entry));
        }
        ShadowType type = page.liveType();
        long guest = type.shadowsTable() ? guestEntry(page, slot) : EVERYTHING;
        if (isExact) {
            rights(page, slot, entry, guest);
            accessedAndDirty(page, slot, entry, guest);
        }
        if (isLarge) {
            largeLeaf(page, slot, entry, guest);
        } else if (type.level() > 1) {
            link(page, slot, entry, guest);
        } else {
            leaf(page, slot, entry, guest);
        }
    }

    /** TAG-1. */
    private void tag(ShadowPage page, int slot, long entry) {
        boolean isLeaf = page.liveType().level() == 1;
        boolean isTag = isLeaf && (FaultTag.isNotPresent(entry) || FaultTag.isDevice(entry));
        boolean outOfSync = page.liveType().shadowsTable() && engine.tables.frames.isOutOfSync(page.frame);
        if (!isTag) {
            found("TAG-1", page, slot, "is absent and no tag: 0x" + Long.toHexString(entry));
        } else if (isExact && !outOfSync && !agrees(page, entry, guestOf(page, slot))) {
            found(
                    "TAG-1",
                    page,
                    slot,
                    "is the tag 0x" + Long.toHexString(entry) + ", which the guest's entry or the P2M belies");
        }
    }

    private long guestOf(ShadowPage page, int slot) {
        return page.liveType().shadowsTable()
                ? guestEntry(page, slot)
                : LongModeEntry.of(Splinter.firstGfn(page.frame) + slot, EVERYTHING);
    }

    private boolean agrees(ShadowPage page, long tag, long guest) {
        if (FaultTag.isNotPresent(tag)) {
            return page.liveType().shadowsTable() && !LongModeEntry.isPresent(guest);
        }
        boolean backed = P2m.isBacked(engine.p2m.lookup(FaultTag.gfn(tag)));
        boolean mapsIt = LongModeEntry.isPresent(guest)
                && LongModeEntry.isAccessed(guest)
                && LongModeEntry.frame(guest) == FaultTag.gfn(tag);
        boolean excessive = (tag & (LongModeEntry.WRITABLE | LongModeEntry.USER) & ~guest) != 0
                || LongModeEntry.isWritable(tag) && !LongModeEntry.isDirty(guest);
        return mapsIt && !backed && !excessive;
    }

    /** The guest's entry that a slot stands for; in a table that is out of sync, the one from which the slot was derived. */
    private long guestEntry(ShadowPage page, int slot) {
        if (engine.tables.frames.isOutOfSync(page.frame)) {
            return engine.tables.outOfSync.snapshot(page.frame, slot);
        }
        long table = page.frame << 12;
        return switch (page.liveType()) {
            case L1_32 -> engine.memory.readInt(table + slot * 4L) & 0xFFFF_FFFFL;
            case L2_32 -> engine.memory.readInt(table + (slot >> 1) * 4L) & 0xFFFF_FFFFL;
            default -> engine.memory.readLong(table + slot * 8L);
        };
    }

    /** PROP-1. */
    private void rights(ShadowPage page, int slot, long entry, long guest) {
        ShadowType type = page.liveType();
        boolean excessive = (entry & RIGHTS & ~guest) != 0;
        boolean hasNoExecute = type.format() != GuestFormat.TWO_LEVEL;
        boolean executes = hasNoExecute && LongModeEntry.isNoExecute(guest) && !LongModeEntry.isNoExecute(entry);
        boolean reserved = type.shadowsTable() && (guest & reservedBits(type, guest)) != 0;
        if (excessive || executes || reserved || LongModeEntry.key(entry) != expectedKey(page, entry, guest)) {
            found(
                    "PROP-1",
                    page,
                    slot,
                    "is 0x" + Long.toHexString(entry) + ", more than the guest's 0x" + Long.toHexString(guest)
                            + " grants");
        }
    }

    /** Only leaves have one; a splinter's is that of the large page. */
    private int expectedKey(ShadowPage page, long entry, long guest) {
        ShadowType type = page.liveType();
        boolean isLink = type.level() > 1 && !LongModeEntry.hasPageSize(entry);
        if (isLink || type.format() != GuestFormat.LONG || !rules.protectionKeys()) {
            return 0;
        }
        return type.shadowsTable() ? LongModeEntry.key(guest) : Splinter.protectionKey(page.frame);
    }

    /** A guest entry that has one of them set grants nothing. Intel SDM vol. 3A, "Paging-Structure Entries". */
    private long reservedBits(ShadowType type, long guest) {
        boolean large = mapsLargePage(type, guest);
        if (type.format() == GuestFormat.TWO_LEVEL) {
            return large ? 1L << 21 : 0;
        }
        long reserved = LongModeEntry.FRAME_MASK & -(1L << GuestWalker.MAX_PHYSICAL_ADDRESS);
        if (!rules.noExecute()) {
            reserved |= LongModeEntry.NO_EXECUTE;
        }
        if (type.format() == GuestFormat.PAE) {
            reserved |= 0x7FF0_0000_0000_0000L;
        }
        if (type.level() >= 4) {
            return reserved | LongModeEntry.PAGE_SIZE;
        }
        return large ? reserved | (type.level() == 2 ? 0x1F_E000L : 0x3FFF_E000L) : reserved;
    }

    private boolean mapsLargePage(ShadowType type, long guest) {
        boolean atLevel = type.level() == 2 || type.level() == 3;
        boolean enabled = type.format() != GuestFormat.TWO_LEVEL || rules.pageSizeExtensions();
        return type.shadowsTable() && atLevel && enabled && LongModeEntry.hasPageSize(guest);
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
        boolean isSecond = page.liveType().slotsPerEntry() == 2 && (slot & 1) != 0;
        if (child.type.level() != below || page.frame == Roots.NO_FRAME || child.part != (isSecond ? 1 : 0)) {
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

    /** LARGE-1, WP-1 and P2M-1: the 512 frames, as so many leaves would have it. */
    private void largeLeaf(ShadowPage page, int slot, long entry, long guest) {
        ShadowType type = page.liveType();
        if (type.level() != 2 || type.shadowsTable() && isExact && !mapsLargePage(type, guest)) {
            found("LARGE-1", page, slot, "maps 2 MiB where the guest's entry maps no large page");
            return;
        }
        if (engine.log.isActive()) {
            found("LARGE-1", page, slot, "maps 2 MiB while writes are logged");
        }
        boolean isShort = type.format() == GuestFormat.TWO_LEVEL;
        long first = !type.shadowsTable()
                ? Splinter.firstGfn(page.frame) + slot * 512L
                : isShort ? TwoLevelEntry.largeFrame(guest) + (slot & 1) * 512L : LongModeEntry.leafFrame(guest, 2);
        boolean knowsGfn = isExact || !type.shadowsTable();
        for (int i = 0; i < 512; i++) {
            long mfn = LongModeEntry.frame(entry) + i;
            long p2mEntry = knowsGfn ? engine.p2m.lookup(first + i) : 0;
            boolean isGiven = !knowsGfn || P2m.isBacked(p2mEntry) && P2m.mfn(p2mEntry) == mfn;
            if (!backed.get((int) mfn) || !isGiven) {
                found("P2M-1", page, slot, "maps mfn 0x" + Long.toHexString(mfn) + ", which the P2M does not give");
                return;
            }
            if (LongModeEntry.isWritable(entry) && readOnly.get((int) mfn)) {
                found("P2M-1", page, slot, "maps read-only memory writable");
                return;
            }
            if (isExact && engine.tables.frames.shadowTypes(mfn) != 0) {
                String rule = LongModeEntry.isWritable(entry) ? "WP-1" : "LARGE-1";
                found(rule, page, slot, "maps 2 MiB with the shadowed table at mfn 0x" + Long.toHexString(mfn));
                return;
            }
        }
    }

    /** LINK-1, where two entries of hardware stand for one of the guest's: the second leads to the page after the first's, with the same rights. */
    private void pair(ShadowPage page, int slot, long first) {
        long second = engine.memory.readLong(page.entryAddress(slot + 1));
        if (LongModeEntry.hasPageSize(first) && LongModeEntry.hasPageSize(second)) {
            return;
        }
        boolean agrees = LongModeEntry.isPresent(first)
                ? ((first ^ second) & ~LongModeEntry.FRAME_MASK) == 0
                        && isNextPart(LongModeEntry.frame(first), LongModeEntry.frame(second))
                : !LongModeEntry.isPresent(second);
        if (!agrees) {
            found(
                    "LINK-1",
                    page,
                    slot,
                    "and the entry behind it are no pair: 0x" + Long.toHexString(first) + ", 0x"
                            + Long.toHexString(second));
        }
    }

    private boolean isNextPart(long first, long second) {
        int index = engine.memory.contains(first) ? engine.tables.frames.poolIndex(first) : -1;
        ShadowPage next = index < 0 ? null : engine.tables.pool.page(index).nextPart;
        return next != null && next.mfn == second;
    }

    /** The child stands for what the guest's entry names: a table, or a large page. */
    private boolean isChildOf(ShadowType type, long guest, ShadowPage child) {
        ShadowType childType = child.liveType();
        if (childType.format() != type.format()) {
            return false;
        }
        long gfn = LongModeEntry.frame(guest);
        if (mapsLargePage(type, guest)) {
            boolean isShort = type.format() == GuestFormat.TWO_LEVEL;
            long start = isShort ? TwoLevelEntry.largeFrame(guest) : LongModeEntry.leafFrame(guest, type.level());
            boolean keyed = type.format() == GuestFormat.LONG && rules.protectionKeys();
            int key = keyed ? LongModeEntry.key(guest) : 0;
            return !childType.shadowsTable() && child.frame == Splinter.key(start, key);
        }
        long p2mEntry = engine.p2m.lookup(gfn);
        return childType.shadowsTable() && P2m.isBacked(p2mEntry) && child.frame == P2m.mfn(p2mEntry);
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
        boolean mayLag = engine.tables.frames.isOutOfSync(mfn);
        if (writable && isExact && engine.tables.frames.shadowTypes(mfn) != 0 && !mayLag) {
            found("WP-1", page, slot, "maps the shadowed table at mfn 0x" + Long.toHexString(mfn) + " writable");
        }
    }

    private boolean isOfItsGfn(ShadowPage page, int slot, long mfn, long guest) {
        boolean knowsGfn = isExact || !page.liveType().shadowsTable();
        long gfn = page.liveType().shadowsTable() ? LongModeEntry.frame(guest) : Splinter.firstGfn(page.frame) + slot;
        long p2mEntry = knowsGfn ? engine.p2m.lookup(gfn) : 0;
        return !knowsGfn || P2m.isBacked(p2mEntry) && P2m.mfn(p2mEntry) == mfn;
    }
}
