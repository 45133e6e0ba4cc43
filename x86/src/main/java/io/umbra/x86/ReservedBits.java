package io.umbra.x86;

/**
 * The bits that must be 0 in a present entry; a walk that meets one of them set ends in #PF with RSVD and P. Intel SDM vol. 3A, the
 * "Format of …" tables of "32-Bit Paging", "PAE Paging" and "4-Level Paging and 5-Level Paging"; "Reserved Bit Checking" of older editions.
 *
 * <pre>
 *  paging     entry               level   reserved (M = MAXPHYADDR)
 *  two-level  PTE                   1     none
 *             PDE of a table        2     none; without CR4.PSE this is every PDE
 *             PDE of 4 MiB          2     21..13; with PSE-36, 21..min(M,40)-19
 *  PAE        PTE                   1     62..M, NX
 *             PDE of a table        2     62..M, NX
 *             PDE of 2 MiB          2     62..M, NX, 20..13
 *             PDPTE                 3     63..M, 8..5, 2..1
 *  4-, 5-     PTE                   1     51..M, NX
 *  level      PDE of a table        2     51..M, NX
 *             PDE of 2 MiB          2     51..M, NX, 20..13
 *             PDPTE of a table      3     51..M, NX; PS where 1 GiB pages are not offered
 *             PDPTE of 1 GiB        3     51..M, NX, 29..13
 *             PML4E, PML5E         4, 5   51..M, NX, PS
 *
 *  NX: bit 63, while EFER.NXE = 0
 * </pre>
 *
 * <p>Bit 8 of a PML4E and of a PML5E is ignored, as Intel has it; AMD reserves it.
 */
final class ReservedBits {

    /** @param mapsPage whether the entry is a leaf: at level 1, or PS is set where it has a meaning */
    static long of(PagingRegisters registers, int level, boolean mapsPage) {
        return switch (registers.mode()) {
            case NONE -> 0;
            case TWO_LEVEL -> twoLevel(registers, level, mapsPage);
            case PAE -> pae(registers, level, mapsPage);
            case FOUR_LEVEL, FIVE_LEVEL -> longMode(registers, level, mapsPage);
        };
    }

    private static long twoLevel(PagingRegisters registers, int level, boolean mapsPage) {
        return level == 2 && mapsPage
                ? TwoLevelEntry.largeReserved(registers.pse36(), registers.maxPhysicalAddress())
                : 0;
    }

    private static long pae(PagingRegisters registers, int level, boolean mapsPage) {
        int addressBits = registers.maxPhysicalAddress();
        long inTables = PaeEntry.RESERVED_HIGH | bits(51, addressBits) | noExecute(registers);
        return switch (level) {
            case 1 -> inTables;
            case 2 -> inTables | (mapsPage ? bits(20, 13) : 0);
            default -> PaeEntry.pointerReserved(addressBits);
        };
    }

    private static long longMode(PagingRegisters registers, int level, boolean mapsPage) {
        long everywhere = bits(51, registers.maxPhysicalAddress()) | noExecute(registers);
        return everywhere
                | switch (level) {
                    case 1 -> 0;
                    case 2 -> mapsPage ? bits(20, 13) : 0;
                    case 3 -> mapsPage ? bits(29, 13) : registers.gigabytePages() ? 0 : LongModeEntry.PAGE_SIZE;
                    default -> LongModeEntry.PAGE_SIZE;
                };
    }

    private static long noExecute(PagingRegisters registers) {
        return registers.noExecute() ? 0 : LongModeEntry.NO_EXECUTE;
    }

    /** The bits from {@code high} down to {@code low}; none when low is above high. */
    private static long bits(int high, int low) {
        return (1L << high + 1) - (1L << low);
    }

    private ReservedBits() {}
}
