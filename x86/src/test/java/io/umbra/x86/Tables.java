package io.umbra.x86;

import java.util.Arrays;
import java.util.List;

/**
 * A guest with tables for one page, made so that every access to it is permitted; tests then take something away. The table of level n
 * lies at n * 0x1000, the root's address in CR3 has all the bits set that are not address. NX, WP, PSE and every feature are on; SMEP,
 * SMAP and protection keys are off.
 */
final class Tables {

    static final int MAX_PHYSICAL_ADDRESS = 46;
    /** Where the page lies that is mapped: a multiple of 1 GiB. */
    static final long PAGE = 0xC000_0000L;

    static final int READ = 0;
    static final int WRITE = PageFaultCode.WRITE;
    static final int USER = PageFaultCode.USER;
    static final int FETCH = PageFaultCode.FETCH;
    static final int IMPLICIT = PageFaultCode.IMPLICIT;
    /** Every access that can be made. */
    static final List<Integer> ACCESSES =
            List.of(READ, WRITE, FETCH, IMPLICIT, IMPLICIT | WRITE, USER, USER | WRITE, USER | FETCH);

    final PagingMode mode;
    final int leafLevel;
    GuestMemory memory = new GuestMemory();
    long linear;
    long cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
    long cr3;
    long cr4;
    long efer;
    long[] pdpte = {0, 0, 0, 0};
    boolean alignmentCheck;
    int pkru;
    int maxPhysicalAddress = MAX_PHYSICAL_ADDRESS;
    boolean gigabytePages = true;
    boolean pse36 = true;

    private Tables(PagingMode mode, int leafLevel) {
        this.mode = mode;
        this.leafLevel = leafLevel;
        this.linear = switch (mode) {
            case NONE, TWO_LEVEL, PAE -> 0xE3A5_B678L;
            case FOUR_LEVEL -> 0xFFFF_DA3C_F1E5_B678L;
            case FIVE_LEVEL -> 0x00B5_DA3C_F1E5_B678L;
        };
        this.cr3 = (long) mode.levels() << 12 | 0xFFF;
        this.cr4 = switch (mode) {
            case NONE, TWO_LEVEL -> Cr4.PAGE_SIZE_EXTENSIONS;
            case PAE, FOUR_LEVEL -> Cr4.PHYSICAL_ADDRESS_EXTENSION;
            case FIVE_LEVEL -> Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FIVE_LEVEL;
        };
        this.efer = Efer.NO_EXECUTE | (mode.isLong() ? Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE : 0);
        for (int level = mode.levels(); level >= leafLevel; level--) {
            long rights = isPointer(level)
                    ? LongModeEntry.PRESENT
                    : LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;
            long target = level > leafLevel ? (level - 1L) << 12 : level > 1 ? PAGE | LongModeEntry.PAGE_SIZE : PAGE;
            put(level, target | rights);
        }
    }

    /** @param leafLevel 1, or 2 and 3 for large pages */
    static Tables of(PagingMode mode, int leafLevel) {
        return new Tables(mode, leafLevel);
    }

    /** All modes with all the sizes of page that they have. */
    static List<Tables> ofEveryShape() {
        return List.of(
                of(PagingMode.TWO_LEVEL, 1),
                of(PagingMode.TWO_LEVEL, 2),
                of(PagingMode.PAE, 1),
                of(PagingMode.PAE, 2),
                of(PagingMode.FOUR_LEVEL, 1),
                of(PagingMode.FOUR_LEVEL, 2),
                of(PagingMode.FOUR_LEVEL, 3),
                of(PagingMode.FIVE_LEVEL, 1),
                of(PagingMode.FIVE_LEVEL, 2),
                of(PagingMode.FIVE_LEVEL, 3));
    }

    /** PAE's level 3, which is a register. */
    boolean isPointer(int level) {
        return mode == PagingMode.PAE && level == 3;
    }

    /** The levels whose entries have rights and an accessed bit, from the leaf up. */
    int[] levelsWithRights() {
        return java.util.stream.IntStream.rangeClosed(leafLevel, mode.levels())
                .filter(level -> !isPointer(level))
                .toArray();
    }

    /** Where the entry of {@code level} lies; worked out by hand and not by {@link PagingMode}. */
    long address(int level) {
        int shift = mode == PagingMode.TWO_LEVEL ? 12 + 10 * (level - 1) : 12 + 9 * (level - 1);
        return mode == PagingMode.TWO_LEVEL
                ? (level << 12) + 4 * (linear >>> shift & 0x3FF)
                : (level << 12) + 8 * (linear >>> shift & 0x1FF);
    }

    long get(int level) {
        if (isPointer(level)) {
            return pdpte[3];
        }
        return mode == PagingMode.TWO_LEVEL
                ? Integer.toUnsignedLong(memory.readInt(address(level)))
                : memory.readLong(address(level));
    }

    Tables put(int level, long entry) {
        if (isPointer(level)) {
            pdpte[3] = entry;
        } else if (mode == PagingMode.TWO_LEVEL) {
            memory.putInt(address(level), (int) entry);
        } else {
            memory.putLong(address(level), entry);
        }
        return this;
    }

    Tables set(int level, long bits) {
        return put(level, get(level) | bits);
    }

    Tables clear(int level, long bits) {
        return put(level, get(level) & ~bits);
    }

    Tables withCr4(long bits) {
        cr4 |= bits;
        return this;
    }

    Tables withoutNxe() {
        efer &= ~Efer.NO_EXECUTE;
        return this;
    }

    Tables withoutWp() {
        cr0 &= ~Cr0.WRITE_PROTECT;
        return this;
    }

    PagingRegisters registers() {
        return new PagingRegisters(
                cr0,
                cr3,
                cr4,
                efer,
                Arrays.stream(pdpte).boxed().toList(),
                alignmentCheck,
                pkru,
                maxPhysicalAddress,
                gigabytePages,
                pse36);
    }

    /** What an access would meet; nothing is written. */
    Walk walk(int access) {
        return DefinitionWalker.walk(registers(), memory, linear, access, false);
    }

    /** Makes the access. */
    Walk access(int access) {
        return DefinitionWalker.walk(registers(), memory, linear, access, true);
    }

    boolean permits(int access) {
        return walk(access) instanceof Walk.Mapped;
    }

    /** The error code of the access, or -1 if it is permitted. */
    int code(int access) {
        return walk(access) instanceof Walk.Fault fault ? fault.code() : -1;
    }

    /** Where the byte at {@link #linear} lies. */
    long expectedPhysical() {
        long offset = switch (leafLevel) {
            case 1 -> linear & 0xFFF;
            case 2 -> linear & (mode == PagingMode.TWO_LEVEL ? 0x3F_FFFF : 0x1F_FFFF);
            default -> linear & 0x3FFF_FFFF;
        };
        return PAGE + offset;
    }

    @Override
    public String toString() {
        return mode + ", leaf at level " + leafLevel;
    }
}
