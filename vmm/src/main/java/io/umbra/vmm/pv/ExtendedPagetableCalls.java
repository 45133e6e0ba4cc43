package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/** {@code mmuext_op}: whole tables, bases, TLB flushes, the LDT, and clearing and copying of frames. */
final class ExtendedPagetableCalls implements HypercallFamily {
    private static final int REQUEST = 24;

    private static final int PIN_L1 = 0, PIN_L4 = 3, UNPIN = 4, NEW_BASE = 5, FLUSH_LOCAL = 6, INVALIDATE_LOCAL = 7;
    private static final int FLUSH_MULTI = 8, INVALIDATE_MULTI = 9, FLUSH_ALL = 10, INVALIDATE_ALL = 11;
    private static final int FLUSH_CACHE = 12, SET_LDT = 13, NEW_USER_BASE = 15, CLEAR_PAGE = 16, COPY_PAGE = 17;
    private static final int FLUSH_CACHE_GLOBAL = 18, MARK_SUPER = 19, UNMARK_SUPER = 20;

    private static final int LDT_TYPE = SegmentRegister.PRESENT | 2;
    private static final long LDT_ENTRIES = 8192;

    private static final String[] NAMES = {
        "pin L1",
        "pin L2",
        "pin L3",
        "pin L4",
        "unpin",
        "new base",
        "flush local",
        "invlpg local",
        "flush multi",
        "invlpg multi",
        "flush all",
        "invlpg all",
        "flush cache",
        "set ldt",
        "",
        "new user base",
        "clear page",
        "copy page",
        "flush cache global",
        "mark super",
        "unmark super"
    };

    private final PvGuest guest;
    private final PvTables tables;
    private final GuestMemory memory;
    private final Translations translations;

    ExtendedPagetableCalls(PvGuest guest) {
        this.guest = guest;
        this.tables = guest.tables();
        this.memory = guest.kernel();
        this.translations = new Translations(guest);
    }

    /** a: requests, count, done_out, domain. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        return RequestList.serve(a, REQUEST, memory, () -> guest.isSelf(a[3]), this::request);
    }

    private long request(long at) {
        try {
            int command = memory.readInt(at);
            if (command >= 0 && command < NAMES.length) {
                guest.counts().hypercall("mmuext_op " + NAMES[command]);
            }
            return perform(command, memory.readLong(at + 8), memory.readLong(at + 16));
        } catch (BadPointer pointer) {
            return Errno.EFAULT;
        }
    }

    private long perform(int command, long first, long second) {
        return switch (command) {
            case PIN_L1, 1, 2, PIN_L4 -> tables.pin(command - PIN_L1 + 1, first);
            case UNPIN -> tables.unpin(first);
            case NEW_BASE -> tables.newBase(first);
            case NEW_USER_BASE -> tables.newUserBase(first);
            case CLEAR_PAGE -> tables.clearPage(first);
            case COPY_PAGE -> tables.copyPage(first, second);
            case SET_LDT -> setLdt(first, second & 0xFFFF_FFFFL);
            case FLUSH_LOCAL, FLUSH_ALL, FLUSH_MULTI, INVALIDATE_LOCAL, INVALIDATE_ALL, INVALIDATE_MULTI ->
                flush(command, first, second);
            case FLUSH_CACHE, FLUSH_CACHE_GLOBAL -> Errno.EACCES;
            case MARK_SUPER, UNMARK_SUPER -> Errno.EOPNOTSUPP;
            default -> Errno.ENOSYS;
        };
    }

    private long flush(int command, long linear, long mask) {
        boolean isMulti = command == FLUSH_MULTI || command == INVALIDATE_MULTI;
        if (isMulti && !translations.includesThisVcpu(mask)) {
            return 0;
        }
        if (command == FLUSH_LOCAL || command == FLUSH_ALL || command == FLUSH_MULTI) {
            translations.flushAll();
        } else {
            translations.invalidate(linear);
        }
        return 0;
    }

    private long setLdt(long linear, long entries) {
        if (entries > LDT_ENTRIES || entries != 0 && ((linear & 0xFFF) != 0 || !GuestMemory.isGuestAddress(linear))) {
            return Errno.EINVAL;
        }
        long result = tables.setLdt(linear, (int) entries);
        if (result == 0) {
            VcpuState state = guest.vcpu().state;
            guest.vcpu().ldt(linear);
            if (entries == 0) {
                state.ldtr.set(0, 0, 0, SegmentRegister.UNUSABLE);
            } else {
                state.ldtr.set(0, tables.ldtBase(), entries * 8 - 1, LDT_TYPE);
            }
        }
        return result;
    }
}
