package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.x86.VcpuState;

/** The debug registers of a PV guest, which are the processor's: it may watch its own addresses only (XSA-444). */
final class DebugRegisters {
    private static final long STATUS_ONES = 0xFFFF_0FF0L, STATUS_DEFINED = 0xE00F;
    private static final long CONTROL_ONES = 0x400;
    /** Enables, exact breakpoints, and kinds and lengths; not general detection. */
    private static final long CONTROL_DEFINED = 0xFFFF_03FFL;

    private static final int STATUS = 6, CONTROL = 7;

    static long write(VcpuState state, int number, long value) {
        switch (number) {
            case 0, 1, 2, 3 -> {
                if (!GuestMemory.isGuestAddress(value)) {
                    return Errno.EPERM;
                }
                state.dr[number] = value;
            }
            case STATUS -> state.dr[STATUS] = value & STATUS_DEFINED | STATUS_ONES;
            case CONTROL -> {
                if (watchesPorts(value)) {
                    return Errno.EPERM;
                }
                state.dr[CONTROL] = value & CONTROL_DEFINED | CONTROL_ONES;
            }
            default -> {
                return Errno.EINVAL;
            }
        }
        return 0;
    }

    static long read(VcpuState state, int number) {
        boolean exists = number >= 0 && number <= 3 || number == STATUS || number == CONTROL;
        return exists ? state.dr[number] : Errno.EINVAL;
    }

    /** A breakpoint on I/O, kind 2, which guests do not have. */
    private static boolean watchesPorts(long control) {
        for (int i = 0; i < 4; i++) {
            if ((control >>> 16 + 4 * i & 3) == 2) {
                return true;
            }
        }
        return false;
    }

    private DebugRegisters() {}
}
