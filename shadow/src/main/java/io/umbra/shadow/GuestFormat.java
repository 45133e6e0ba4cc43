package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PaeEntry;
import io.umbra.x86.TwoLevelEntry;

/**
 * How the guest's tables are laid out. Flags below bit 12 have the same places in all formats, so that an entry read from any of them is one long. Intel SDM vol. 3A, "32-Bit Paging", "PAE
 * Paging", "4-Level Paging and 5-Level Paging".
 */
enum GuestFormat {
    /** 1024 entries of 4 bytes; levels 2 and 1; pages of 4 KiB and, with CR4.PSE, 4 MiB. */
    TWO_LEVEL(2, 10),
    /** 512 entries of 8 bytes; levels 2 and 1 below four PDPTE registers; pages of 4 KiB and 2 MiB. */
    PAE(3, 9),
    /** 512 entries of 8 bytes; levels 4, or 5 with CR4.LA57, to 1; pages of 4 KiB, 2 MiB and 1 GiB. */
    LONG(3, 9);

    /** Guests are offered 4 MiB pages above 4 GiB. */
    private static final boolean PSE36 = true;

    private static final long RESERVED_ADDRESS = LongModeEntry.FRAME_MASK & -(1L << GuestWalker.MAX_PHYSICAL_ADDRESS);

    private final int entryShift;
    private final int indexBits;

    GuestFormat(int entryShift, int indexBits) {
        this.entryShift = entryShift;
        this.indexBits = indexBits;
    }

    /** Bytes of an entry, as a power of two. */
    int entryShift() {
        return entryShift;
    }

    /** Entries in a table. */
    int entries() {
        return 1 << indexBits;
    }

    /** The lowest of the linear address's bits that choose an entry at {@code level}. */
    int indexShift(int level) {
        return 12 + indexBits * (level - 1);
    }

    int index(long linear, int level) {
        return (int) (linear >>> indexShift(level)) & entries() - 1;
    }

    /** 4 KiB frames that one entry at {@code level} maps. */
    long framesMappedBy(int level) {
        return 1L << indexBits * (level - 1);
    }

    long entryAddress(long table, int index) {
        return (table << 12) + ((long) index << entryShift);
    }

    /** One load of the entry's full width, zero-extended. */
    long read(MachineMemory memory, long table, int index) {
        long address = entryAddress(table, index);
        return this == TWO_LEVEL ? memory.readInt(address) & 0xFFFF_FFFFL : memory.readLong(address);
    }

    /** @return false when the entry is no longer {@code expected} */
    boolean compareAndSet(MachineMemory memory, long address, long expected, long value) {
        return this == TWO_LEVEL
                ? memory.compareAndSetInt(address, (int) expected, (int) value)
                : memory.compareAndSetLong(address, expected, value);
    }

    /** Whether a present entry maps a page and no table. */
    boolean isLeaf(long entry, int level, EntryRules rules) {
        if (level == 1) {
            return true;
        }
        return LongModeEntry.hasPageSize(entry)
                && switch (this) {
                    case TWO_LEVEL -> rules.pageSizeExtensions();
                    case PAE -> true;
                    case LONG -> level < 4;
                };
    }

    /** The frame of the table that the entry names, or of its page. Of a large page, the first. */
    long frame(long entry, int level, boolean isLeaf) {
        if (!isLeaf || level == 1) {
            return LongModeEntry.frame(entry);
        }
        return this == TWO_LEVEL ? TwoLevelEntry.largeFrame(entry) : LongModeEntry.leafFrame(entry, level);
    }

    /** Whether a present entry has a bit set that must be zero: the walk ends there with RSVD. */
    boolean hasReservedBits(long entry, int level, boolean isLeaf, EntryRules rules) {
        return (entry & reservedBits(level, isLeaf, rules)) != 0;
    }

    private long reservedBits(int level, boolean isLeaf, EntryRules rules) {
        boolean isLarge = isLeaf && level > 1;
        if (this == TWO_LEVEL) {
            return isLarge ? TwoLevelEntry.largeReserved(PSE36, GuestWalker.MAX_PHYSICAL_ADDRESS) : 0;
        }
        long reserved = RESERVED_ADDRESS;
        if (!rules.noExecute()) {
            reserved |= LongModeEntry.NO_EXECUTE;
        }
        if (this == PAE) {
            reserved |= PaeEntry.RESERVED_HIGH;
        }
        if (level >= 4) {
            reserved |= LongModeEntry.PAGE_SIZE;
        }
        if (isLarge) {
            reserved |= (LongModeEntry.framesMappedBy(level) - 1 << 12) & ~LongModeEntry.LARGE_PAT;
        }
        return reserved;
    }

    /** Whether bit 63 forbids execution. */
    boolean hasNoExecute(EntryRules rules) {
        return this != TWO_LEVEL && rules.noExecute();
    }

    /** Whether leaves have protection keys: CR4.PKE may be set in any mode, and means something in long mode only. */
    boolean hasProtectionKeys(EntryRules rules) {
        return this == LONG && rules.protectionKeys();
    }

    /** The protection key of a leaf: 0 where there are none. */
    int key(long leaf, EntryRules rules) {
        return hasProtectionKeys(rules) ? LongModeEntry.key(leaf) : 0;
    }
}
