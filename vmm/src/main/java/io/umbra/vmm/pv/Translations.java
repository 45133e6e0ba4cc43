package io.umbra.vmm.pv;

import io.umbra.shadow.PvPaging;

/** Drops translations as hypercalls ask for it. The one vCPU is bit 0 of a mask of vCPUs. */
final class Translations {
    private static final int WHOLE = 1, PAGE = 2;
    /** Of the flags of {@code update_va_mapping}: all vCPUs; another value that is not 0 points to a mask. */
    private static final long ALL = 4;

    private final PvPaging paging;
    private final GuestMemory memory;

    Translations(PvGuest guest) {
        this.paging = guest.paging();
        this.memory = guest.kernel();
    }

    /** By the flags of {@code update_va_mapping}. */
    long flush(long linear, long flags) {
        int what = (int) flags & 3;
        long where = flags & ~3L;
        if ((what == WHOLE || what == PAGE) && (where == 0 || where == ALL || includesThisVcpu(where))) {
            if (what == WHOLE) {
                flushAll();
            } else {
                invalidate(linear);
            }
        }
        return 0;
    }

    void flushAll() {
        paging.flush();
    }

    void invalidate(long linear) {
        if (GuestMemory.isGuestAddress(linear)) {
            paging.invalidate(0, linear);
        }
    }

    /** @param mask where the guest has a bitmap of vCPUs, of 64 bits at least */
    boolean includesThisVcpu(long mask) {
        return (memory.readLong(mask) & 1) != 0;
    }
}
