package io.umbra.vmm.xen;

/**
 * What a vCPU does with its time, told to the guest where it asked for it. Xen: {@code struct vcpu_runstate_info}.
 *
 * <pre>
 *  0 u32 state (0 running, 1 runnable, 2 blocked, 3 offline)   one word on: u64 since, u64 nanoseconds in each state
 * </pre>
 */
public final class RunState {
    private static final int RUNNING = 0, BLOCKED = 2;

    private final long[] spent = new long[4];
    private int state = RUNNING;
    private long since;
    private long area;

    /** Running since time 0, told nowhere. */
    public RunState() {}

    /** @param linear in the kernel's address space, 0 for none */
    void area(long linear) {
        area = linear;
    }

    /** @param now system time */
    public void blocked(boolean is, long now, CallerMemory kernel) {
        int next = is ? BLOCKED : RUNNING;
        if (next != state) {
            spent[state] += now - since;
            since = now;
            state = next;
            tell(kernel);
        }
    }

    /** Writes the area. Where it is not mapped any more it is not written, as in Xen. */
    private void tell(CallerMemory kernel) {
        if (area != 0) {
            try {
                write(kernel, area);
            } catch (BadPointer unmapped) {
                return;
            }
        }
    }

    void write(CallerMemory kernel, long at) {
        Structure told = kernel.structure(at);
        kernel.writeInt(told.place(4), state);
        kernel.writeLong(told.place(8), since);
        for (long nanoseconds : spent) {
            kernel.writeLong(told.place(8), nanoseconds);
        }
    }
}
