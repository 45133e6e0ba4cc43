package io.umbra.shadow;

/**
 * The result of one software walk of the guest's tables: copies of the entries seen, the frames they are in, and what the walk decided. One object is reused
 * by each vCPU. Arrays are indexed by level, 4 … 1. Xen: {@code walk_t}.
 */
final class GuestWalk {
    long linear;
    /** The bits of {@link io.umbra.x86.PageFaultCode} that describe the access. */
    int access;
    /** The guest does not page: a fabricated 1 GiB identity leaf, no tables. */
    boolean unpaged;

    /** The entry read at each level that was reached, after A and D were set in it. */
    final long[] entries = new long[5];
    /** Machine frames of the tables that hold the entries. */
    final long[] tables = new long[5];
    /** Whether each of those tables lies in memory that can be written. */
    final boolean[] writableTables = new boolean[5];
    /** Level of the leaf: 1, 2 (2 MiB) or 3 (1 GiB). */
    int leafLevel;

    /** The guest frame of the 4 KiB page that holds {@link #linear}. */
    long gfn;

    /** Effective rights over all levels, before WP, SMEP and SMAP. */
    boolean writable;

    boolean user;
    boolean noExecute;

    /** The page-fault code for the guest, when the walk failed. */
    int faultCode;
    /** D was clear in the leaf and this walk set it. */
    boolean setDirty;

    /** Whether the frame is one of the tables on the walk's path. */
    boolean uses(long mfn) {
        for (int level = 4; !unpaged && level >= leafLevel; level--) {
            if (tables[level] == mfn) {
                return true;
            }
        }
        return false;
    }

    long guestPhysical() {
        return gfn << 12 | linear & 0xFFF;
    }

    boolean isWrite() {
        return (access & io.umbra.x86.PageFaultCode.WRITE) != 0;
    }

    boolean isUser() {
        return (access & io.umbra.x86.PageFaultCode.USER) != 0;
    }
}
