package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/**
 * The hardware's page walk, made when the TLB misses: over the hypervisor's shadows, or over the guest's own tables with every guest-physical address
 * translated by the P2M. Intel SDM vol. 3A, "Paging"; AMD APM vol. 2, "Nested Paging".
 *
 * <p>A permitted walk sets the accessed bit in every entry that it used, and the dirty bit of the leaf when the access writes; one that is refused changes
 * nothing. The P2M's entries are never changed. A walk leaves its answer in the fields below, so that nothing is allocated.
 */
final class PageWalker {
    /** What a walk came to. */
    enum Outcome {
        /** {@link #machineAddress} and {@link #leafShift} tell where. */
        MAPPED,
        /** {@link #code} tells why not. */
        PAGE_FAULT,
        /** {@link #guestPhysical} has no P2M entry that permits {@link #code}, an access. */
        NESTED_FAULT
    }

    private static final long LINEAR_32 = 0xFFFF_FFFFL;
    private static final long PHYSICAL = (1L << CpuFeatures.PHYSICAL_ADDRESS_BITS) - 1;
    static final long RESERVED_PHYSICAL = LongModeEntry.FRAME_MASK & ~PHYSICAL;
    /** Bits 62..52 are ignored in long mode and reserved in PAE entries. */
    private static final long RESERVED_PAE = 0x7FF0_0000_0000_0000L;
    /** Of a PDPTE: bits 63..MAXPHYADDR, 8..5 and 2..1. */
    private static final long RESERVED_PDPTE = ~PHYSICAL | 0x1E6;
    /** Bit 21 of a 4 MiB leaf; bits 20..13 hold its physical bits 39..32. */
    private static final int RESERVED_PSE = 1 << 21;

    /** Bits 62..59 of a leaf in long mode. */
    private static final int PROTECTION_KEY_SHIFT = 59;
    /** Of the two bits that PKRU has for each key. */
    private static final int ACCESS_DISABLE = 1, WRITE_DISABLE = 2;

    /** Tables that a walk passes at most, with LA57. */
    private static final int MOST_LEVELS = 5;

    private static final int P2M_LEVELS = 4;

    private final VcpuState state;
    private final MachineMemory memory;

    private boolean isNested;
    private long shadowRoot;
    private int shadowLevels;
    private boolean isPaeShadow;
    private final long[] shadowPdptes = new long[4];
    private long p2mRoot;
    private boolean shadowSmep;
    private boolean shadowSmap;
    private boolean shadowProtectionKeys;

    /** Where the linear address lies, in machine memory. */
    long machineAddress;
    /** 12, 21, 22 or 30: the size of the page that the linear tables map, as a power of two. */
    int leafShift;
    /** An error code of #PF, or the access that the P2M refused. */
    int code;

    long guestPhysical;

    /**
     * Entries of all tables, linear and P2M, that the last walk read on its way to {@link #machineAddress}: 4 for four levels, up to 24 for four levels over
     * four. Setting accessed and dirty bits is not in it.
     */
    int references;

    /** Place and value of the entries used, for their accessed bits: root first. */
    private final long[] entryPlaces = new long[MOST_LEVELS];

    private final long[] entries = new long[MOST_LEVELS];
    private int used;

    PageWalker(VcpuState state, MachineMemory memory) {
        this.state = state;
        this.memory = memory;
    }

    /** Counts loads. */
    long loads;

    private HardwarePaging loaded = new HardwarePaging.Nested(0);

    /** What was loaded last. */
    HardwarePaging paging() {
        return loaded;
    }

    void load(HardwarePaging paging) {
        loads++;
        loaded = paging;
        switch (paging) {
            case HardwarePaging.Shadow shadow -> {
                isNested = false;
                isPaeShadow = false;
                shadowRoot = shadow.root();
                shadowLevels = shadow.levels();
                shadowSmep = shadow.smep();
                shadowSmap = shadow.smap();
                shadowProtectionKeys = shadow.protectionKeys();
            }
            case HardwarePaging.PaeShadow shadow -> {
                isNested = false;
                isPaeShadow = true;
                shadowPdptes[0] = shadow.pdpte0();
                shadowPdptes[1] = shadow.pdpte1();
                shadowPdptes[2] = shadow.pdpte2();
                shadowPdptes[3] = shadow.pdpte3();
                shadowSmep = shadow.smep();
                shadowSmap = shadow.smap();
            }
            case HardwarePaging.Nested nested -> {
                isNested = true;
                p2mRoot = nested.root();
            }
        }
    }

