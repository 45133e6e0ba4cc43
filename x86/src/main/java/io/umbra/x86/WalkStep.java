package io.umbra.x86;

/**
 * One entry that a walk reads.
 *
 * @param address guest-physical, of the entry; {@link #IN_REGISTER} for a PDPTE of PAE paging
 * @param entry as read; entries of 4 bytes are zero-extended
 * @param mapsPage the entry is a leaf if it is present
 * @param reserved the bits that must be 0 in it
 */
record WalkStep(PagingMode mode, int level, int index, long address, long entry, boolean mapsPage, long reserved) {

    static final long IN_REGISTER = -1;

    /** Reads the entry for {@code linear} in the table at guest-physical address {@code table}. */
    static WalkStep read(PagingRegisters registers, PhysicalMemory memory, long table, int level, long linear) {
        PagingMode mode = registers.mode();
        int index = mode.index(linear, level);
        if (isPointerRegister(mode, level)) {
            return of(registers, level, index, IN_REGISTER, registers.pdpte().get(index));
        }
        long address = table + (long) index * mode.entryBytes();
        return of(registers, level, index, address, load(mode, memory, address));
    }

    private static WalkStep of(PagingRegisters registers, int level, int index, long address, long entry) {
        boolean mapsPage = level == 1 || LongModeEntry.hasPageSize(entry) && mayMapPage(registers, level);
        long reserved = ReservedBits.of(registers, level, mapsPage);
        return new WalkStep(registers.mode(), level, index, address, entry, mapsPage, reserved);
    }

    /** Whether PS has a meaning at a level above 1. */
    private static boolean mayMapPage(PagingRegisters registers, int level) {
        return switch (registers.mode()) {
            case NONE -> false;
            case TWO_LEVEL -> registers.pageSizeExtensions();
            case PAE -> level == 2;
            case FOUR_LEVEL, FIVE_LEVEL -> level == 2 || level == 3 && registers.gigabytePages();
        };
    }

    private static boolean isPointerRegister(PagingMode mode, int level) {
        return mode == PagingMode.PAE && level == 3;
    }

    private static long load(PagingMode mode, PhysicalMemory memory, long address) {
        return mode == PagingMode.TWO_LEVEL ? memory.readInt(address) & 0xFFFF_FFFFL : memory.readLong(address);
    }

    boolean isPresent() {
        return LongModeEntry.isPresent(entry);
    }

    /** Reserved bits that are set. Without meaning in an absent entry, of which nothing but bit 0 is looked at. */
    long reservedSet() {
        return entry & reserved;
    }

    /** The walk ends here, one way or the other. */
    boolean isLast() {
        return !isPresent() || reservedSet() != 0 || mapsPage;
    }

    /** A PDPTE of PAE paging has neither rights nor an accessed bit. */
    boolean hasRights() {
        return !isPointerRegister(mode, level);
    }

    boolean isWritable() {
        return !hasRights() || LongModeEntry.isWritable(entry);
    }

    boolean isUser() {
        return !hasRights() || LongModeEntry.isUser(entry);
    }

    /** Bit 63 of a present entry without reserved bits set is NX; entries of 4 bytes have none. */
    boolean isExecutable() {
        return !hasRights() || !LongModeEntry.isNoExecute(entry);
    }

    /** The guest-physical address of the next table. */
    long table() {
        return frame() << 12;
    }

    /** The guest-physical address of the page. */
    long page() {
        PageSize size = mode.pageSize(level);
        long frame = size == PageSize.SIZE_4M ? TwoLevelEntry.largeFrame(entry) : frame();
        return frame << 12 & -size.bytes();
    }

    private long frame() {
        return mode == PagingMode.TWO_LEVEL ? TwoLevelEntry.frame(entry) : LongModeEntry.frame(entry);
    }

    /** Bits 62..59, which are a protection key in a leaf of four- and five-level paging. */
    int key() {
        return (int) (entry >>> 59) & 0xF;
    }

    /**
     * Sets bits in the entry, unless it has changed since it was read.
     *
     * @return false when it has changed. Memory that refuses the write but holds the same entry still (a table in ROM) counts as written:
     *     a processor's write would be lost as well.
     */
    boolean set(PhysicalMemory memory, long bits) {
        long updated = entry | bits;
        boolean stored = updated == entry
                || (mode == PagingMode.TWO_LEVEL
                        ? memory.compareAndSetInt(address, (int) entry, (int) updated)
                        : memory.compareAndSetLong(address, entry, updated));
        return stored || load(mode, memory, address) == entry;
    }
}
