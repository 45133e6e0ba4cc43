package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PaeEntry;
import io.umbra.x86.PagingMode;
import io.umbra.x86.TwoLevelEntry;
import java.util.SplittableRandom;

/**
 * The small world in which sequences take place: few frames, few places in few tables, so that operations meet. Entries mostly point one level down; the others make any
 * frame a table of any level, of several at once, and of itself. All paging modes use the same frames, each its own way:
 *
 * <pre>
 *  gfn       four-level, five-level   PAE                    two-level
 *  0 .. 3    level-4 tables           PDPTEs at byte 0x40    directories, at times
 *  4 .. 7    level-3 tables
 *  8 .. 10   level-2 tables           level-2 tables         directories
 *  11 .. 15  level-1 tables           level-1 tables         level-1 tables
 *  16 .. 23  memory
 *  24 .. 28  tables of the direct map, which are left alone
 *  29 .. 31  level-5 tables
 *  32 .. 35  read-only memory, with entries in it
 *  40 .. 43  devices
 *  512 .. 1023            memory, one 2 MiB run of machine frames
 *  0x100000 .. 0x100007   memory above 4 GiB; 0x100001 is a level-4 table
 *  all others             nothing
 * </pre>
 *
 * <p>In each mode one entry of each root maps the tables and memory, as kernels do: {@link #direct}. Entries of 4 bytes are the halves of those of 8: the lower half of an entry is one for two-level
 * paging too.
 */
final class GuestLayout {
    static final int TABLES = 16;
    static final int DATA = 24;
    static final int DIRECT_MAP = 24;
    static final int FIRST_READ_ONLY = 32;
    static final int READ_ONLY = 36;
    static final int FIRST_DEVICE = 40;
    static final int DEVICES = 44;
    static final int LARGE = 512;
    static final int END = 1024;
    static final long HIGH = 0x10_0000;
    static final long HIGH_END = HIGH + 8;

    private static final int[] FIRST_OF_LEVEL = {-1, 11, 8, 4, 0, 29};
    private static final int[] END_OF_LEVEL = {-1, 16, 11, 8, 4, 32};
    private static final int DIRECT_LEVEL_2 = DIRECT_MAP + 1;
    private static final int DIRECT_LEVEL_1 = DIRECT_MAP + 2;
    private static final int DIRECT_LEVEL_4 = DIRECT_MAP + 3;
    private static final int DIRECT_SHORT = DIRECT_MAP + 4;
    private static final int DIRECT_SLOT = 3;
    /** In directories of two-level paging. */
    private static final int DIRECT_SHORT_SLOT = 300;

    /** Byte offset of the PDPTEs in a root. */
    static final int POINTERS = 0x40;

    /** The places in each table that are used. */
    private static final int[] SLOTS = {0, 1, 2, 511};

    /** Among entries of 4 bytes: the lower halves of the same, and two of the upper. */
    private static final int[] SHORT_SLOTS = {0, 2, 4, 1022, 0, 2, 4, 1022, 0, 2, 4, 1, 1023};

    private final SplittableRandom random;

    GuestLayout(long seed) {
        random = new SplittableRandom(seed);
    }

    static P2mType type(long gfn) {
        if (gfn < FIRST_READ_ONLY || gfn >= LARGE && gfn < END || gfn >= HIGH && gfn < HIGH_END) {
            return P2mType.RAM;
        }
        if (gfn < READ_ONLY) {
            return P2mType.READ_ONLY;
        }
        return gfn >= FIRST_DEVICE && gfn < DEVICES ? P2mType.MMIO : P2mType.HOLE;
    }

    /** Whether operations are aimed at the frame. */
    static boolean isUsed(long gfn) {
        return gfn < LARGE + 8 || gfn >= END - 2;
    }

    // ---- what memory holds at first

    /** Where {@link #fill} puts entries. */
    @FunctionalInterface
    interface EntryStore {
        void entry(long guestPhysical, long entry);
    }

    /** @param store takes guest-physical addresses */
    void fill(EntryStore store) {
        for (long gfn = 0; gfn < READ_ONLY; gfn++) {
            for (int slot : SLOTS) {
                if (gfn < TABLES || gfn >= DIRECT_SHORT + 1) {
                    store.entry(gfn << 12 | slot * 8L, entryOf(gfn));
                }
            }
        }
        for (int slot : SLOTS) {
            store.entry(HIGH + 1 << 12 | slot * 8L, entry(4));
        }
        fillRoots(store);
        fillDirectMap(store);
    }