    /**
     * For host code that walks: the machine addresses of the tables to begin with, -1 where there is none.
     *
     * @param target receives them, from {@code at} on: one, or four with PAE
     * @return 4 or 5 levels, 2 with PAE; 0 when such a walk is not enough
     */
    int tables(long[] target, int at) {
        if (isNested) {
            return 0;
        }
        if (!isPaeShadow) {
            target[at] = shadowRoot;
            return shadowLevels;
        }
        for (int i = 0; i < shadowPdptes.length; i++) {
            long pdpte = shadowPdptes[i];
            target[at + i] = LongModeEntry.isPresent(pdpte) ? pdpte & PHYSICAL & -4096L : -1;
        }
        return 2;
    }

    /** Whether PKRU forbids anything in user pages whose protection key is 0. */
    boolean refusesKeyZero() {
        return protectionKeys() && (state.pkru & (ACCESS_DISABLE | WRITE_DISABLE)) != 0;
    }

    /** The processor reads the guest's tables itself, and so its PDPTEs too. */
    boolean isNested() {
        return isNested;
    }

    /**
     * @param access bits of {@link PageFaultCode}
     * @param alignmentFlag EFLAGS.AC, which lets explicit supervisor accesses pass SMAP
     */
    Outcome walk(long linear, int access, boolean alignmentFlag) {
        references = 0;
        if (!isNested) {
            return isPaeShadow
                    ? walkPae(linear & LINEAR_32, access, alignmentFlag, shadowPdptes)
                    : walkEntries(linear, access, alignmentFlag, shadowRoot, shadowLevels);
        }
        if (!state.isPaging()) {
            leafShift = 12;
            return physical(linear & LINEAR_32, access) ? Outcome.MAPPED : Outcome.NESTED_FAULT;
        }
        if (state.isLongModeActive()) {
            return walkEntries(linear, access, alignmentFlag, state.cr3 & PHYSICAL & -4096L, guestLevels());
        }
        long cut = linear & LINEAR_32;
        if ((state.cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) == 0) {
            return walkShortEntries(cut, access, alignmentFlag);
        }
        return walkPae(cut, access, alignmentFlag, state.pdpte);
    }

    private int guestLevels() {
        return (state.cr4 & Cr4.FIVE_LEVEL) != 0 ? 5 : 4;
    }

    private Outcome walkPae(long linear, int access, boolean alignmentFlag, long[] pdptes) {
        long pdpte = pdptes[(int) (linear >>> 30)];
        return LongModeEntry.isPresent(pdpte)
                ? walkEntries(linear, access, alignmentFlag, pdpte & PHYSICAL & -4096L, 2)
                : refuse(access, 0);
    }

    /**
     * Reads the four PDPTEs that CR3 points to, as MOV to CR3 does. {@link Outcome#PAGE_FAULT} stands for a reserved bit, which raises #GP(0).
     *
     * @param target receives them, only when all are good
     */
    Outcome readPdptes(long cr3, long[] target) {
        long[] values = new long[4];
        for (int i = 0; i < values.length; i++) {
            if (!physical((cr3 & 0xFFFF_FFE0L) + 8L * i, 0)) {
                return Outcome.NESTED_FAULT;
            }
            values[i] = memory.readLong(machineAddress);
            if (LongModeEntry.isPresent(values[i]) && (values[i] & RESERVED_PDPTE) != 0) {
                return Outcome.PAGE_FAULT;
            }
        }
        System.arraycopy(values, 0, target, 0, values.length);
        return Outcome.MAPPED;
    }

    /** Tables of 512 8-byte entries: long mode from level 5 or 4, PAE from level 2. */
    private Outcome walkEntries(long linear, int access, boolean alignmentFlag, long root, int top) {
        boolean isPae = top == 2;
        boolean noExecute = !isNested || (state.efer & Efer.NO_EXECUTE) != 0;
        long reserved = RESERVED_PHYSICAL | (noExecute ? 0 : LongModeEntry.NO_EXECUTE) | (isPae ? RESERVED_PAE : 0);
        while (true) {
            long table = root;
            boolean writable = true;
            boolean user = true;
            boolean executable = true;
            used = 0;
            int level = top;
            long entry;
            while (true) {
                long address = table + 8L * LongModeEntry.index(linear, level);
                if (!tableEntry(address)) {
                    return Outcome.NESTED_FAULT;
                }
                entry = memory.readLong(machineAddress);
                entryPlaces[used] = address;
                entries[used++] = entry;
                if (!LongModeEntry.isPresent(entry)) {
                    return refuse(access, 0);
                }
                boolean leaf = level == 1 || level <= 3 && LongModeEntry.hasPageSize(entry);
                if ((entry & (reserved | reservedAt(level, leaf, entry))) != 0) {
                    return refuse(access, PageFaultCode.PRESENT | PageFaultCode.RESERVED);
                }
                writable &= LongModeEntry.isWritable(entry);
                user &= LongModeEntry.isUser(entry);
                executable &= !LongModeEntry.isNoExecute(entry);
                if (leaf) {
                    break;
                }
                table = entry & LongModeEntry.FRAME_MASK;
                level--;
            }
            if (user && !isPae && keyRefuses(access, entry)) {
                return refuse(access, PageFaultCode.PRESENT | PageFaultCode.PROTECTION_KEY);
            }
            if (!permits(access, alignmentFlag, writable, user, executable)) {
                return refuse(access, PageFaultCode.PRESENT);
            }
            leafShift = LongModeEntry.indexShift(level);
            long inside = (1L << leafShift) - 1;
            long target = entry & LongModeEntry.FRAME_MASK & ~inside | linear & inside;
            if (!physical(target, access)) {
                return Outcome.NESTED_FAULT;
            }
            long found = machineAddress;
            int read = references;
            Outcome marked = markUsed(access);
            references = read;
            if (marked == null) {
                continue;
            }
            machineAddress = found;
            return marked;
        }
    }

