package io.umbra.x86;

/**
 * Bit layout of an 8-byte paging entry of four- and five-level paging; PAE entries share it as far as they go. Intel
 * SDM vol. 3A, "Paging-Structure Entries"; AMD APM vol. 2, "Long-Mode Page Translation".
 *
 * <pre>
 *  63  62..59   58..52     51..12  11..9  8  7       6  5  4    3    2   1   0
 *  NX  key|avl  available  frame   avail  G  PS|PAT  D  A  PCD  PWT  US  RW  P
 * </pre>
 *
 * <p>A table holds 512 entries. In a 2 MiB or 1 GiB leaf bit 12 is PAT and the frame starts at bit 21 or 30.
 */
public final class LongModeEntry {
    public static final long PRESENT = 1L << 0;
    public static final long WRITABLE = 1L << 1;
    public static final long USER = 1L << 2;
    public static final long WRITE_THROUGH = 1L << 3;
    public static final long CACHE_DISABLE = 1L << 4;
    public static final long ACCESSED = 1L << 5;
    public static final long DIRTY = 1L << 6;
    /** At levels 2 and 3: the entry maps a large page. Reserved at levels 4 and 5. */
    public static final long PAGE_SIZE = 1L << 7;
    /** At level 1, the place of {@link #PAGE_SIZE}. */
    public static final long PAT = 1L << 7;

    public static final long GLOBAL = 1L << 8;
    public static final long LARGE_PAT = 1L << 12;
    public static final long NO_EXECUTE = 1L << 63;
    /** In a leaf, with CR4.PKE: the protection key. */
    public static final long KEY_MASK = 0xFL << 59;

    private static final int KEY_SHIFT = 59;
    public static final long FRAME_MASK = 0x000F_FFFF_FFFF_F000L;

    /** Entries in a table. */
    public static final int ENTRIES = 512;

    public static boolean isPresent(long entry) {
        return (entry & PRESENT) != 0;
    }

    public static boolean isWritable(long entry) {
        return (entry & WRITABLE) != 0;
    }

    public static boolean isUser(long entry) {
        return (entry & USER) != 0;
    }

    public static boolean isAccessed(long entry) {
        return (entry & ACCESSED) != 0;
    }

    public static boolean isDirty(long entry) {
        return (entry & DIRTY) != 0;
    }

    /** Bit 7; whether it makes a leaf depends on the level. */
    public static boolean hasPageSize(long entry) {
        return (entry & PAGE_SIZE) != 0;
    }

    public static boolean isNoExecute(long entry) {
        return (entry & NO_EXECUTE) != 0;
    }

    /** The protection key of a leaf, 0 to 15, where keys are enabled. */
    public static int key(long leaf) {
        return (int) ((leaf & KEY_MASK) >>> KEY_SHIFT);
    }

    /** The flags of a leaf with the protection key. */
    public static long withKey(int key) {
        return (long) key << KEY_SHIFT;
    }

    /** The frame number in bits 51..12. For a large leaf the caller masks the low bits ({@link #leafFrame}). */
    public static long frame(long entry) {
        return (entry & FRAME_MASK) >>> 12;
    }

    /** The first frame of the leaf at {@code level}: bits below the leaf's size are cleared. */
    public static long leafFrame(long entry, int level) {
        return frame(entry) & -framesMappedBy(level);
    }

    public static long of(long frame, long flags) {
        return frame << 12 | flags;
    }

    /** The place of {@code linear} in a table of {@code level}: 1 for the table of 4 KiB leaves, up to 5. */
    public static int index(long linear, int level) {
        return (int) (linear >>> indexShift(level)) & (ENTRIES - 1);
    }

    /** The lowest linear-address bit that selects an entry at {@code level}: 12, 21, 30, 39, 48. */
    public static int indexShift(int level) {
        return 12 + 9 * (level - 1);
    }

    /** 4 KiB frames that one entry at {@code level} maps: 1, 512, 262144, … */
    public static long framesMappedBy(int level) {
        return 1L << 9 * (level - 1);
    }

    private LongModeEntry() {}
}
