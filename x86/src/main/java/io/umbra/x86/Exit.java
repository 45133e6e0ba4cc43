package io.umbra.x86;

import org.jspecify.annotations.Nullable;

/**
 * Why {@link Processor#run} returned. Two moments are possible, and each kind has one:
 *
 * <ul>
 *   <li><b>before</b>: the instruction did nothing yet; RIP is on it, it is not counted. Whoever handles it either completes it and
 *       calls {@link Processor#retire} with its length, or injects an exception.
 *   <li><b>after</b>: the instruction is complete, RIP is behind it, it is counted.
 * </ul>
 */
public sealed interface Exit {

    /**
     * Before. A page fault that the in-place handler did not fix.
     *
     * @param linear the address that goes into CR2
     * @param code {@link PageFaultCode} of the hardware walk, with {@link PageFaultCode#IMPLICIT} where it applies
     * @param interrupted the event whose delivery faulted, or null when an instruction did
     */
    record PageFault(long linear, int code, @Nullable Event interrupted) implements Exit {}

    /**
     * Before. A nested walk found the P2M entry of {@code guestPhysical} absent or too weak and the in-place handler did not fix it.
     *
     * @param linear the linear address of the access
     */
    record NestedFault(
            long guestPhysical,
            int access,
            long linear,
            @Nullable Event interrupted) implements Exit {}

    /** After. CR0, CR3, CR4 or CR8 was written (also by CLTS and LMSW, but see {@link FaultHandler#taskRootLoaded}); {@code old} is the value before. Checks (#GP) were made. */
    record ControlRegister(int number, long old) implements Exit {}

    /** After. EFER was written. */
    record EferWritten(long old) implements Exit {}

    /** After. The time-stamp counter was written: moments that are given in its counts have another time now. */
    record TimeStampWritten() implements Exit {}

    /** After. INVLPG of a canonical or non-canonical linear address. */
    record InvalidatePage(long linear) implements Exit {}

    /** After. INVPCID, of whatever type; the processor has dropped what it had to. */
    record InvalidateContext() implements Exit {}

    /** Before. IN or INS; the answer is given by {@link Processor#completePortRead}. */
    record PortRead(int port, int size) implements Exit {}

    /** After. OUT or one iteration of OUTS. */
    record PortWrite(int port, int size, int value) implements Exit {}

    /** Before. CPUID with the leaf in EAX and the subleaf in ECX. */
    record Cpuid(int length) implements Exit {}

    /** Before. RDMSR of a register that the processor does not hold itself. */
    record MsrRead(int index, int length) implements Exit {}

    /** Before. WRMSR to a register that the processor does not hold itself. */
    record MsrWrite(int index, long value, int length) implements Exit {}

    /** Before. RDTSC or RDTSCP while {@link Intercepts#timeStamp()}. */
    record TimeStamp(boolean withAux, int length) implements Exit {}

    /** After. HLT. */
    record Halt() implements Exit {}

    /** Before. VMCALL or VMMCALL. */
    record Hypercall(int length) implements Exit {}

    /** Before. SYSCALL while {@link Intercepts#systemEntries()}; RCX and R11 are as they were. */
    record SystemCall(int length) implements Exit {}

    /** Before. INT n, INT3, INT1 or INTO while {@link Intercepts#systemEntries()}; {@code event.length()} is the instruction's. */
    record SoftwareInterrupt(Event event) implements Exit {}

    /** Before. An exception whose vector is in {@link Intercepts#exceptions()}; not yet combined with {@code interrupted}. */
    record Exception(Event event, @Nullable Event interrupted) implements Exit {}

    /** Between instructions. The guest can take now what a window was opened for: an external interrupt or an NMI. */
    record InterruptWindow() implements Exit {}

    /** Between instructions. Exactly the budget was retired. */
    record BudgetSpent() implements Exit {}

    /** The guest's processor shut down. */
    record TripleFault() implements Exit {}

    /** Between instructions, or between the iterations of a REP: {@link Processor#requestStop} was called. */
    record Stopped() implements Exit {}
}
