package io.umbra.x86;

/**
 * How linear addresses are translated. Intel SDM vol. 3A, "Paging Modes and Control Bits".
 *
 * <pre>
 *               CR0.PG  CR4.PAE  EFER.LMA  CR4.LA57   levels   entries in a table   linear address
 *  NONE            0       -        -         -          0             -               32 bits
 *  TWO_LEVEL       1       0        -         -          2         1024 of 4           32 bits
 *  PAE             1       1        0         -          3          512 of 8           32 bits, level 3: 4 registers
 *  FOUR_LEVEL      1       1        1         0          4          512 of 8           48 bits, sign-extended
 *  FIVE_LEVEL      1       1        1         1          5          512 of 8           57 bits, sign-extended
 * </pre>
 *
 * <p>Levels count from the table of 4 KiB leaves, which is level 1.
 */
public enum PagingMode {
    NONE("no paging", 0, 32, 0, 0),
    TWO_LEVEL("two-level paging", 2, 32, 4, 10),
    PAE("PAE paging", 3, 32, 8, 9),
    FOUR_LEVEL("four-level paging", 4, 48, 8, 9),
    FIVE_LEVEL("five-level paging", 5, 57, 8, 9);

    private final String text;
    private final int levels;
    private final int linearBits;
    private final int entryBytes;
    private final int indexBits;

    PagingMode(String text, int levels, int linearBits, int entryBytes, int indexBits) {
        this.text = text;
        this.levels = levels;
        this.linearBits = linearBits;
        this.entryBytes = entryBytes;
        this.indexBits = indexBits;
    }

    /** EFER.LMA decides and not LME: they are equal whenever CR0.PG is set, and LMA is never set while it is not. */
    public static PagingMode of(long cr0, long cr4, long efer) {
        if ((cr0 & Cr0.PAGING) == 0) {
            return NONE;
        }
        if ((cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) == 0) {
            return TWO_LEVEL;
        }
        if ((efer & Efer.LONG_MODE_ACTIVE) == 0) {
            return PAE;
        }
        return (cr4 & Cr4.FIVE_LEVEL) == 0 ? FOUR_LEVEL : FIVE_LEVEL;
    }

    /** @return the level of the root, 0 without paging */
    public int levels() {
        return levels;
    }

    /** @return whether a linear address has 64 bits, of which the upper ones must repeat the uppermost that is translated */
    public boolean isLong() {
        return switch (this) {
            case NONE, TWO_LEVEL, PAE -> false;
            case FOUR_LEVEL, FIVE_LEVEL -> true;
        };
    }

    /** @return how many bits of a linear address are translated */
    public int linearBits() {
        return linearBits;
    }

    /** @return 4 or 8; 0 without paging */
    public int entryBytes() {
        return entryBytes;
    }

    /** @return whether {@code linear} can be accessed at all; always true outside long mode, where addresses have 32 bits */
    public boolean isCanonical(long linear) {
        int unused = Long.SIZE - linearBits;
        return !isLong() || linear << unused >> unused == linear;
    }

    /** The place of {@code linear} in its table of {@code level}; in PAE's level 3, the number of the PDPTE register. */
    public int index(long linear, int level) {
        long translated = isLong() ? linear : linear & 0xFFFF_FFFFL;
        return (int) (translated >>> indexShift(level)) & (1 << indexBits) - 1;
    }

    /** The lowest linear-address bit that selects an entry at {@code level}: 12, then 22, or 21, 30, 39, 48. */
    public int indexShift(int level) {
        return 12 + indexBits * (level - 1);
    }

    /** @return the size of a page whose leaf is at {@code level} */
    public PageSize pageSize(int level) {
        return switch (level) {
            case 1 -> PageSize.SIZE_4K;
            case 2 -> this == TWO_LEVEL ? PageSize.SIZE_4M : PageSize.SIZE_2M;
            case 3 -> PageSize.SIZE_1G;
            default -> throw new IllegalArgumentException("no page is mapped at level " + level);
        };
    }

    /** Such as {@code four-level paging}. */
    @Override
    public String toString() {
        return text;
    }
}
