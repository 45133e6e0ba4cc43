package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;

/** {@code vcpu_op} and {@code set_timer_op}. The domain has one vCPU, number 0, which is up. */
public final class VcpuCalls implements HypercallFamily {
    private static final int INITIALISE = 0, UP = 1, DOWN = 2, IS_UP = 3, GET_RUNSTATE = 4, REGISTER_RUNSTATE = 5;
    private static final int SET_PERIODIC = 6, STOP_PERIODIC = 7, SET_SINGLE = 8, STOP_SINGLE = 9, REGISTER_INFO = 10;
    private static final int SEND_NMI = 11, REGISTER_TIME = 13;

    /** Of a single-shot timer: a moment that is past is an error. */
    private static final int IN_FUTURE = 1;

    private final XenGuest guest;
    private final CallerMemory memory;
    private final long firstInfo;

    public VcpuCalls(XenGuest guest) {
        this.guest = guest;
        this.memory = guest.memory();
        this.firstInfo = guest.info().place();
    }

    /** a: command, vCPU, where its structure is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        if (number == HypercallNumber.SET_TIMER_OP) {
            setTimer(memory.isWide() ? a[0] : a[0] & 0xFFFF_FFFFL | a[1] << 32);
            return 0;
        }
        if ((a[1] & 0xFFFF_FFFFL) != 0) {
            return Errno.ENOENT;
        }
        long at = a[2];
        return switch ((int) a[0]) {
            case INITIALISE -> Errno.EEXIST;
            case UP -> 0;
            case DOWN -> {
                guest.domain().downed();
                yield 0;
            }
            case IS_UP -> 1;
            case GET_RUNSTATE -> {
                guest.runState().write(memory, at);
                yield 0;
            }
            case REGISTER_RUNSTATE -> registerRunState(memory.readWord(at));
            case SET_PERIODIC -> guest.timers().setPeriodic(memory.readLong(at));
            case STOP_PERIODIC -> {
                guest.timers().stopPeriodic();
                yield 0;
            }
            case SET_SINGLE -> setSingle(memory.readLong(at), memory.readInt(at + 8));
            case STOP_SINGLE -> {
                guest.timers().stopSingle();
                yield 0;
            }
            case REGISTER_INFO -> registerInfo(memory.readLong(at), memory.readInt(at + 8));
            case SEND_NMI -> {
                guest.domain().sendNmi();
                yield 0;
            }
            case REGISTER_TIME -> registerTime(memory.readWord(at));
            default -> Errno.ENOSYS;
        };
    }

    private void setTimer(long at) {
        if (at == 0) {
            guest.timers().stopSingle();
        } else {
            guest.timers().setSingle(at);
        }
    }

    private long setSingle(long at, int flags) {
        if ((flags & IN_FUTURE) != 0 && at < guest.clock().now()) {
            return Errno.ETIME;
        }
        guest.timers().setSingle(at);
        return 0;
    }

    private long registerRunState(long linear) {
        guest.runState().write(memory, linear);
        guest.runState().area(linear);
        return 0;
    }

    /** Once, and within a frame. */
    private long registerInfo(long frame, int offset) {
        boolean fits = offset >= 0 && offset <= 4096 - VcpuInfo.BYTES;
        if (!fits || guest.info().place() != firstInfo) {
            return Errno.EINVAL;
        }
        return guest.domain().moveInfo(frame, offset);
    }

    private long registerTime(long place) {
        int version = memory.readInt(place) | 1;
        memory.write(place, guest.info().time(version));
        memory.writeInt(place, version + 1);
        return 0;
    }
}