    private void fillRoots(EntryStore store) {
        for (int root = 0; root < END_OF_LEVEL[2]; root++) {
            if (root < END_OF_LEVEL[4]) {
                store.entry((long) root << 12 | DIRECT_SLOT * 8L, direct(DIRECT_MAP));
                for (int i = 0; i < PaeEntry.POINTERS - 1; i++) {
                    store.entry(((long) root << 12) + POINTERS + 8L * i, pointer());
                }
                store.entry(
                        ((long) root << 12) + POINTERS + 8L * DIRECT_SLOT,
                        LongModeEntry.of(DIRECT_LEVEL_2, LongModeEntry.PRESENT));
            }
            store.entry(((long) root << 12) + DIRECT_SHORT_SLOT * 4L, direct(DIRECT_SHORT));
        }
        for (long root = FIRST_OF_LEVEL[5]; root < END_OF_LEVEL[5]; root++) {
            store.entry(root << 12 | DIRECT_SLOT * 8L, direct(DIRECT_LEVEL_4));
        }
        store.entry(HIGH + 1 << 12 | DIRECT_SLOT * 8L, direct(DIRECT_MAP));
    }

    private static void fillDirectMap(EntryStore store) {
        store.entry((long) DIRECT_LEVEL_4 << 12, direct(DIRECT_MAP));
        store.entry((long) DIRECT_MAP << 12, direct(DIRECT_LEVEL_2));
        store.entry((long) DIRECT_LEVEL_2 << 12, direct(DIRECT_LEVEL_1));
        store.entry((long) DIRECT_LEVEL_2 << 12 | 511 * 8L, direct(FIRST_OF_LEVEL[1]));
        for (int gfn = 0; gfn < FIRST_READ_ONLY; gfn += 2) {
            long even = gfn < DATA || gfn >= FIRST_OF_LEVEL[5] ? direct(gfn) : 0;
            long odd = gfn < DATA || gfn >= FIRST_OF_LEVEL[5] - 1 ? direct(gfn + 1) : 0;
            store.entry((long) DIRECT_LEVEL_1 << 12 | gfn * 8L, even);
            store.entry((long) DIRECT_LEVEL_1 << 12 | gfn * 8L + 8, odd);
            store.entry((long) DIRECT_SHORT << 12 | gfn * 4L, odd << 32 | even);
        }
    }

    private static long direct(long gfn) {
        return LongModeEntry.of(gfn, LongModeEntry.PRESENT | LongModeEntry.WRITABLE);
    }

    // ---- linear addresses

    /** Where the direct map has a table or memory. */
    static long direct(PagingMode mode, long gfn) {
        long slot = mode == PagingMode.TWO_LEVEL ? DIRECT_SHORT_SLOT : mode == PagingMode.NONE ? 0 : DIRECT_SLOT;
        return slot << mode.indexShift(mode.levels()) | gfn << 12;
    }

    /** What the address is in the mode: of its bits, those that are not translated are brought in line. */
    static long canonical(PagingMode mode, long linear) {
        int unused = Long.SIZE - mode.linearBits();
        return mode.isLong() ? linear << unused >> unused : linear & 0xFFFF_FFFFL;
    }

    /** Page aligned, canonical. */
    long page(PagingMode mode) {
        if (mode == PagingMode.NONE) {
            return (long) below(DEVICES) << 12;
        }
        if (chance(15)) {
            return direct(mode, below(DATA));
        }
        if (chance(4)) {
            return canonical(mode, -4096);
        }
        long linear = 0;
        for (int level = 1; level <= mode.levels(); level++) {
            boolean isPointer = mode == PagingMode.PAE && level == 3;
            linear |= (long) (isPointer ? below(3) : slot(mode)) << mode.indexShift(level);
        }
        return canonical(mode, linear);
    }

    // ---- drawing

    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    long any() {
        return random.nextLong();
    }

    /** Anything, with a quarter of its bits set. */
    long sparse() {
        long some = random.nextLong();
        return some & random.nextLong();
    }

    int slot() {
        return SLOTS[random.nextInt(SLOTS.length)];
    }

    /** The place of an entry in a table as the mode has them. */
    private int slot(PagingMode mode) {
        return mode == PagingMode.TWO_LEVEL ? SHORT_SLOTS[random.nextInt(SHORT_SLOTS.length)] : slot();
    }

    /** Anything, mostly a table. */
    long gfn() {
        int kind = random.nextInt(100);
        if (kind < 75) {
            return random.nextInt(TABLES);
        }
        if (kind < 88) {
            return random.nextInt(DATA);
        }
        if (kind < 92) {
            return kind < 90 ? HIGH + random.nextInt(8) : 29L + random.nextInt(3);
        }
        return kind < 95 ? random.nextInt(DEVICES + 4) : LARGE + random.nextInt(8);
    }

