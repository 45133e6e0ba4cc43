package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;

/** {@code console_io}: the emergency console, which is the guest's own. */
final class ConsoleCalls implements HypercallFamily {
    private static final int WRITE = 0, READ = 1;

    private final PvGuest guest;

    ConsoleCalls(PvGuest guest) {
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
        int piece = Math.min(length, PvGuest.BATCH);
        for (byte character : guest.kernel().read(a[2], piece)) {
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
