package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** {@code xen_version}: of which version the interface is, and what it can do. */
final class VersionCalls implements HypercallFamily {
    /** 4.17, in CPUID too. */
    static final int VERSION = 4 << 16 | 17;

    private static final int VERSION_OF = 0, EXTRA = 1, COMPILE = 2, CAPABILITIES = 3, CHANGE_SET = 4, PLATFORM = 5;
    private static final int FEATURES = 6, PAGE_SIZE = 7, GUEST_HANDLE = 8, COMMAND_LINE = 9;

    /** XENFEAT_mmu_pt_update_preserve_ad and XENFEAT_gnttab_map_avail_bits. */
    private static final int OFFERED = 1 << 5 | 1 << 7;

    private final GuestMemory memory;

    VersionCalls(PvGuest guest) {
        this.memory = guest.kernel();
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch ((int) a[0]) {
            case VERSION_OF -> VERSION;
            case EXTRA -> text(a[1], ".umbra", 16);
            case COMPILE -> text(a[1], "", 64 + 16 + 32 + 32);
            case CAPABILITIES -> text(a[1], "xen-3.0-x86_64", 1024);
            case CHANGE_SET -> text(a[1], "", 64);
            case PLATFORM -> {
                memory.writeLong(a[1], GuestMemory.HYPERVISOR_START);
                yield 0;
            }
            case FEATURES -> {
                if (memory.readInt(a[1]) != 0) {
                    yield Errno.EINVAL;
                }
                memory.writeInt(a[1] + 4, OFFERED);
                yield 0;
            }
            case PAGE_SIZE -> 4096;
            case GUEST_HANDLE -> text(a[1], "", 16);
            case COMMAND_LINE -> text(a[1], "", 1024);
            default -> Errno.ENOSYS;
        };
    }

    private long text(long at, String value, int size) {
        memory.write(at, Arrays.copyOf(value.getBytes(StandardCharsets.US_ASCII), size));
        return 0;
    }
}
