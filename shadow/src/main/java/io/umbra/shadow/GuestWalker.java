package io.umbra.shadow;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.TwoLevelEntry;
import io.umbra.x86.VcpuState;

/**
 * Walks the guest's own pagetables from the guest's CR3, with a P2M look-up at each step, and sets A and D in them as hardware would. This is the emulated
 * pagewalk from which shadows are made. Intel SDM vol. 3A, "Paging"; Xen: {@code guest_walk_tables}.
 *
 * <p>Order of the decisions in one walk: presence and reserved bits level by level from the top, then rights over all levels, and only when the access is
 * permitted A (each level) and D (leaf, on a write). Memory that is nowhere yet, of tables and of the page, is asked for on the way; when that changes the P2M the walk begins anew, so that at its end all of it is there. Where the walk starts and how entries look is all that differs between the guest's paging modes.
 */
final class GuestWalker {
    /** Physical address bits that guests are offered. */
    static final int MAX_PHYSICAL_ADDRESS = 40;

    private static final long LINEAR_32 = 0xFFFF_FFFFL;

    /** Frames that must be brought in move others out, and other processors change entries: but not for ever. */
    private static final int MOST_TRIES = 1000;

    private final MachineMemory memory;
    private final P2m p2m;
    private final Counters counters;
    private final WriteLog log;

    GuestWalker(MachineMemory memory, P2m p2m, Counters counters, WriteLog log) {
        this.memory = memory;
        this.p2m = p2m;
        this.counters = counters;
        this.log = log;
    }

    /**
     * Decides an access as the guest's own tables do.
     *
     * @param linear canonical; outside of long mode its low 32 bits count
     * @param access bits of {@link PageFaultCode}: WRITE, USER, FETCH, IMPLICIT
     * @return true when it is permitted; else {@link GuestWalk#faultCode} says why not, and nothing was written
     */
    boolean walk(VcpuState state, long linear, int access, GuestWalk walk) {
        counters.add(Counter.GUEST_WALK);
        boolean isPermitted = decide(state, linear, access, walk);
        if (isPermitted) {
            counters.trace.walked(walk.linear, access, walk.gfn, walk.leafLevel, 0);
        } else {
            counters.trace.walked(walk.linear, access, -1, walk.absentLevel, walk.faultCode);
        }
        return isPermitted;
    }

    private boolean decide(VcpuState state, long linear, int access, GuestWalk walk) {
        walk.linear = linear;
        walk.access = access;
        walk.setDirty = false;
        walk.absentLevel = 0;
        walk.needsWriteProtectOff = false;
        walk.unpaged = !state.isPaging();
        walk.rules = EntryRules.of(state);
        for (int tries = 0; tries < MOST_TRIES; tries++) {
            long changes = p2m.changes();
            boolean permitted = walk.unpaged ? walkIdentity(walk) : descend(state, walk) && isPermitted(state, walk);
            if (permitted) {
                walk.p2mEntry = p2m.demand(walk.gfn, walk.isWrite());
            }
            boolean isStale = p2m.changes() != changes;
            if (!isStale && (!permitted || walk.unpaged || setAccessedAndDirty(walk))) {
                return permitted;
            }
        }
        throw new DomainCrash(
                "livelock: the tables and the page of one walk are never all there, at 0x" + Long.toHexString(linear));
    }

    private static boolean walkIdentity(GuestWalk walk) {
        walk.format = GuestFormat.LONG;
        walk.topLevel = 4;
        walk.leafLevel = 3;
        walk.linear &= LINEAR_32;
        walk.gfn = walk.linear >>> 12;
        walk.writable = true;
        walk.user = true;
        walk.noExecute = false;
        walk.key = 0;
        return true;
    }

    /** The gfn of the table that the walk starts in, or -1 where a PDPTE is not present. */
    private static long start(VcpuState state, GuestWalk walk) {
        if (state.isLongModeActive()) {
            walk.format = GuestFormat.LONG;
            walk.topLevel = (state.cr4 & Cr4.FIVE_LEVEL) != 0 ? 5 : 4;
            return LongModeEntry.frame(state.cr3);
        }
        walk.topLevel = 2;
        walk.linear &= LINEAR_32;
        if ((state.cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) == 0) {
            walk.format = GuestFormat.TWO_LEVEL;
            return TwoLevelEntry.frame(state.cr3);
        }
        walk.format = GuestFormat.PAE;
        long pdpte = state.pdpte[(int) (walk.linear >>> 30)];
        return LongModeEntry.isPresent(pdpte) ? LongModeEntry.frame(pdpte) : -1;
    }