    /** A value for CR3: mostly a table, and sometimes nothing at all. */
    long root(PagingMode mode) {
        long gfn = chance(93) ? mode == PagingMode.PAE ? tableOf(4) : rootTable(mode) : chance(70) ? gfn() : 0x300;
        boolean is32Bit = mode == PagingMode.PAE || mode == PagingMode.TWO_LEVEL;
        long low = chance(20) ? below(4096) : 0;
        if (mode == PagingMode.PAE) {
            low = chance(96) ? POINTERS | low & 0x1F : low;
        }
        return (is32Bit ? gfn & 0xF_FFFF : gfn) << 12 | low;
    }

    /** A frame that CR3 may name in the mode, or, with PAE paging, a PDPTE. */
    long rootTable(PagingMode mode) {
        return switch (mode) {
            case NONE -> tableOf(4);
            case PAE -> tableOf(chance(50) ? 2 : 4);
            case TWO_LEVEL -> tableOf(chance(80) ? 2 : 4);
            case FOUR_LEVEL -> chance(88) ? tableOf(4) : HIGH + 1;
            case FIVE_LEVEL -> tableOf(chance(95) ? 5 : 4);
        };
    }

    /** A place in a table and what is written there. */
    record Edit(long gfn, int offset, int size, long value) {}

    /** As a kernel in the mode would write to the table. */
    Edit edit(PagingMode mode, long gfn) {
        if (gfn < END_OF_LEVEL[4] && chance(mode == PagingMode.PAE ? 40 : 5)) {
            return new Edit(gfn, POINTERS + 8 * below(3), 8, pointer());
        }
        if (mode == PagingMode.TWO_LEVEL && chance(90)) {
            int level = gfn < FIRST_OF_LEVEL[1] ? 2 : 1;
            return new Edit(gfn, slot(mode) * 4, 4, shortEntry(gfn < TABLES ? level : 1 + below(2)));
        }
        return new Edit(gfn, slot() * 8, 8, entryOf(gfn));
    }

    /** What the table may hold: mostly an entry of its level, sometimes a bad one. */
    long entryOf(long gfn) {
        for (int level = 1; level <= 5; level++) {
            if (gfn >= FIRST_OF_LEVEL[level] && gfn < END_OF_LEVEL[level]) {
                return entry(level);
            }
        }
        return entry(1 + below(4));
    }

    /** A PDPTE. */
    private long pointer() {
        long flags = chance(90) ? LongModeEntry.PRESENT : 0;
        flags |= flag(10, LongModeEntry.WRITE_THROUGH) | (below(60) == 0 ? LongModeEntry.USER : 0);
        return LongModeEntry.of(chance(85) ? tableOf(2) : gfn(), flags);
    }

    private long entry(int level) {
        if (chance(4)) {
            return chance(50) ? 0 : any() & ~LongModeEntry.PRESENT;
        }
        long flags = flags() | flag(4, LongModeEntry.NO_EXECUTE);
        // In PAE entries bits 62..52 are reserved: they are rare where such tables are.
        flags |= flag(level <= 2 ? 4 : 20, (long) below(16) << 59) | flag(2, 0x7FL << 52);
        flags |= below(200) == 0 ? 1L << 45 : 0;
        if (below(100) < (level == 2 || level == 3 ? 15 : 1)) {
            long first = chance(40) ? 0 : chance(85) ? LARGE : gfn();
            return LongModeEntry.of(first, flags | LongModeEntry.PAGE_SIZE | flag(10, LongModeEntry.LARGE_PAT));
        }
        return LongModeEntry.of(level > 1 && chance(88) ? tableOf(level - 1) : gfn(), flags);
    }

    /** An entry of two-level paging. */
    private long shortEntry(int level) {
        if (chance(4)) {
            return chance(50) ? 0 : any() & 0xFFFF_FFFEL;
        }
        long flags = flags();
        if (level == 2 && chance(15)) {
            long first = chance(50) ? HIGH : 0;
            return TwoLevelEntry.ofLarge(first, flags | flag(10, LongModeEntry.LARGE_PAT) | flag(3, 1L << 21));
        }
        flags |= flag(2, LongModeEntry.PAGE_SIZE);
        return LongModeEntry.of((level > 1 && chance(88) ? tableOf(1) : gfn()) & 0xF_FFFF, flags);
    }

    private long flags() {
        long flags = LongModeEntry.PRESENT;
        flags |= flag(90, LongModeEntry.WRITABLE) | flag(92, LongModeEntry.USER) | flag(60, LongModeEntry.ACCESSED);
        flags |= flag(50, LongModeEntry.DIRTY) | flag(10, LongModeEntry.GLOBAL);
        return flags | flag(5, LongModeEntry.WRITE_THROUGH);
    }

    private long tableOf(int level) {
        return (long) FIRST_OF_LEVEL[level] + below(END_OF_LEVEL[level] - FIRST_OF_LEVEL[level]);
    }

    private long flag(int percent, long bits) {
        return chance(percent) ? bits : 0;
    }
}
