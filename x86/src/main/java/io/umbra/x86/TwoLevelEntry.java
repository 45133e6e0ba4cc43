package io.umbra.x86;

/**
 * Bit layout of a 4-byte entry of two-level paging, held zero-extended in a long. Intel SDM vol. 3A, "32-Bit Paging".
 *
 * <pre>
 *                 31..22  21        20..13        12   11..9  8      7    6      5  4    3    2   1   0
 *  PTE            frame                                avail  G      PAT  D      A  PCD  PWT  US  RW  P
 *  PDE, table     frame                                avail  avail  PS=0 avail  A  PCD  PWT  US  RW  P
 *  PDE, 4 MiB     31..22  reserved  39..32 of     PAT  avail  G      PS=1 D      A  PCD  PWT  US  RW  P
 *                                   the address
 * </pre>
 *
 * <p>A table holds 1024 entries. PS means something only with CR4.PSE. Bits 39..32 of a 4 MiB page's address exist only with PSE-36, and
 * only as far as MAXPHYADDR reaches; the others of bits 21..13 are reserved. There is no NX. Flags have the places of
 * {@link LongModeEntry}.
 */
public final class TwoLevelEntry {
    /** Entries in a table. */
    public static final int ENTRIES = 1024;

    public static final long FRAME_MASK = 0xFFFF_F000L;

    private static final long LARGE_LOW_MASK = 0xFFC0_0000L;
    private static final int LARGE_HIGH_SHIFT = 13;
    private static final long LARGE_HIGH_MASK = 0xFFL;
    private static final int LARGEST_PHYSICAL_ADDRESS = 40;

    /** The frame of a table or of a 4 KiB page. */
    public static long frame(long entry) {
        return (entry & FRAME_MASK) >>> 12;
    }

    /** The first frame of a 4 MiB page, with the bits that PSE-36 keeps in 20..13. */
    public static long largeFrame(long entry) {
        long high = entry >>> LARGE_HIGH_SHIFT & LARGE_HIGH_MASK;
        return (high << 32 | entry & LARGE_LOW_MASK) >>> 12;
    }

    /** The PDE of the 4 MiB page that starts at {@code frame}. */
    public static long ofLarge(long frame, long flags) {
        long address = frame << 12;
        return address & LARGE_LOW_MASK
                | (address >>> 32 & LARGE_HIGH_MASK) << LARGE_HIGH_SHIFT
                | LongModeEntry.PAGE_SIZE
                | flags;
    }

    /**
     * The bits that a present PDE of a 4 MiB page must not have: 21 down to M-19, where M is how many bits its address has.
     *
     * @param pse36 whether the processor has PSE-36; without it M is 32
     * @param maxPhysicalAddress MAXPHYADDR, 32 to 52; with PSE-36, M is this but at most 40
     */
    public static long largeReserved(boolean pse36, int maxPhysicalAddress) {
        int addressBits = pse36 ? Math.min(LARGEST_PHYSICAL_ADDRESS, maxPhysicalAddress) : 32;
        int lowest = addressBits - 19;
        return (1L << 22) - (1L << lowest);
    }

    private TwoLevelEntry() {}
}
