package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import java.util.SplittableRandom;

/**
 * The small world in which sequences take place: few frames, few places in few tables, so that operations meet. Entries mostly point one level down; the others make any
 * frame a table of any level, of several at once, and of itself. Slot {@link #DIRECT_SLOT} of each root maps all tables and memory, as kernels do.
 *
 * <pre>
 *  gfn 0 .. 3       level-4 tables         gfn 24 .. 26    tables of the direct map, which are left alone
 *      4 .. 7       level-3 tables             32 .. 35    read-only memory, with entries in it
 *      8 .. 10      level-2 tables             40 .. 43    devices
 *      11 .. 15     level-1 tables             512 .. 1023 memory, one 2 MiB run of machine frames
 *      16 .. 23     memory                     all others  nothing
 * </pre>
 */
final class GuestLayout {
    static final int TABLES = 16;
    static final int DATA = 24;
    static final int DIRECT_MAP = 24;
    static final int MEMORY = 27;
    static final int FIRST_READ_ONLY = 32;
    static final int READ_ONLY = 36;
    static final int FIRST_DEVICE = 40;
    static final int DEVICES = 44;
    static final int LARGE = 512;
    static final int END = 1024;

    private static final int[] FIRST_OF_LEVEL = {-1, 11, 8, 4, 0};
    private static final int[] END_OF_LEVEL = {-1, 16, 11, 8, 4};
    private static final int DIRECT_SLOT = 3;

    /** The places in each table that are used. */
    static final int[] SLOTS = {0, 1, 2, 511};

    private final SplittableRandom random;

    GuestLayout(long seed) {
        random = new SplittableRandom(seed);
    }

    static P2mType type(long gfn) {
        if (gfn < MEMORY || gfn >= LARGE && gfn < END) {
            return P2mType.RAM;
        }
        if (gfn >= FIRST_READ_ONLY && gfn < READ_ONLY) {
            return P2mType.READ_ONLY;
        }
        return gfn >= FIRST_DEVICE && gfn < DEVICES ? P2mType.MMIO : P2mType.HOLE;
    }

    /** What the guest's memory holds at first: {@code store} takes guest-physical addresses. */
    void fill(EntryStore store) {
        for (long gfn = 0; gfn < READ_ONLY; gfn++) {
            for (int slot : SLOTS) {
                if (gfn < TABLES || gfn >= FIRST_READ_ONLY) {
                    store.entry(gfn << 12 | slot * 8L, entryOf(gfn));
                }
            }
        }
        long flags = LongModeEntry.PRESENT | LongModeEntry.WRITABLE;
        for (long root = 0; root < FIRST_OF_LEVEL[3]; root++) {
            store.entry(root << 12 | DIRECT_SLOT * 8L, LongModeEntry.of(DIRECT_MAP, flags));
        }
        store.entry((long) DIRECT_MAP << 12, LongModeEntry.of(DIRECT_MAP + 1L, flags));
        store.entry(DIRECT_MAP + 1L << 12, LongModeEntry.of(DIRECT_MAP + 2L, flags));
        for (long gfn = 0; gfn < DATA; gfn++) {
            store.entry(DIRECT_MAP + 2L << 12 | gfn * 8, LongModeEntry.of(gfn, flags));
        }
    }

    /** Where {@link #fill} puts entries. */
    @FunctionalInterface
    interface EntryStore {
        void entry(long guestPhysical, long entry);
    }

    /** Where the direct map has a table or memory. */
    static long direct(long gfn) {
        return (long) DIRECT_SLOT << LongModeEntry.indexShift(4) | gfn << 12;
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    long any() {
        return random.nextLong();
    }

    int slot() {
        return SLOTS[random.nextInt(SLOTS.length)];
    }

    /** Anything, mostly a table. */
    long gfn() {
        int kind = random.nextInt(100);
        if (kind < 75) {
            return random.nextInt(TABLES);
        }
        if (kind < 90) {
            return random.nextInt(DATA);
        }
        return kind < 94 ? random.nextInt(DEVICES + 4) : LARGE + random.nextInt(8);
    }

    /** Page aligned, canonical. */
    long page() {
        if (chance(15)) {
            return direct(random.nextInt(DATA));
        }
        long linear = 0;
        for (int level = 1; level <= 4; level++) {
            linear |= (long) slot() << LongModeEntry.indexShift(level);
        }
        return linear << 16 >> 16;
    }

    /** What the table may hold: mostly an entry of its level, sometimes a bad one. */
    long entryOf(long gfn) {
        for (int level = 1; level <= 4; level++) {
            if (gfn >= FIRST_OF_LEVEL[level] && gfn < END_OF_LEVEL[level]) {
                return entry(level);
            }
        }
        return entry(1 + below(4));
    }

    private long entry(int level) {
        if (chance(4)) {
            return chance(50) ? 0 : any() & ~LongModeEntry.PRESENT;
        }
        long flags = LongModeEntry.PRESENT;
        flags |= flag(90, LongModeEntry.WRITABLE) | flag(92, LongModeEntry.USER) | flag(60, LongModeEntry.ACCESSED);
        flags |= flag(50, LongModeEntry.DIRTY) | flag(4, LongModeEntry.NO_EXECUTE) | flag(10, LongModeEntry.GLOBAL);
        flags |= flag(5, LongModeEntry.WRITE_THROUGH) | flag(5, 0x7FL << 52);
        flags |= below(200) == 0 ? 1L << 45 : 0;
        if (below(100) < (level == 2 || level == 3 ? 15 : 1)) {
            long first = chance(40) ? 0 : chance(85) ? LARGE : gfn();
            return LongModeEntry.of(first, flags | LongModeEntry.PAGE_SIZE | flag(10, LongModeEntry.LARGE_PAT));
        }
        return LongModeEntry.of(level > 1 && chance(88) ? tableOf(level - 1) : gfn(), flags);
    }

    private long tableOf(int level) {
        return (long) FIRST_OF_LEVEL[level] + below(END_OF_LEVEL[level] - FIRST_OF_LEVEL[level]);
    }

    private long flag(int percent, long bits) {
        return chance(percent) ? bits : 0;
    }
}
