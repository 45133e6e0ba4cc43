package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;

/** {@code physdev_op} and {@code platform_op}: the domain has no devices, and the platform is not its own. */
final class DeviceCalls implements HypercallFamily {
    private static final int SET_IOPL = 6, SET_IOBITMAP = 7;
    private static final int MOST_PORTS = 65_536;

    private final PvGuest guest;
    private final GuestMemory memory;

    DeviceCalls(PvGuest guest) {
        this.guest = guest;
        this.memory = guest.kernel();
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        if (number == HypercallNumber.PLATFORM_OP) {
            return Errno.EPERM;
        }
        return switch ((int) a[0]) {
            case SET_IOPL -> {
                int level = memory.readInt(a[1]);
                if (level < 0 || level > 3) {
                    yield Errno.EINVAL;
                }
                guest.vcpu().ioPrivilege = level;
                yield 0;
            }
            case SET_IOBITMAP -> {
                int ports = memory.readInt(a[1] + 8);
                if (ports < 0 || ports > MOST_PORTS) {
                    yield Errno.EINVAL;
                }
                guest.vcpu().portBitmap(memory.readLong(a[1]), ports);
                yield 0;
            }
            default -> Errno.ENOSYS;
        };
    }
}
