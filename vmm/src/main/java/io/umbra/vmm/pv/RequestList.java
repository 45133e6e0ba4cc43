package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import java.util.function.BooleanSupplier;
import java.util.function.LongUnaryOperator;

/**
 * A hypercall that is a list of requests: as many are served as there are until one fails or the batch is full, and the guest is told how many that was. What is left is the same hypercall again, with a mark
 * in its count. Xen: {@code MMU_UPDATE_PREEMPTED}.
 */
final class RequestList {
    /** In the count: some requests of the guest's list are done, and the number is where it wanted it. */
    private static final long PREEMPTED = 1L << 31;

    /**
     * @param a requests, count, done_out; changed to what is left when the result is {@link Errno#RESTART}
     * @param bytes of a request
     * @param permitted whether the caller may make such requests at all
     * @param request serves the one at an address
     */
    static long serve(long[] a, int bytes, GuestMemory memory, BooleanSupplier permitted, LongUnaryOperator request) {
        long count = a[1] & 0xFFFF_FFFFL;
        long done = 0;
        if ((count & PREEMPTED) != 0) {
            count &= ~PREEMPTED;
            done = a[2] == 0 ? 0 : memory.readInt(a[2]) & 0xFFFF_FFFFL;
        }
        if (!permitted.getAsBoolean()) {
            return Errno.ESRCH;
        }
        long result = 0;
        long finished = 0;
        while (finished < count && result == 0) {
            result = finished == PvGuest.BATCH ? Errno.RESTART : request.applyAsLong(a[0] + finished * bytes);
            finished += result == 0 ? 1 : 0;
        }
        if (a[2] != 0) {
            memory.writeInt(a[2], (int) (done + finished));
        }
        if (result == Errno.RESTART) {
            a[0] += finished * bytes;
            a[1] = count - finished | PREEMPTED;
        }
        return result;
    }

    private RequestList() {}
}
