package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;

/**
 * Shadow entries of level 2 that map 2 MiB themselves, instead of referring to a splinter of 512 leaves. Xen has none; it splinters always.
 *
 * <ol>
 *   <li>The guest's entry, or the splinter of a 1 GiB page, and the P2M's map the whole of it: hardware's one entry says nothing else than the 512 would.
 *   <li>None of its frames is a write-protected table. When one becomes a table, every large leaf around it goes, and what faults in behind it is a splinter.
 *   <li>Writes are not logged: a log wants to know of each frame.
 *   <li>A splinter that is linked already stays; its leaves are there.
 * </ol>
 *
 * <p>A page of 4 MiB is two entries of hardware: both map 2 MiB, or neither does. Rights, and D, are as {@link Propagation#leaf} gives them; INVLPG of any address in it drops the whole.
 */
final class LargeLeaves {
    /** Frames that one maps. */
    static final int FRAMES = LongModeEntry.ENTRIES;

    private static final int RUN_SHIFT = 9;

    private final ShadowTables tables;
    private final P2m p2m;
    private final Counters counters;
    private final WriteLog log;
    private final boolean isOn;
    private final boolean writeProtects;
    /** For each run of {@link #FRAMES} machine frames, the large leaves that map it. */
    private final ReverseMap mappings;

    LargeLeaves(ShadowTables tables, P2m p2m, Counters counters, WriteLog log, ShadowPolicy policy) {
        this.tables = tables;
        this.p2m = p2m;
        this.counters = counters;
        this.log = log;
        this.isOn = policy.isOn(PolicyOption.LARGE_PAGES);
        this.writeProtects = policy.writeProtects();
        this.mappings = new ReverseMap(tables.memory.frames() + FRAMES - 1 >>> RUN_SHIFT, tables.pool);
    }

    /** Whether an entry of a level above 1 maps memory itself and refers to no shadow. */
    static boolean is(long entry) {
        return LongModeEntry.isPresent(entry) && LongModeEntry.hasPageSize(entry);
    }

    /** For the auditor. */
    ReverseMap mappings() {
        return mappings;
    }

    static long run(long mfn) {
        return mfn >>> RUN_SHIFT;
    }

    /** Rules 1 to 3, for the page that starts at {@code firstGfn}. */
    private boolean mayMap(ShadowPage table, long firstGfn) {
        if (!isOn || log.isActive()) {
            return false;
        }
        for (int part = 0; part < table.liveType().slotsPerEntry(); part++) {
            long gfn = firstGfn + (long) part * FRAMES;
            long entry = p2m.lookup(gfn);
            boolean isWhole = P2m.isBacked(entry) && p2m.leafLevel(gfn) >= 2;
            if (!isWhole || writeProtects && tables.frames.tablesInRun(run(P2m.mfn(entry))) > 0) {
                return false;
            }
        }
        return true;
    }

    /** Rule 4. */
    private boolean isSplintered(ShadowPage table, int index) {
        long entry = tables.entry(table, index * table.liveType().slotsPerEntry());
        return LongModeEntry.isPresent(entry) && !is(entry);
    }

    /** Whether the fault of {@code walk}, whose shadow path has come to {@code table} of level 2, can be answered with a large leaf there. */
    boolean serves(GuestWalk walk, ShadowPage table) {
        return isOn
                && (walk.unpaged || walk.leafLevel >= 2)
                && !isSplintered(table, table.liveType().index(walk.linear))
                && mayMap(table, firstGfn(walk));
    }

    private static long firstGfn(GuestWalk walk) {
        return walk.gfn & -walk.format.framesMappedBy(2);
    }

    /** {@link #serves} said so. @return whether anything changed */
    boolean fill(GuestWalk walk, ShadowPage table) {
        boolean isWholePage = !walk.unpaged && walk.leafLevel == 2;
        long guest = isWholePage ? walk.entries[2] : Propagation.FABRICATED;
        int index = table.liveType().index(walk.linear);
        boolean changed = set(table, index, guest, firstGfn(walk), walk.format.hasNoExecute(walk.rules), walk.key);
        if (changed) {
            counters.add(Counter.LARGE_LEAF);
        }
        return changed;
    }

    /**
     * The guest's entry behind a large leaf may have changed: the leaf is derived anew, or goes.
     *
     * @return whether there is a large leaf at the place; otherwise nothing was done
     */
    boolean revalidate(ShadowPage table, int index, long guest, EntryRules rules) {
        if (!is(tables.entry(table, index * table.liveType().slotsPerEntry()))) {
            return false;
        }
        GuestFormat format = table.liveType().format();
        boolean isLarge = LongModeEntry.isPresent(guest)
                && format.isLeaf(guest, 2, rules)
                && !format.hasReservedBits(guest, 2, true, rules);
        long gfn = isLarge ? format.frame(guest, 2, true) : 0;
        if (isLarge && mayMap(table, gfn)) {
            set(table, index, guest, gfn, format.hasNoExecute(rules), format.key(guest, rules));
        } else {
            clear(table, index);
        }
        return true;
    }

    private boolean set(ShadowPage table, int index, long guest, long gfn, boolean noExecuteEnabled, int key) {
        int width = table.liveType().slotsPerEntry();
        boolean changed = false;
        for (int part = 0; part < width; part++) {
            long p2mEntry = p2m.lookup(gfn + (long) part * FRAMES);
            long leaf = Propagation.leaf(guest, p2mEntry, false, noExecuteEnabled, key);
            long entry = LongModeEntry.isPresent(leaf) ? leaf | LongModeEntry.PAGE_SIZE : 0;
            changed |= set(table, index * width + part, entry);
        }
        return changed;
    }

    private boolean set(ShadowPage table, int slot, long entry) {
        long old = tables.entry(table, slot);
        if (old == entry) {
            return false;
        }
        tables.linkChanged();
        if (is(old)) {
            mappings.remove(run(LongModeEntry.frame(old)), table, slot);
        }
        counters.trace.link(
                table.liveType(), table.frame, slot / table.liveType().slotsPerEntry(), old, entry);
        tables.memory.writeLong(table.entryAddress(slot), entry);
        if (is(entry)) {
            mappings.add(run(LongModeEntry.frame(entry)), table, slot);
        }
        if (!Propagation.grantsNoLess(old, entry)) {
            tables.shootdown.lost(table.liveType().level(), slot);
        }
        return true;
    }

    /** The entry of the guest's at {@code index} is mapped by large leaves no more. */
    void clear(ShadowPage table, int index) {
        int width = table.liveType().slotsPerEntry();
        for (int part = 0; part < width; part++) {
            set(table, index * width + part, 0);
        }
    }

    /** No large leaf maps the frame afterwards, nor those around it. */
    void breakAround(long mfn) {
        for (int node = mappings.first(run(mfn)); node >= 0; node = mappings.first(run(mfn))) {
            ShadowPage table = mappings.page(node);
            counters.add(Counter.LARGE_LEAF_BROKEN);
            clear(table, mappings.slot(node) / table.liveType().slotsPerEntry());
            tables.shootdown.due();
        }
    }
}
