package io.umbra.tools.matrix;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PagingMode;
import io.umbra.x86.TwoLevelEntry;

/**
 * Where things lie in the small guest in which cases are played. One linear address is accessed for each target; one path of tables, one of each level, leads there. Everything lies in one large page of each size, so
 * that the same linear address reaches the same target by a leaf of any level.
 *
 * <pre>
 *  guest frame   40000         a 1 GiB page starts here
 *                40400         a 4 MiB page
 *                40600         a 2 MiB page
 *                40610…40612   memory, read-only memory, a device
 *                40620 + k     the table of level k on the path
 *                40630 + k     tables of the window
 *                4063f         the PDPTEs of PAE paging, at its start
 *               140610         memory above 4 GiB, in a 4 MiB page that PSE-36 addresses
 * </pre>
 *
 * <p>The <em>window</em> is how the guest writes to its tables: page k of it maps the table of level k, writable and for the supervisor.
 */
final class Layout {
    static final long REGION = 0x40000;
    static final long ABOVE_4G = 0x100000;
    /** Of an access in its page: eight bytes that, in a table, are an entry that no walk uses. */
    static final int OFFSET = 0xFF8;

    private static final long SMALL_REGION = 0x600;
    private static final int TABLES = 0x20;
    private static final int WINDOW_TABLES = 0x30;
    private static final int POINTERS = 0x3F;
    /** The place of the window in the root, and in PAE paging its PDPTE. */
    private static final int WINDOW_IN_ROOT = 0x1F0;

    private static final int WINDOW_POINTER = 3;
    private static final int PATH_POINTER = 1;

    private static final long WINDOW_FLAGS =
            LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.ACCESSED | LongModeEntry.DIRTY;

    final MatrixMode mode;
    private final PagingMode paging;

    Layout(MatrixMode mode) {
        this.mode = mode;
        this.paging = mode.paging();
    }

    /** The guest frame of a target that a leaf of {@code leafLevel} maps. */
    long gfn(Target target, int leafLevel) {
        long small = switch (target) {
            case MEMORY, READ_ONLY, DEVICE -> 0x10L + target.ordinal();
            case OTHER_TABLE -> WINDOW_TABLES + 1;
            case TABLE -> TABLES + leafLevel;
        };
        boolean high = mode == MatrixMode.TWO_LEVEL_PSE && leafLevel == 2 && target == Target.MEMORY;
        return REGION + SMALL_REGION + small + (high ? ABOVE_4G : 0);
    }

    long table(int level) {
        return REGION + SMALL_REGION + TABLES + level;
    }

    long windowTable(int level) {
        return REGION + SMALL_REGION + WINDOW_TABLES + level;
    }

    /** The guest frame that holds the PDPTEs of PAE paging. */
    long pointers() {
        return REGION + SMALL_REGION + POINTERS;
    }

    /** The linear address through which a target is accessed. */
    long linear(Target target, int leafLevel) {
        long inside = ((gfn(target, leafLevel) & REGION - 1) << 12) + OFFSET;
        return switch (mode) {
            case UNPAGED -> (gfn(target, leafLevel) << 12) + OFFSET;
            case TWO_LEVEL, TWO_LEVEL_PSE, PAE -> ((long) PATH_POINTER << 30) + inside;
            case FOUR_LEVEL -> (0x55L << 39) + (0x0CL << 30) + inside;
            case FIVE_LEVEL -> (0x33L << 48) + (0x55L << 39) + (0x0CL << 30) + inside;
        };
    }

    /** The guest-physical address of the entry of {@code level} that translates {@code linear}. */
    long entryAddress(int level, long linear) {
        return (table(level) << 12) + (long) paging.index(linear, level) * paging.entryBytes();
    }

    /** In the PDPTE registers: the one of the path. */
    int pathPointer() {
        return PATH_POINTER;
    }

    int windowPointer() {
        return WINDOW_POINTER;
    }

    long cr3() {
        return switch (mode) {
            case UNPAGED -> 0;
            case PAE -> pointers() << 12;
            case TWO_LEVEL, TWO_LEVEL_PSE, FOUR_LEVEL, FIVE_LEVEL -> table(mode.levels()) << 12;
        };
    }

    /** A present PDPTE, of the path or of the window. */
    long pointer(int place) {
        return LongModeEntry.of(place == PATH_POINTER ? table(2) : windowTable(2), LongModeEntry.PRESENT);
    }

    /** The entry of {@code level} on the path that names the next table, without flags but P. */
    long link(int level) {
        return LongModeEntry.of(table(level - 1), LongModeEntry.PRESENT);
    }

    /** The leaf of {@code level}, without flags but P and, of a large page, PS. */
    long leaf(int level, Target target) {
        long gfn = gfn(target, level);
        if (level == 1) {
            return LongModeEntry.of(gfn, LongModeEntry.PRESENT);
        }
        long first = gfn & -paging.pageSize(level).frames();
        return paging == PagingMode.TWO_LEVEL
                ? TwoLevelEntry.ofLarge(first, LongModeEntry.PRESENT)
                : LongModeEntry.of(first, LongModeEntry.PRESENT | LongModeEntry.PAGE_SIZE);
    }

    // ---- the window

    /** The linear address at which the guest writes to the byte at {@code offset} of the path's table of {@code level}. */
    long window(int level, int offset) {
        long base = switch (mode) {
            case UNPAGED -> 0;
            case TWO_LEVEL, TWO_LEVEL_PSE -> 0x3F0L << 22;
            case PAE -> (long) WINDOW_POINTER << 30;
            case FOUR_LEVEL -> -1L << 48 | (long) WINDOW_IN_ROOT << 39;
            case FIVE_LEVEL -> -1L << 57 | (long) WINDOW_IN_ROOT << 48;
        };
        return base + ((long) level << 12) + offset;
    }

    /** Receives entries of the guest's tables. */
    @FunctionalInterface
    interface EntrySink {
        void entry(long guestPhysical, long value);
    }

    /** The entries that make the window; those of the path are the case's. */
    void fill(EntrySink sink) {
        if (mode == MatrixMode.UNPAGED) {
            return;
        }
        if (mode == MatrixMode.PAE) {
            sink.entry((pointers() << 12) + 8 * PATH_POINTER, pointer(PATH_POINTER));
            sink.entry((pointers() << 12) + 8 * WINDOW_POINTER, pointer(WINDOW_POINTER));
        }
        for (int level = mode.topTable(); level > 1; level--) {
            boolean isRoot = level == mode.levels();
            long table = isRoot ? table(level) : windowTable(level);
            sink.entry(entryAt(table, level, window(0, 0)), LongModeEntry.of(windowTable(level - 1), WINDOW_FLAGS));
        }
        for (int level = mode.topTable(); level > 0; level--) {
            sink.entry(entryAt(windowTable(1), 1, window(level, 0)), LongModeEntry.of(table(level), WINDOW_FLAGS));
        }
    }

    private long entryAt(long table, int level, long linear) {
        return (table << 12) + (long) paging.index(linear, level) * paging.entryBytes();
    }
}
