package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;

/** {@code console_io}: the emergency console, which is the guest's own. */
public final class ConsoleCalls implements HypercallFamily {
    private static final int WRITE = 0, READ = 1;

    private final XenGuest guest;

    public ConsoleCalls(XenGuest guest) {
        this.guest = guest;
    }

    /** a: command, length, where the text is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        int length = (int) a[1];
        return switch ((int) a[0]) {
            case WRITE -> write(a, length);
            case READ -> 0;
            default -> Errno.ENOSYS;
        };
    }

    private long write(long[] a, int length) {
        if (length < 0) {
            return Errno.EINVAL;
        }
        int piece = Math.min(length, XenGuest.BATCH);
        for (byte character : guest.memory().read(a[2], piece)) {
            guest.console().accept(character & 0xFF);
        }
        if (piece == length) {
            return 0;
        }
        a[1] = (long) length - piece;
        a[2] += piece;
        return Errno.RESTART;
    }
}
