package io.umbra.vmm.pv;

/**
 * What a vCPU does with its time, told to the guest where it asked for it. Xen: {@code struct vcpu_runstate_info}.
 *
 * <pre>
 *  0 u32 state (0 running, 1 runnable, 2 blocked, 3 offline)   8 u64 since   16 u64 nanoseconds in each state
 * </pre>
 */
final class RunState {
    static final int BYTES = 48;

    private static final int RUNNING = 0, BLOCKED = 2;

    private final long[] spent = new long[4];
    private int state = RUNNING;
    private long since;
    private long area;

    /** @param linear in the kernel's address space, 0 for none */
    void area(long linear) {
        area = linear;
    }

    void blocked(boolean is, long now, GuestMemory kernel) {
        int next = is ? BLOCKED : RUNNING;
        if (next != state) {
            spent[state] += now - since;
            since = now;
            state = next;
            tell(kernel);
        }
    }

    /** Writes the area. Where it is not mapped any more it is not written, as in Xen. */
    private void tell(GuestMemory kernel) {
        if (area != 0) {
            try {
                write(kernel, area);
            } catch (BadPointer unmapped) {
                return;
            }
        }
    }

    void write(GuestMemory kernel, long at) {
        kernel.writeLong(at, state);
        kernel.writeLong(at + 8, since);
        for (int i = 0; i < spent.length; i++) {
            kernel.writeLong(at + 16 + 8L * i, spent[i]);
        }
    }
}
