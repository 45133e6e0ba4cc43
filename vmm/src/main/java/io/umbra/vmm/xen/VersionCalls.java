package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** {@code xen_version}: of which version the interface is, and what it can do. */
public final class VersionCalls implements HypercallFamily {
    /** 4.17, in CPUID too. */
    public static final int VERSION = 4 << 16 | 17;

    private static final int VERSION_OF = 0, EXTRA = 1, COMPILE = 2, CAPABILITIES = 3, CHANGE_SET = 4, PLATFORM = 5;
    private static final int FEATURES = 6, PAGE_SIZE = 7, GUEST_HANDLE = 8, COMMAND_LINE = 9;

    private final CallerMemory memory;
    private final String capabilities;
    private final int features;
    private final long hypervisorStart;

    /**
     * What differs between the kinds of guest.
     *
     * @param capabilities the kinds of guest that there can be
     * @param features bits of XENFEAT
     * @param hypervisorStart where the hypervisor begins in the guest's address space
     */
    public VersionCalls(CallerMemory memory, String capabilities, int features, long hypervisorStart) {
        this.memory = memory;
        this.capabilities = capabilities;
        this.features = features;
        this.hypervisorStart = hypervisorStart;
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch ((int) a[0]) {
            case VERSION_OF -> VERSION;
            case EXTRA -> text(a[1], ".umbra", 16);
            case COMPILE -> text(a[1], "", 64 + 16 + 32 + 32);
            case CAPABILITIES -> text(a[1], capabilities, 1024);
            case CHANGE_SET -> text(a[1], "", 64);
            case PLATFORM -> {
                memory.writeWord(a[1], hypervisorStart);
                yield 0;
            }
            case FEATURES -> {
                if (memory.readInt(a[1]) != 0) {
                    yield Errno.EINVAL;
                }
                memory.writeInt(a[1] + 4, features);
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
