package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;

/** {@code multicall}: calls in a row, each with its result. {u64 number, u64 result, u64 arguments[6]} */
final class Multicall implements HypercallFamily {
    private static final int ENTRY = 64;
    private static final int ARGUMENTS = 6;

    private final PvVcpu vcpu;
    private final GuestMemory memory;
    private final HypercallTable table;
    private boolean running;

    Multicall(PvGuest guest, HypercallTable table) {
        this.vcpu = guest.vcpu();
        this.memory = guest.kernel();
        this.table = table;
    }

    /** a: entries, count. One does not contain another. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        if (running) {
            return Errno.EINVAL;
        }
        running = true;
        try {
            return callAll(a);
        } finally {
            running = false;
        }
    }

    private long callAll(long[] a) {
        long count = a[1] & 0xFFFF_FFFFL;
        for (long i = 0; i < count; i++) {
            long at = a[0] + i * ENTRY;
            long result = i == PvGuest.BATCH ? Errno.RESTART : callOne(at);
            if (result == Errno.RESTART) {
                a[0] = at;
                a[1] = count - i;
                return Errno.RESTART;
            }
            if (!vcpu.isKernel()) {
                return result;
            }
            memory.writeLong(at + 8, result);
        }
        return 0;
    }

    /** What is to be called again is left in the entry. */
    private long callOne(long at) {
        long[] arguments = new long[ARGUMENTS];
        for (int i = 0; i < ARGUMENTS; i++) {
            arguments[i] = memory.readLong(at + 16 + 8L * i);
        }
        long result = table.call(memory.readLong(at), arguments);
        if (result == Errno.RESTART) {
            for (int i = 0; i < ARGUMENTS; i++) {
                memory.writeLong(at + 16 + 8L * i, arguments[i]);
            }
        }
        return result;
    }
}
