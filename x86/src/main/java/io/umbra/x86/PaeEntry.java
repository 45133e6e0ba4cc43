package io.umbra.x86;

/**
 * Bit layout of an 8-byte entry of PAE paging. Intel SDM vol. 3A, "PAE Paging".
 *
 * <pre>
 *           63  62..M     M-1..12  11..9  8         7    6  5  4    3    2   1   0
 *  PTE      NX  reserved  frame    avail  G         PAT  D  A  PCD  PWT  US  RW  P
 *  PDE      NX  reserved  frame    avail  avail     PS   D  A  PCD  PWT  US  RW  P
 *  PDPTE    reserved      frame    avail  reserved       reserved   PCD  PWT  res. P
 * </pre>
 *
 * <p>M is MAXPHYADDR. PTE and PDE are those of {@link LongModeEntry} with bits 62..52 reserved; in a 2 MiB leaf bits 8 and 12 are G and
 * PAT, and bits 20..13 are reserved. The four PDPTEs are not a table that each access walks: MOV to CR3, and writes to CR0 and CR4 that
 * change the paging mode, load them into registers. They carry no rights and no accessed bit.
 */
public final class PaeEntry {
    /** PDPTEs, each mapping 1 GiB. */
    public static final int POINTERS = 4;

    /** Reserved in a PTE and a PDE beyond what long mode reserves. */
    public static final long RESERVED_HIGH = 0x7FF0_0000_0000_0000L;

    /** Reserved in a PDPTE below the frame. */
    private static final long POINTER_RESERVED_LOW = 0x1E6L;

    /** The address of the first PDPTE: CR3 bits 31..5. */
    public static long pointers(long cr3) {
        return cr3 & 0xFFFF_FFE0L;
    }

    /**
     * The bits that a present PDPTE must not have; loading one that has them raises #GP(0).
     *
     * @param maxPhysicalAddress MAXPHYADDR, 32 to 52
     */
    public static long pointerReserved(int maxPhysicalAddress) {
        return -1L << maxPhysicalAddress | POINTER_RESERVED_LOW;
    }

    private PaeEntry() {}
}
