package io.umbra.x86;

import org.jspecify.annotations.Nullable;

/** Something that executes guest code: Umbra's software processor, or a real one. One thread at a time drives it. */
public interface Processor extends Tlb, InstructionEmulator {
    VcpuState state();

    void intercept(Intercepts intercepts);

    void faultHandler(FaultHandler handler);

    /**
     * Runs the guest until something needs the hypervisor.
     *
     * @param budget instructions to retire at most; after exactly so many it returns {@link Exit.BudgetSpent}
     */
    Exit run(long budget);

    /** Instructions retired so far, exact also inside a {@link FaultHandler}. */
    long retired();

    /**
     * Delivers {@code event} through the guest's IDT at the next {@link #run}, before any instruction. For #PF, CR2 is the caller's
     * business. At most one event can be pending.
     */
    void inject(Event event);

    /** What {@link #inject} gave and is not delivered yet. */
    @Nullable
    Event pendingEvent();

    /** Bits of DR6 of the debug traps that are due before the next instruction. Intel SDM vol. 3C, "Pending debug exceptions". */
    long pendingTraps();

    /** Makes these debug traps due, and no others: for a processor that takes over where another stopped. */
    void pendingTraps(long traps);

    /** An external interrupt could be injected now: IF is set, no interrupt shadow, nothing else pending. */
    boolean isInterruptible();

    /** While set, {@link #run} returns {@link Exit.InterruptWindow} as soon as {@link #isInterruptible}. */
    void interruptWindow(boolean wanted);

    /** An NMI could be injected now: none is being handled, no interrupt shadow, nothing else pending. */
    boolean acceptsNmi();

    /** While set, {@link #run} returns {@link Exit.InterruptWindow} as soon as {@link #acceptsNmi}. */
    void nmiWindow(boolean wanted);

    /** Completes an instruction whose exit came before it: RIP moves on, it is counted, single-step and interrupt shadow take effect. */
    void retire(int length);

    /** Answers {@link Exit.PortRead}: the value goes to AL/AX/EAX or, for INS, to memory, and the instruction (or iteration) completes. */
    void completePortRead(int value);

    /** May be called from any thread: {@link #run} returns {@link Exit.Stopped} soon. */
    void requestStop();
}
