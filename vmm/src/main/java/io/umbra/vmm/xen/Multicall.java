package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import java.util.function.BooleanSupplier;

/** {@code multicall}: calls in a row, each with its result. {number, result, arguments[6]}, a word each. */
public final class Multicall implements HypercallFamily {
    private static final int WORDS = 8, ARGUMENTS = 6;

    private final CallerMemory memory;
    private final HypercallTable table;
    private final BooleanSupplier mayGoOn;
    private boolean running;

    /** @param mayGoOn whether the caller is still who it was, so that the next call may be made */
    public Multicall(CallerMemory memory, HypercallTable table, BooleanSupplier mayGoOn) {
        this.memory = memory;
        this.table = table;
        this.mayGoOn = mayGoOn;
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
        int word = memory.wordBytes();
        for (long i = 0; i < count; i++) {
            long at = a[0] + i * WORDS * word;
            long result = i == XenGuest.BATCH ? Errno.RESTART : callOne(at, word);
            if (result == Errno.RESTART) {
                a[0] = at;
                a[1] = count - i;
                return Errno.RESTART;
            }
            if (!mayGoOn.getAsBoolean()) {
                return result;
            }
            memory.writeWord(at + word, result);
        }
        return 0;
    }

    /** What is to be called again is left in the entry. */
    private long callOne(long at, int word) {
        long[] arguments = new long[ARGUMENTS];
        for (int i = 0; i < ARGUMENTS; i++) {
            arguments[i] = memory.readWord(at + (2L + i) * word);
        }
        long result = table.call(memory.readWord(at), arguments);
        if (result == Errno.RESTART) {
            for (int i = 0; i < ARGUMENTS; i++) {
                memory.writeWord(at + (2L + i) * word, arguments[i]);
            }
        }
        return result;
    }
}
