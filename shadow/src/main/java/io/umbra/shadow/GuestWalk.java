package io.umbra.shadow;

import io.umbra.x86.PageFaultCode;

/**
 * The result of one software walk of the guest's tables: copies of the entries seen, the frames they are in, and what the walk decided. One object is reused
 * by each vCPU. Arrays are indexed by level, 5 … 1. Xen: {@code walk_t}.
 */
final class GuestWalk {
    private static final int LEVELS = 5;

    long linear;
    /** The bits of {@link PageFaultCode} that describe the access. */
    int access;
    /** The guest does not page: a fabricated 1 GiB identity leaf, no tables. */
    boolean unpaged;

    GuestFormat format = GuestFormat.LONG;
    EntryRules rules = new EntryRules(false, false, false);
    /** Level of the table that the walk starts in: 5, 4 or 2. */
    int topLevel;
    /** The entry read at each level that was reached, after A and D were set in it. */
    final long[] entries = new long[LEVELS + 1];
    /** Machine frames of the tables that hold the entries. */
    final long[] tables = new long[LEVELS + 1];
    /** Guest frames of the same. */
    final long[] tableGfns = new long[LEVELS + 1];
    /** Whether each of those tables lies in memory that can be written. */
    final boolean[] writableTables = new boolean[LEVELS + 1];
    /** Level of the leaf: 1, 2 (2 or 4 MiB) or 3 (1 GiB). */
    int leafLevel;

    /** The guest frame of the 4 KiB page that holds {@link #linear}. */
    long gfn;
    /** What the P2M says of it, when the walk succeeded. */
    long p2mEntry;

    /** Effective rights over all levels, before WP, SMEP, SMAP and protection keys. */
    boolean writable;

    boolean user;
    boolean noExecute;
    /** The leaf's protection key. */
    int key;

    /** Hardware, which runs with WP set, would refuse this write although the guest, which has it clear, may make it. */
    boolean needsWriteProtectOff;

    /** The page-fault code for the guest, when the walk failed. */
    int faultCode;
    /** The level of the entry that is not present, or 0 when the walk met none. */
    int absentLevel;
    /** D was clear in the leaf and this walk set it. */
    boolean setDirty;

    /** Whether the frame is one of the tables on the walk's path. */
    boolean uses(long mfn) {
        for (int level = topLevel; !unpaged && level >= leafLevel; level--) {
            if (tables[level] == mfn) {
                return true;
            }
        }
        return false;
    }

    /** The first frame of the page that the leaf maps. */
    long firstGfn() {
        return gfn & -format.framesMappedBy(leafLevel);
    }

    long guestPhysical() {
        return gfn << 12 | linear & 0xFFF;
    }

    boolean isWrite() {
        return (access & PageFaultCode.WRITE) != 0;
    }

    boolean isUser() {
        return (access & PageFaultCode.USER) != 0;
    }
}
