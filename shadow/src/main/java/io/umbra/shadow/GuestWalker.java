package io.umbra.shadow;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/**
 * Walks the guest's own pagetables from the guest's CR3, with a P2M look-up at each step, and sets A and D in them as hardware would. This is the emulated
 * pagewalk from which shadows are made. Intel SDM vol. 3A, "4-Level Paging"; Xen: {@code guest_walk_tables}.
 *
 * <p>Order of the decisions in one walk: presence and reserved bits level by level from the top, then rights over all levels, and only when the access is
 * permitted A (each level) and D (leaf, on a write).
 */
final class GuestWalker {
    /** Physical address bits that guests are offered. */
    static final int MAX_PHYSICAL_ADDRESS = 40;

    private static final long RESERVED_ADDRESS = LongModeEntry.FRAME_MASK & -(1L << MAX_PHYSICAL_ADDRESS);
    private static final int TOP_LEVEL = 4;

    private final MachineMemory memory;
    private final P2m p2m;
    private final Counters counters;

    GuestWalker(MachineMemory memory, P2m p2m, Counters counters) {
        this.memory = memory;
        this.p2m = p2m;
        this.counters = counters;
    }

    /**
     * Decides an access as the guest's own tables do.
     *
     * @param linear canonical
     * @param access bits of {@link PageFaultCode}: WRITE, USER, FETCH, IMPLICIT
     * @return true when it is permitted; else {@link GuestWalk#faultCode} says why not, and nothing was written
     */
    boolean walk(VcpuState state, long linear, int access, GuestWalk walk) {
        walk.linear = linear;
        walk.access = access;
        walk.setDirty = false;
        walk.unpaged = !state.isPaging();
        if (walk.unpaged) {
            return walkIdentity(walk);
        }
        if (!state.isLongModeActive() || (state.cr4 & Cr4.FIVE_LEVEL) != 0) {
            throw new DomainCrash(
                    "the guest uses a paging mode that shadows do not cover: only four-level paging and no paging are");
        }
        boolean updated;
        do {
            if (!descend(state, walk) || !isPermitted(state, walk)) {
                return false;
            }
            updated = setAccessedAndDirty(walk);
        } while (!updated);
        return true;
    }

    private static boolean walkIdentity(GuestWalk walk) {
        walk.leafLevel = 3;
        walk.gfn = walk.linear >>> 12;
        walk.writable = true;
        walk.user = true;
        walk.noExecute = false;
        return true;
    }

    /** From CR3 to the leaf: presence and reserved bits. */
    private boolean descend(VcpuState state, GuestWalk walk) {
        boolean noExecuteEnabled = (state.efer & Efer.NO_EXECUTE) != 0;
        boolean writable = true;
        boolean user = true;
        boolean noExecute = false;
        long tableGfn = LongModeEntry.frame(state.cr3);
        for (int level = TOP_LEVEL; ; level--) {
            long table = findTable(tableGfn, level, walk);
            long entry = table < 0 ? 0 : memory.readLong(entryAddress(table, walk.linear, level));
            walk.entries[level] = entry;
            if (!LongModeEntry.isPresent(entry)) {
                return fault(state, walk, 0);
            }
            boolean leaf = level == 1 || level < TOP_LEVEL && LongModeEntry.hasPageSize(entry);
            if (hasReservedBits(entry, level, noExecuteEnabled)) {
                return fault(state, walk, PageFaultCode.PRESENT | PageFaultCode.RESERVED);
            }
            writable &= LongModeEntry.isWritable(entry);
            user &= LongModeEntry.isUser(entry);
            noExecute |= LongModeEntry.isNoExecute(entry);
            if (leaf) {
                walk.leafLevel = level;
                long inside = walk.linear >>> 12 & LongModeEntry.framesMappedBy(level) - 1;
                walk.gfn = LongModeEntry.leafFrame(entry, level) + inside;
                walk.writable = writable;
                walk.user = user;
                walk.noExecute = noExecute && noExecuteEnabled;
                return true;
            }
            tableGfn = LongModeEntry.frame(entry);
        }
    }