    /** From the top table to the leaf: presence and reserved bits. */
    private boolean descend(VcpuState state, GuestWalk walk) {
        boolean writable = true;
        boolean user = true;
        boolean noExecute = false;
        long tableGfn = start(state, walk);
        GuestFormat format = walk.format;
        if (tableGfn < 0) {
            return fault(state, walk, 0);
        }
        for (int level = walk.topLevel; ; level--) {
            long table = findTable(tableGfn, level, walk);
            long entry = table < 0 ? 0 : format.read(memory, table, format.index(walk.linear, level));
            walk.entries[level] = entry;
            if (!LongModeEntry.isPresent(entry)) {
                walk.absentLevel = level;
                return fault(state, walk, 0);
            }
            boolean isLeaf = format.isLeaf(entry, level, walk.rules);
            if (format.hasReservedBits(entry, level, isLeaf, walk.rules)) {
                return fault(state, walk, PageFaultCode.PRESENT | PageFaultCode.RESERVED);
            }
            writable &= LongModeEntry.isWritable(entry);
            user &= LongModeEntry.isUser(entry);
            noExecute |= LongModeEntry.isNoExecute(entry);
            long frame = format.frame(entry, level, isLeaf);
            if (isLeaf) {
                walk.leafLevel = level;
                walk.gfn = frame + (walk.linear >>> 12 & format.framesMappedBy(level) - 1);
                walk.writable = writable;
                walk.user = user;
                walk.noExecute = noExecute && format.hasNoExecute(walk.rules);
                walk.key = format.key(entry, walk.rules);
                return true;
            }
            tableGfn = frame;
        }
    }

    /** The machine frame of a guest table, or -1 where there is no memory: such a table reads as not-present entries. */
    private long findTable(long gfn, int level, GuestWalk walk) {
        counters.add(Counter.P2M_LOOKUP);
        long entry = p2m.demand(gfn, true);
        walk.tableGfns[level] = gfn;
        walk.tables[level] = P2m.isBacked(entry) ? P2m.mfn(entry) : -1;
        walk.writableTables[level] = P2m.isWritable(entry);
        return walk.tables[level];
    }

    private static boolean isPermitted(VcpuState state, GuestWalk walk) {
        int access = walk.access;
        boolean write = walk.isWrite();
        boolean fetch = (access & PageFaultCode.FETCH) != 0;
        boolean writeProtect = (state.cr0 & Cr0.WRITE_PROTECT) != 0;
        boolean keyed = walk.user && !fetch && walk.format.hasProtectionKeys(walk.rules);
        boolean keyDeniesWrite = keyed && write && (state.pkru >>> 2 * walk.key + 1 & 1) != 0;
        boolean keyDenies =
                keyed && (state.pkru >>> 2 * walk.key & 1) != 0 || keyDeniesWrite && (walk.isUser() || writeProtect);
        boolean permitted;
        if (keyDenies) {
            return fault(state, walk, PageFaultCode.PRESENT | PageFaultCode.PROTECTION_KEY);
        }
        if (fetch && walk.noExecute) {
            permitted = false;
        } else if (walk.isUser()) {
            permitted = walk.user && (!write || walk.writable);
        } else {
            permitted = mayActOnUserPages(state, walk, fetch, (access & PageFaultCode.IMPLICIT) != 0)
                    && (!write || walk.writable || !writeProtect);
        }
        walk.needsWriteProtectOff = write && (!walk.writable || keyDeniesWrite);
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

    private static boolean fault(VcpuState state, GuestWalk walk, int cause) {
        walk.faultCode = faultCode(state, walk.format, cause, walk.access);
        return false;
    }

    /** Composes the error code: I is reported only when NX or SMEP is enabled. */
    static int faultCode(VcpuState state, GuestFormat format, int cause, int access) {
        int code = cause | access & (PageFaultCode.WRITE | PageFaultCode.USER);
        if (format.hasNoExecute(EntryRules.of(state)) || (state.cr4 & Cr4.SMEP) != 0) {
            code |= access & PageFaultCode.FETCH;
        }
        return code;
    }

    /**
     * A table in read-only memory cannot record A and D: that write is lost as any other, and the access goes on.
     *
     * @return false when an entry changed under the walk, which must then be made again
     */
    private boolean setAccessedAndDirty(GuestWalk walk) {
        GuestFormat format = walk.format;
        for (int level = walk.topLevel; level >= walk.leafLevel; level--) {
            long old = walk.entries[level];
            boolean dirties = level == walk.leafLevel && walk.isWrite();
            long wanted = old | LongModeEntry.ACCESSED | (dirties ? LongModeEntry.DIRTY : 0);
            if (wanted != old && walk.writableTables[level]) {
                log.mark(walk.tableGfns[level], DirtyCause.WALK);
                long address = format.entryAddress(walk.tables[level], format.index(walk.linear, level));
                if (!format.compareAndSet(memory, address, old, wanted)) {
                    return false;
                }
                walk.setDirty |= dirties && !LongModeEntry.isDirty(old);
            }
            walk.entries[level] = wanted;
        }
        return true;
    }
}
