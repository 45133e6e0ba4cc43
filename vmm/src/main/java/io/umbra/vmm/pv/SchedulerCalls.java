package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.GuestEnd;

/** {@code sched_op}: to sleep, to wait, to end. */
final class SchedulerCalls implements HypercallFamily {
    private static final int YIELD = 0, BLOCK = 1, SHUTDOWN = 2, POLL = 3, REMOTE_SHUTDOWN = 4, SHUTDOWN_CODE = 5;
    private static final int POWER_OFF = 0, REBOOT = 1, SUSPEND = 2, CRASH = 3, WATCHDOG = 4, SOFT_RESET = 5;

    private static final int MOST_POLLED = 128;

    private final PvGuest guest;
    private final GuestMemory memory;

    SchedulerCalls(PvGuest guest) {
        this.guest = guest;
        this.memory = guest.kernel();
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
                guest.vcpu().info.masked(false);
                guest.vcpu().sleep.block();
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
        switch (reason) {
            case POWER_OFF -> guest.end().is(new GuestEnd.PoweredOff("the guest powered off"));
            case REBOOT -> guest.end().is(new GuestEnd.Reset("the guest asked for a reboot"));
            case SUSPEND -> guest.end().is(new GuestEnd.Crashed("the guest suspended itself, and nothing resumes it"));
            case CRASH -> guest.end().is(new GuestEnd.Crashed("the guest's kernel crashed"));
            case WATCHDOG -> guest.end().is(new GuestEnd.Crashed("the guest's watchdog expired"));
            case SOFT_RESET -> guest.end().is(new GuestEnd.Reset("the guest asked for a soft reset"));
            default -> {
                return Errno.EINVAL;
            }
        }
        return 0;
    }

    /** {u64 pointer to u32 ports, u32 count @8, u64 absolute timeout @16, 0 for none}. */
    private long poll(long at) {
        int count = memory.readInt(at + 8);
        long list = memory.readLong(at);
        if (count < 0 || count > MOST_POLLED) {
            return Errno.EINVAL;
        }
        int[] ports = new int[count];
        for (int i = 0; i < count; i++) {
            ports[i] = memory.readInt(list + 4L * i);
            if (!guest.events().exists(ports[i])) {
                return Errno.EINVAL;
            }
        }
        long timeout = memory.readLong(at + 16);
        if (!guest.events().anyPending(ports)) {
            guest.vcpu().sleep.poll(ports, timeout, guest.clock());
        }
        return 0;
    }
}
