package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;

/** {@code sched_op}: to sleep, to wait, to end. */
public final class SchedulerCalls implements HypercallFamily {
    private static final int YIELD = 0, BLOCK = 1, SHUTDOWN = 2, POLL = 3, REMOTE_SHUTDOWN = 4, SHUTDOWN_CODE = 5;

    private static final int MOST_POLLED = 128;

    private final XenGuest guest;
    private final CallerMemory memory;

    public SchedulerCalls(XenGuest guest) {
        this.guest = guest;
        this.memory = guest.memory();
    }

    /** a: command, where its structure is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch ((int) a[0]) {
            case YIELD -> {
                guest.services().drain();
                yield 0;
            }
            case BLOCK -> {
                guest.info().masked(false);
                guest.sleep().block();
                yield 0;
            }
            case SHUTDOWN -> shutDown(memory.readInt(a[1]));
            case POLL -> poll(a[1]);
            case SHUTDOWN_CODE -> 0;
            case REMOTE_SHUTDOWN -> Errno.EPERM;
            default -> Errno.ENOSYS;
        };
    }

    private long shutDown(int reason) {
        if (reason < 0 || reason >= Shutdown.ALL.length) {
            return Errno.EINVAL;
        }
        guest.domain().shutDown(Shutdown.ALL[reason]);
        return 0;
    }

    /** {pointer to u32 ports, u32 count, u64 absolute timeout, 0 for none}. */
    private long poll(long at) {
        Structure request = memory.structure(at);
        long list = request.word();
        long count = request.u32();
        if (count > MOST_POLLED) {
            return Errno.EINVAL;
        }
        int[] ports = new int[(int) count];
        for (int i = 0; i < count; i++) {
            ports[i] = memory.readInt(list + 4L * i);
            if (!guest.events().exists(ports[i])) {
                return Errno.EINVAL;
            }
        }
        long timeout = request.u64();
        if (!guest.events().anyPending(ports)) {
            guest.sleep().poll(ports, timeout, guest.clock());
        }
        return 0;
    }
}