    /** Whether a present entry has a bit set that must be zero: the walk ends there with RSVD. */
    static boolean hasReservedBits(long entry, int level, boolean noExecuteEnabled) {
        long reserved = RESERVED_ADDRESS | (noExecuteEnabled ? 0 : LongModeEntry.NO_EXECUTE) | reservedAt(level, entry);
        return (entry & reserved) != 0;
    }

    /** Bits that depend on the level: PS at the top; below a large leaf's size, but for its PAT bit. */
    private static long reservedAt(int level, long entry) {
        if (level == TOP_LEVEL) {
            return LongModeEntry.PAGE_SIZE;
        }
        if (level == 1 || !LongModeEntry.hasPageSize(entry)) {
            return 0;
        }
        return (LongModeEntry.framesMappedBy(level) - 1 << 12) & ~LongModeEntry.LARGE_PAT;
    }

    /** The machine frame of a guest table, or -1 where there is no memory: such a table reads as not-present entries. */
    private long findTable(long gfn, int level, GuestWalk walk) {
        counters.add(Counter.P2M_LOOKUP);
        long entry = p2m.lookup(gfn);
        walk.tables[level] = P2m.isBacked(entry) ? P2m.mfn(entry) : -1;
        walk.writableTables[level] = P2m.isWritable(entry);
        return walk.tables[level];
    }

    private static boolean isPermitted(VcpuState state, GuestWalk walk) {
        int access = walk.access;
        boolean write = (access & PageFaultCode.WRITE) != 0;
        boolean fetch = (access & PageFaultCode.FETCH) != 0;
        boolean permitted;
        if (fetch && walk.noExecute) {
            permitted = false;
        } else if ((access & PageFaultCode.USER) != 0) {
            permitted = walk.user && (!write || walk.writable);
        } else {
            permitted = mayActOnUserPages(state, walk, fetch, (access & PageFaultCode.IMPLICIT) != 0)
                    && (!write || walk.writable || (state.cr0 & Cr0.WRITE_PROTECT) == 0);
        }
        return permitted || fault(state, walk, PageFaultCode.PRESENT);
    }

    /** SMEP and SMAP. */
    private static boolean mayActOnUserPages(VcpuState state, GuestWalk walk, boolean fetch, boolean implicit) {
        if (!walk.user) {
            return true;
        }
        if (fetch) {
            return (state.cr4 & Cr4.SMEP) == 0;
        }
        boolean allowed = !implicit && (state.rflags & RFlags.ALIGNMENT_CHECK) != 0;
        return (state.cr4 & Cr4.SMAP) == 0 || allowed;
    }

    /** Composes the error code: I is reported only when NX or SMEP is enabled. */
    private static boolean fault(VcpuState state, GuestWalk walk, int cause) {
        int code = cause | walk.access & (PageFaultCode.WRITE | PageFaultCode.USER);
        boolean reportsFetch = (state.efer & Efer.NO_EXECUTE) != 0 || (state.cr4 & Cr4.SMEP) != 0;
        if (reportsFetch) {
            code |= walk.access & PageFaultCode.FETCH;
        }
        walk.faultCode = code;
        return false;
    }

    /**
     * A table in read-only memory cannot record A and D: that write is lost as any other, and the access goes on.
     *
     * @return false when an entry changed under the walk, which must then be made again
     */
    private boolean setAccessedAndDirty(GuestWalk walk) {
        for (int level = TOP_LEVEL; level >= walk.leafLevel; level--) {
            long old = walk.entries[level];
            boolean dirties = level == walk.leafLevel && walk.isWrite();
            long wanted = old | LongModeEntry.ACCESSED | (dirties ? LongModeEntry.DIRTY : 0);
            if (wanted != old && walk.writableTables[level]) {
                if (!memory.compareAndSetLong(entryAddress(walk.tables[level], walk.linear, level), old, wanted)) {
                    return false;
                }
                walk.setDirty |= dirties && !LongModeEntry.isDirty(old);
            }
            walk.entries[level] = wanted;
        }
        return true;
    }

    private static long entryAddress(long table, long linear, int level) {
        return (table << 12) + ((long) LongModeEntry.index(linear, level) << 3);
    }
}
