package io.umbra.vmm;

import io.umbra.x86.Exit;

/** How often the guest was left, and why, as far as a processor with virtualisation would have left it too. */
public final class ExitCounts {
    private final long[] values = new long[ProcessorCounter.values().length];

    /** Of none yet. */
    public ExitCounts() {}

    /** Page faults are counted by the engine, most of which never get here; a spent budget and a stop are Umbra's own affair. */
    public void count(Exit exit) {
        switch (exit) {
            case Exit.ControlRegister write -> add(ProcessorCounter.EXIT_CONTROL_REGISTER);
            case Exit.EferWritten write -> add(ProcessorCounter.EXIT_CONTROL_REGISTER);
            case Exit.InvalidatePage page -> add(ProcessorCounter.EXIT_INVALIDATE);
            case Exit.InvalidateContext context -> add(ProcessorCounter.EXIT_INVALIDATE);
            case Exit.PortRead read -> add(ProcessorCounter.EXIT_PORT);
            case Exit.PortWrite write -> add(ProcessorCounter.EXIT_PORT);
            case Exit.Cpuid cpuid -> add(ProcessorCounter.EXIT_CPUID);
            case Exit.MsrRead read -> add(ProcessorCounter.EXIT_MSR);
            case Exit.MsrWrite write -> add(ProcessorCounter.EXIT_MSR);
            case Exit.TimeStamp stamp -> add(ProcessorCounter.EXIT_TIME);
            case Exit.TimeStampWritten written -> add(ProcessorCounter.EXIT_TIME);
            case Exit.Halt halt -> add(ProcessorCounter.EXIT_HALT);
            case Exit.Hypercall call -> add(ProcessorCounter.EXIT_HYPERCALL);
            case Exit.SystemCall call -> add(ProcessorCounter.EXIT_HYPERCALL);
            case Exit.SoftwareInterrupt interrupt -> add(ProcessorCounter.EXIT_EXCEPTION);
            case Exit.Exception exception -> add(ProcessorCounter.EXIT_EXCEPTION);
            case Exit.InterruptWindow window -> add(ProcessorCounter.EXIT_INTERRUPT);
            case Exit.PageFault fault -> {}
            case Exit.NestedFault fault -> {}
            case Exit.BudgetSpent spent -> {}
            case Exit.TripleFault fault -> {}
            case Exit.Stopped stopped -> {}
        }
    }

    /** An IN that was answered without leaving the guest: hardware would have left it. */
    void countPortRead() {
        add(ProcessorCounter.EXIT_PORT);
    }

    void countInterrupt() {
        add(ProcessorCounter.EXIT_INTERRUPT);
    }

    /** Counts what was counted before the domain came here. */
    void carry(ProcessorCounter counter, long count) {
        values[counter.ordinal()] += count;
    }

    private void add(ProcessorCounter counter) {
        values[counter.ordinal()]++;
    }

    long get(ProcessorCounter counter) {
        return values[counter.ordinal()];
    }
}
