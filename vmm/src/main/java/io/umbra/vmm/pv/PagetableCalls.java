package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.shadow.pv.PvTables;
import io.umbra.shadow.pv.UpdateKind;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;

/** {@code mmu_update} and {@code update_va_mapping}: entries of pagetables. */
final class PagetableCalls implements HypercallFamily {
    private static final int REQUEST = 16;

    private static final int NORMAL = 0, MACHPHYS = 1, PRESERVE_AD = 2;

    private final PvGuest guest;
    private final PvTables tables;
    private final GuestMemory memory;
    private final Translations translations;

    PagetableCalls(PvGuest guest) {
        this.guest = guest;
        this.tables = guest.tables();
        this.memory = guest.kernel();
        this.translations = new Translations(guest);
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch (number) {
            case MMU_UPDATE -> update(a);
            case UPDATE_VA_MAPPING -> updateVa(a[0], a[1], a[2]);
            default -> guest.isSelf(a[3]) ? updateVa(a[0], a[1], a[2]) : Errno.ESRCH;
        };
    }

    /** a: requests, count, done_out, owners of the mapped frames (bits 15..0) and, plus one, of the tables (31..16). */
    private long update(long[] a) {
        return RequestList.serve(a, REQUEST, memory, () -> isPermitted(a[3]), this::request);
    }

    private boolean isPermitted(long owners) {
        long tableOwner = owners >>> 16 & 0xFFFF;
        return guest.isSelf(owners) && (tableOwner == 0 || guest.isSelf(tableOwner - 1));
    }

    private long request(long at) {
        long ptr;
        long value;
        try {
            ptr = memory.readLong(at);
            value = memory.readLong(at + 8);
        } catch (BadPointer pointer) {
            return Errno.EFAULT;
        }
        return switch ((int) ptr & 3) {
            case NORMAL -> tables.update(ptr, value, UpdateKind.NORMAL, tables.domain(), tables.domain());
            case PRESERVE_AD ->
                tables.update(ptr & ~3L, value, UpdateKind.PRESERVE_AD, tables.domain(), tables.domain());
            case MACHPHYS -> tables.machphys(ptr >>> 12, value);
            default -> tables.update(ptr & ~3L, value, UpdateKind.NORMAL, tables.domain(), tables.domain());
        };
    }

    /** If the update is refused nothing is flushed, for then the address is not to be trusted (XSA-279). */
    private long updateVa(long linear, long value, long flags) {
        long result = tables.updateVa(linear, value);
        return result == 0 ? translations.flush(linear, flags) : result;
    }
}
