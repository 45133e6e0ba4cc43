package io.umbra.shadow;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The physical-to-machine map of a domain: gfn → (mfn, type), as a real four-level table in machine memory with leaves of 4 KiB, 2 MiB and
 * 1 GiB, so that hardware can walk it under nested paging.
 *
 * <p>Entries are long-mode entries. A backed one is present, with A, D and US set and RW as the type says; the type is in bits 11..9 of leaves,
 * present or not. Xen: {@code p2m-pt.c}.
 */
public final class P2m {
    /** Told before an entry changes, so that nothing derived from the old one survives, and after. */
    @FunctionalInterface
    public interface ChangeListener {
        /**
         * @param gfn first gfn whose entry changes
         * @param frames how many
         */
        void aboutToChange(long gfn, long frames);

        /** The entries have changed. */
        default void changed(long gfn, long frames) {}
    }

    private static final int TOP_LEVEL = 4;
    private static final int KNOWN = 64;
    private static final int TYPE_SHIFT = 9;
    private static final long TYPE_MASK = 7L << TYPE_SHIFT;
    private static final long LOG_DIRTY_TYPE = (long) P2mType.LOG_DIRTY.ordinal() << TYPE_SHIFT;
    private static final long TABLE_FLAGS = LongModeEntry.PRESENT
            | LongModeEntry.WRITABLE
            | LongModeEntry.USER
            | LongModeEntry.ACCESSED
            | LongModeEntry.DIRTY;
    /** What an absent entry reads as. */
    private static final long HOLE_ENTRY = (long) P2mType.HOLE.ordinal() << TYPE_SHIFT;

    private final MachineMemory memory;
    private final FrameAllocator frames;
    private final long root;
    private final List<ChangeListener> listeners = new ArrayList<>();
    private MemorySupply supply = (gfn, entry, forWriting) -> {
        throw new DomainCrash("gfn 0x" + Long.toHexString(gfn) + " is " + type(entry) + ", and nobody supplies it");
    };
    private long highestGfn = -1;
    private long changes;

    /** Where look-ups ended that met a table of level 1: the gfn without its last nine bits, or -1, and the table. Like a processor's paging-structure cache. */
    private final long[] knownRuns = new long[KNOWN];

    private final long[] knownTables = new long[KNOWN];

    public P2m(MachineMemory memory, FrameAllocator frames) {
        this.memory = memory;
        this.frames = frames;
        this.root = newTable();
        forgetTables();
    }

    /** Machine address of the top table. */
    public long root() {
        return root << 12;
    }

    /** The highest gfn that was ever given an entry, or -1. Xen: {@code max_mapped_pfn}. */
    public long highestGfn() {
        return highestGfn;
    }

    public void addListener(ChangeListener listener) {
        listeners.add(listener);
    }

    public void removeListener(ChangeListener listener) {
        listeners.remove(listener);
    }

    /**
     * The entry of {@code gfn} as a 4 KiB leaf, whatever the size of the leaf that holds it. Read it with {@link #type}, {@link #mfn} and
     * {@link #isBacked}.
     */
    public long lookup(long gfn) {
        if (gfn < 0 || gfn >>> 36 != 0) {
            return HOLE_ENTRY;
        }
        long run = gfn >>> 9;
        int known = (int) run & KNOWN - 1;
        if (knownRuns[known] == run) {
            long entry = memory.readLong(entryAddress(knownTables[known], gfn, 1));
            return entry == 0 ? HOLE_ENTRY : entry;
        }
        long table = root;
        for (int level = TOP_LEVEL; ; level--) {
            long entry = memory.readLong(entryAddress(table, gfn, level));
            if (level == 1) {
                knownRuns[known] = run;
                knownTables[known] = table;
                return entry == 0 ? HOLE_ENTRY : entry;
            }
            if (!LongModeEntry.isPresent(entry)) {
                return entry == 0 ? HOLE_ENTRY : entry;
            }
            if (LongModeEntry.hasPageSize(entry)) {
                long inside = gfn & LongModeEntry.framesMappedBy(level) - 1;
                return (entry & ~LongModeEntry.PAGE_SIZE) + (inside << 12);
            }
            table = LongModeEntry.frame(entry);
        }
    }

    /** Who provides what {@link #demand} asks for. */
    public void supply(MemorySupply memorySupply) {
        supply = memorySupply;
    }

