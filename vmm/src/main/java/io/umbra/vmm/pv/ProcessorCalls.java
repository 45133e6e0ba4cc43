package io.umbra.vmm.pv;

import io.umbra.shadow.PvPaging;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.Cr0;
import io.umbra.x86.VcpuState;

/** What the kernel of a deprivileged guest cannot do to its processor itself: {@code fpu_taskswitch}, {@code set_debugreg}, {@code get_debugreg} and {@code vm_assist}. */
final class ProcessorCalls implements HypercallFamily {
    private static final int ENABLE = 0, DISABLE = 1;
    /** Types of {@code vm_assist}; the first two and the fourth have no effect on 64-bit guests. */
    private static final int SEGMENTS = 0, SEGMENTS_NOTIFY = 1, WRITABLE_PAGETABLES = 2, EXTENDED_CR3 = 3;

    private final VcpuState state;
    private final PvPaging paging;

    ProcessorCalls(PvGuest guest) {
        this.state = guest.vcpu().state;
        this.paging = guest.paging();
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch (number) {
            case FPU_TASKSWITCH -> {
                state.cr0 = (int) a[0] != 0 ? state.cr0 | Cr0.TASK_SWITCHED : state.cr0 & ~Cr0.TASK_SWITCHED;
                yield 0;
            }
            case SET_DEBUGREG -> DebugRegisters.write(state, (int) a[0], a[1]);
            case GET_DEBUGREG -> DebugRegisters.read(state, (int) a[0]);
            default -> assist((int) a[0], (int) a[1]);
        };
    }

    private long assist(int command, int type) {
        if (command != ENABLE && command != DISABLE) {
            return Errno.ENOSYS;
        }
        return switch (type) {
            case WRITABLE_PAGETABLES -> {
                paging.assistStores(command == ENABLE);
                yield 0;
            }
            case SEGMENTS, SEGMENTS_NOTIFY, EXTENDED_CR3 -> 0;
            default -> Errno.EINVAL;
        };
    }
}