    /** The bits that a large leaf must have clear, and bit 7 where there is no large leaf. */
    private static long reservedAt(int level, boolean leaf, long entry) {
        if (leaf && level > 1) {
            return ((1L << LongModeEntry.indexShift(level)) - 1) & ~0x1FFFL;
        }
        return level >= 4 ? entry & LongModeEntry.PAGE_SIZE : 0;
    }

    /** Two levels of 1024 4-byte entries. */
    private Outcome walkShortEntries(long linear, int access, boolean alignmentFlag) {
        while (true) {
            used = 0;
            long directory = (state.cr3 & 0xFFFF_F000L) + 4 * (linear >>> 22);
            if (!tableEntry(directory)) {
                return Outcome.NESTED_FAULT;
            }
            long upper = memory.readInt(machineAddress) & LINEAR_32;
            if (!LongModeEntry.isPresent(upper)) {
                return refuse(access, 0);
            }
            entryPlaces[used] = directory;
            entries[used++] = upper;
            boolean large = LongModeEntry.hasPageSize(upper) && (state.cr4 & Cr4.PAGE_SIZE_EXTENSIONS) != 0;
            long rights = upper;
            long target;
            if (large) {
                if ((upper & RESERVED_PSE) != 0) {
                    return refuse(access, PageFaultCode.PRESENT | PageFaultCode.RESERVED);
                }
                leafShift = 22;
                target = upper & 0xFFC0_0000L | (upper >>> 13 & 0xFF) << 32 | linear & 0x3F_FFFF;
            } else {
                long place = (upper & 0xFFFF_F000L) + 4 * (linear >>> 12 & 0x3FF);
                if (!tableEntry(place)) {
                    return Outcome.NESTED_FAULT;
                }
                long lower = memory.readInt(machineAddress) & LINEAR_32;
                if (!LongModeEntry.isPresent(lower)) {
                    return refuse(access, 0);
                }
                entryPlaces[used] = place;
                entries[used++] = lower;
                rights &= lower;
                leafShift = 12;
                target = lower & 0xFFFF_F000L | linear & 0xFFF;
            }
            if (!permits(access, alignmentFlag, LongModeEntry.isWritable(rights), LongModeEntry.isUser(rights), true)) {
                return refuse(access, PageFaultCode.PRESENT);
            }
            if (!physical(target, access)) {
                return Outcome.NESTED_FAULT;
            }
            long found = machineAddress;
            int read = references;
            Outcome marked = markUsedShort(access);
            references = read;
            if (marked == null) {
                continue;
            }
            machineAddress = found;
            return marked;
        }
    }

    /** SDM vol. 3A, "Determination of Access Rights". */
    private boolean permits(int access, boolean alignmentFlag, boolean writable, boolean user, boolean executable) {
        boolean fetch = (access & PageFaultCode.FETCH) != 0;
        boolean write = (access & PageFaultCode.WRITE) != 0;
        if ((access & PageFaultCode.USER) != 0) {
            return user && (!write || writable) && (!fetch || executable);
        }
        if (fetch) {
            return executable && !(user && smep());
        }
        if (user && smap() && (!alignmentFlag || (access & PageFaultCode.IMPLICIT) != 0)) {
            return false;
        }
        return !write || writable || !writeProtect();
    }

    /** Whether PKRU forbids a data access to the user page of {@code leaf}, whatever else permits it. SDM vol. 3A, "Protection Keys". */
    private boolean keyRefuses(int access, long leaf) {
        if ((access & PageFaultCode.FETCH) != 0 || !protectionKeys()) {
            return false;
        }
        int rights = state.pkru >>> 2 * (int) (leaf >>> PROTECTION_KEY_SHIFT & 0xF);
        boolean writeCounts =
                (access & PageFaultCode.WRITE) != 0 && ((access & PageFaultCode.USER) != 0 || writeProtect());
        return (rights & ACCESS_DISABLE) != 0 || writeCounts && (rights & WRITE_DISABLE) != 0;
    }