    /** As {@link #lookup}, for who is going to use the frame: memory that is nowhere yet is provided first. */
    public long demand(long gfn, boolean forWriting) {
        long entry = lookup(gfn);
        if (!LongModeEntry.isWritable(entry) && needsSupply(entry, forWriting)) {
            supply.provide(gfn, entry, forWriting);
            return lookup(gfn);
        }
        return entry;
    }

    private static boolean needsSupply(long entry, boolean forWriting) {
        return switch (type(entry)) {
            case POPULATE_ON_DEMAND, PAGED_OUT -> true;
            case SHARED -> forWriting;
            case RAM, READ_ONLY, MMIO, HOLE, LOG_DIRTY -> false;
        };
    }

    /** How often {@link #set} was called: what was looked up before the last call may be void. */
    long changes() {
        return changes;
    }

    /** The level of the leaf that holds {@code gfn}, or of the absent entry where the look-up ends. */
    int leafLevel(long gfn) {
        long table = root;
        for (int level = TOP_LEVEL; level > 1; level--) {
            long entry = memory.readLong(entryAddress(table, gfn, level));
            if (!LongModeEntry.isPresent(entry) || LongModeEntry.hasPageSize(entry)) {
                return level;
            }
            table = LongModeEntry.frame(entry);
        }
        return 1;
    }

    /** @param entry from {@link #lookup} */
    public static P2mType type(long entry) {
        return P2mType.ALL[(int) ((entry & TYPE_MASK) >>> TYPE_SHIFT)];
    }

    public static boolean isBacked(long entry) {
        return LongModeEntry.isPresent(entry);
    }

    /** The guest may write there. Hardware may not while the type is {@link P2mType#LOG_DIRTY}. */
    public static boolean isWritable(long entry) {
        return LongModeEntry.isWritable(entry) || (entry & TYPE_MASK) == LOG_DIRTY_TYPE;
    }

    /** Meaningful when {@link #isBacked}. */
    public static long mfn(long entry) {
        return LongModeEntry.frame(entry);
    }

    /**
     * Gives one leaf its meaning. A larger leaf around it is split, smaller ones inside it are freed.
     *
     * @param level 1, 2 or 3: 4 KiB, 2 MiB, 1 GiB; {@code gfn} and, for backed types, {@code mfn} must be multiples of its frames
     */
    public void set(long gfn, int level, long mfn, P2mType type) {
        if (type == P2mType.LOG_DIRTY) {
            throw new IllegalArgumentException("LOG_DIRTY is made of RAM");
        }
        long span = LongModeEntry.framesMappedBy(level);
        if (gfn % span != 0 || type.isBacked() && mfn % span != 0) {
            throw new IllegalArgumentException("gfn or mfn not aligned to its leaf");
        }
        changes++;
        for (ChangeListener listener : listeners) {
            listener.aboutToChange(gfn, span);
        }
        long table = root;
        for (int above = TOP_LEVEL; above > level; above--) {
            table = tableBelow(table, gfn, above);
        }
        long address = entryAddress(table, gfn, level);
        if (level > 1) {
            forgetTables();
        }
        freeTables(memory.readLong(address), level);
        memory.writeLong(address, leaf(mfn, type, level));
        highestGfn = Math.max(highestGfn, gfn + span - 1);
        for (ChangeListener listener : listeners) {
            listener.changed(gfn, span);
        }
    }

    // ---- for those who log writes under nested paging: the map stays the same, so nobody is told
    // -----------------------------------------------------------------------------------------------------------------

    /** All {@link P2mType#RAM} becomes {@link P2mType#LOG_DIRTY}, in leaves of the size they have. */
    void withholdWrites() {
        exchange(root, TOP_LEVEL, P2mType.RAM, P2mType.LOG_DIRTY);
    }

    /** All {@link P2mType#LOG_DIRTY} becomes {@link P2mType#RAM}. Leaves that were split stay so. */
    void allowAllWrites() {
        exchange(root, TOP_LEVEL, P2mType.LOG_DIRTY, P2mType.RAM);
    }

    private void exchange(long table, int level, P2mType from, P2mType to) {
        for (int i = 0; i < LongModeEntry.ENTRIES; i++) {
            long address = (table << 12) + i * 8L;
            long entry = memory.readLong(address);
            if (!LongModeEntry.isPresent(entry)) {
                continue;
            }
            if (level > 1 && !LongModeEntry.hasPageSize(entry)) {
                exchange(LongModeEntry.frame(entry), level - 1, from, to);
            } else if (type(entry) == from) {
                memory.writeLong(address, leaf(LongModeEntry.frame(entry), to, level));
            }
        }
    }

    /** {@link P2mType#RAM} around {@code gfn}, the whole leaf, becomes {@link P2mType#LOG_DIRTY}. */
    void withholdWrites(long gfn) {
        long table = root;
        for (int level = TOP_LEVEL; level > 0 && gfn >>> 36 == 0; level--) {
            long address = entryAddress(table, gfn, level);
            long entry = memory.readLong(address);
            if (!LongModeEntry.isPresent(entry)) {
                return;
            }
            if (level == 1 || LongModeEntry.hasPageSize(entry)) {
                if (type(entry) == P2mType.RAM) {
                    memory.writeLong(address, leaf(LongModeEntry.frame(entry), P2mType.LOG_DIRTY, level));
                }
                return;
            }
            table = LongModeEntry.frame(entry);
        }
    }

    /** The one frame, which is {@link P2mType#LOG_DIRTY}, becomes {@link P2mType#RAM}; a larger leaf around it is split. */
    void allowWrites(long gfn) {
        long table = root;
        for (int above = TOP_LEVEL; above > 1; above--) {
            table = tableBelow(table, gfn, above);
        }
        long address = entryAddress(table, gfn, 1);
        memory.writeLong(address, leaf(LongModeEntry.frame(memory.readLong(address)), P2mType.RAM, 1));
    }

    /** Returns the frames of the map itself to the allocator; the object must not be used afterwards. */
    public void free() {
        freeTables(LongModeEntry.of(root, TABLE_FLAGS), TOP_LEVEL + 1);
    }

    private static long leaf(long mfn, P2mType type, int level) {
        long flags = (long) type.ordinal() << TYPE_SHIFT;
        if (!type.isBacked()) {
            return flags;
        }
        flags |= TABLE_FLAGS & ~(type == P2mType.RAM ? 0 : LongModeEntry.WRITABLE);
        return LongModeEntry.of(mfn, flags | (level > 1 ? LongModeEntry.PAGE_SIZE : 0));
    }

    /** The table under an entry at {@code level}, made or split out of a larger leaf when need be. */
    private long tableBelow(long table, long gfn, int level) {
        long address = entryAddress(table, gfn, level);
        long entry = memory.readLong(address);
        boolean isLeaf = LongModeEntry.hasPageSize(entry) || !LongModeEntry.isPresent(entry);
        if (!isLeaf) {
            return LongModeEntry.frame(entry);
        }
        forgetTables();
        long below = newTable();
        if (entry != 0) {
            long step = LongModeEntry.isPresent(entry) ? LongModeEntry.framesMappedBy(level - 1) << 12 : 0;
            long first = level == 2 ? entry & ~LongModeEntry.PAGE_SIZE : entry;
            for (int i = 0; i < LongModeEntry.ENTRIES; i++) {
                memory.writeLong((below << 12) + i * 8L, first + i * step);
            }
        }
        memory.writeLong(address, LongModeEntry.of(below, TABLE_FLAGS));
        return below;
    }

    private void forgetTables() {
        Arrays.fill(knownRuns, -1);
    }

    private void freeTables(long entry, int level) {
        if (level == 1 || !LongModeEntry.isPresent(entry) || LongModeEntry.hasPageSize(entry)) {
            return;
        }
        long table = LongModeEntry.frame(entry);
        for (int i = 0; i < LongModeEntry.ENTRIES; i++) {
            freeTables(memory.readLong((table << 12) + i * 8L), level - 1);
        }
        frames.free(table);
    }

    private long newTable() {
        long mfn = frames.allocate();
        if (mfn == FrameAllocator.NONE) {
            throw new DomainCrash("no machine frame is left for the P2M");
        }
        memory.zeroFrame(mfn);
        return mfn;
    }

    private static long entryAddress(long table, long gfn, int level) {
        return (table << 12) + ((gfn >>> 9 * (level - 1) & LongModeEntry.ENTRIES - 1) << 3);
    }
}