    private boolean protectionKeys() {
        return isNested ? (state.cr4 & Cr4.PROTECTION_KEYS) != 0 : shadowProtectionKeys;
    }

    private boolean writeProtect() {
        return !isNested || (state.cr0 & Cr0.WRITE_PROTECT) != 0;
    }

    boolean smep() {
        return isNested ? (state.cr4 & Cr4.SMEP) != 0 : shadowSmep;
    }

    boolean smap() {
        return isNested ? (state.cr4 & Cr4.SMAP) != 0 : shadowSmap;
    }

    private Outcome refuse(int access, int reason) {
        int shown = access;
        if ((access & PageFaultCode.FETCH) != 0 && !fetchesAreTold()) {
            shown &= ~PageFaultCode.FETCH;
        }
        code = shown | reason;
        return Outcome.PAGE_FAULT;
    }

    /** The error code has its I bit only where fetches have rights of their own. */
    private boolean fetchesAreTold() {
        return !isNested
                || smep()
                || (state.efer & Efer.NO_EXECUTE) != 0 && (state.cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) != 0;
    }

    /** @return null when an entry changed under the walk, which must then be made again */
    private @Nullable Outcome markUsed(int access) {
        for (int i = 0; i < used; i++) {
            long wanted = entries[i] | marks(i, access);
            if (wanted != entries[i]) {
                if (!physical(entryPlaces[i], tableAccess(PageFaultCode.WRITE))) {
                    return Outcome.NESTED_FAULT;
                }
                if (!memory.compareAndSetLong(machineAddress, entries[i], wanted)) {
                    return null;
                }
            }
        }
        return Outcome.MAPPED;
    }

    private @Nullable Outcome markUsedShort(int access) {
        for (int i = 0; i < used; i++) {
            long wanted = entries[i] | marks(i, access);
            if (wanted != entries[i]) {
                if (!physical(entryPlaces[i], tableAccess(PageFaultCode.WRITE))) {
                    return Outcome.NESTED_FAULT;
                }
                if (!memory.compareAndSetInt(machineAddress, (int) entries[i], (int) wanted)) {
                    return null;
                }
            }
        }
        return Outcome.MAPPED;
    }

    private long marks(int place, int access) {
        boolean dirty = place == used - 1 && (access & PageFaultCode.WRITE) != 0;
        return dirty ? LongModeEntry.ACCESSED | LongModeEntry.DIRTY : LongModeEntry.ACCESSED;
    }

    private static int tableAccess(int access) {
        return access | PageFaultCode.IMPLICIT;
    }

    /** Sets {@link #machineAddress} to where a table's entry lies. */
    private boolean tableEntry(long address) {
        references++;
        return physical(address, tableAccess(0));
    }

    /** Sets {@link #machineAddress} from an address that the linear tables hold; false is a nested fault. */
    private boolean physical(long address, int access) {
        if (!isNested) {
            machineAddress = inMemory(address);
            return true;
        }
        long table = p2mRoot;
        boolean writable = true;
        boolean executable = true;
        for (int level = P2M_LEVELS; level > 0; level--) {
            if (level == P2M_LEVELS && address >>> LongModeEntry.indexShift(P2M_LEVELS + 1) != 0) {
                break;
            }
            references++;
            long entry = memory.readLong(inMemory(table + 8L * LongModeEntry.index(address, level)));
            if (!LongModeEntry.isPresent(entry)) {
                break;
            }
            writable &= LongModeEntry.isWritable(entry);
            executable &= !LongModeEntry.isNoExecute(entry);
            if (level == 1 || level <= 3 && LongModeEntry.hasPageSize(entry)) {
                boolean refused = (access & PageFaultCode.WRITE) != 0 && !writable
                        || (access & PageFaultCode.FETCH) != 0 && !executable;
                if (refused) {
                    break;
                }
                long inside = (1L << LongModeEntry.indexShift(level)) - 1;
                machineAddress = inMemory(entry & LongModeEntry.FRAME_MASK & ~inside | address & inside);
                return true;
            }
            table = entry & LongModeEntry.FRAME_MASK;
        }
        guestPhysical = address;
        code = access;
        return false;
    }

    private long inMemory(long maddr) {
        if (!memory.contains(maddr >>> MachineMemory.FRAME_SHIFT)) {
            throw new InvariantViolation(
                    "WALK-1", "a table of the hypervisor names machine address " + Long.toHexString(maddr));
        }
        return maddr;
    }
}
