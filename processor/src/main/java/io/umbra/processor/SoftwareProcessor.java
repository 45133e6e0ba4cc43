package io.umbra.processor;

import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.Intercepts;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.Processor;
import io.umbra.x86.RFlags;
import io.umbra.x86.StateImage;
import io.umbra.x86.VcpuImage;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The processor in software: an interpreter over decoded blocks, with a TLB, walking the pagetables that {@link #load} names. What CPUID should say of
 * it is in {@link CpuFeatures}. {@link #load} must be called before the first {@link #run}. Not thread-safe, but for {@link #requestStop}.
 */
public final class SoftwareProcessor implements Processor, AutoCloseable {
    private final Cpu cpu;
    private final CodeCache code;
    private final Interpreter interpreter;

    /** Interprets. */
    public SoftwareProcessor(VcpuState state, MachineMemory memory) {
        this(state, memory, Translation.OFF);
    }

    public SoftwareProcessor(VcpuState state, MachineMemory memory, Translation translation) {
        this(state, memory, PagingFeatures.OFFERED, translation);
    }

    SoftwareProcessor(VcpuState state, MachineMemory memory, PagingFeatures features, Translation translation) {
        cpu = new Cpu(state, new MemoryUnit(state, memory), features);
        code = new CodeCache(cpu);
        interpreter = new Interpreter(cpu, code, translation);
    }

    /** Forgets all decoded code and no longer watches the memory. The processor must not run again. */
    @Override
    public void close() {
        interpreter.close();
        code.close();
    }

    /** For tests, which look behind what the hypervisor may see. */
    Cpu cpu() {
        return cpu;
    }

    /** What the TLB did so far. */
    public TlbCounts tlbCounts() {
        return cpu.memory.counts();
    }

    /** How many of the misses and rechecks among them generated machine code filled. */
    long filledByHostCode() {
        return cpu.memory.filledByHostCode();
    }

    /**
     * Adds all that the guest or its hypervisor could ever notice of this processor: registers, what is pending, what the TLB holds and what it did. Whether code was translated is not among it. Must not be
     * called inside {@link #run}.
     */
    public void describe(StateImage image) {
        VcpuImage.add(cpu.state, image);
        Event event = interpreter.pendingEvent();
        image.add("pending event", event == null ? -1 : event.kind().ordinal() << Byte.SIZE | event.vector());
        image.add("pending event's error code", event == null ? 0 : event.errorCode());
        image.add("pending event's length", event == null ? 0 : event.length());
        image.add("pending traps", interpreter.pendingTraps());
        TlbImage.add(cpu, image);
    }

    /** The machine frames to which stores of the guest may go now without a walk; some may come more than once. Must not be called inside {@link #run}. */
    public void eachWritableFrame(LongConsumer mfn) {
        long machine = cpu.memory.machine().base();
        TlbView view = (slot, page, place, read, write) -> {
            if (write) {
                mfn.accept(place - machine >>> MachineMemory.FRAME_SHIFT);
            }
        };
        cpu.memory.userBank().each(cpu.generation, view);
        cpu.memory.supervisorBank(false).each(cpu.generation, view);
        cpu.memory.supervisorBank(true).each(cpu.generation, view);
    }

    /**
     * Holds the TLB against the tables in force. For owners of tables who {@linkplain #reload tell} of every right that is lowered. Must not be called inside {@link #run}.
     *
     * @throws io.umbra.x86.InvariantViolation when it has a translation that a walk would not give (TLB-3)
     */
    public void auditTlb() {
        cpu.memory.audit(cpu);
    }

    /**
     * Makes the walk that an access would make on a TLB miss: sets A and D like it, and keeps nothing. For those who compare walkers. Must not be called inside {@link #run}.
     *
     * @param linear canonical
     * @param access bits of {@link io.umbra.x86.PageFaultCode}
     */
    public HardwareWalk walk(long linear, int access) {
        PageWalker walker = cpu.memory.walker();
        boolean alignmentFlag = (cpu.state.rflags & RFlags.ALIGNMENT_CHECK) != 0;
        return switch (walker.walk(linear, access, alignmentFlag)) {
            case MAPPED -> new HardwareWalk.Mapped(walker.machineAddress);
            case PAGE_FAULT -> new HardwareWalk.PageFault(walker.code);
            case NESTED_FAULT -> new HardwareWalk.NestedFault(walker.guestPhysical, walker.code);
        };
    }

    @Override
    public VcpuState state() {
        return cpu.state;
    }

    @Override
    public void intercept(Intercepts intercepts) {
        cpu.intercepts = intercepts;
        cpu.memory.offerPageFaults(intercepts.exception(Vector.PAGE_FAULT));
    }

    @Override
    public void faultHandler(FaultHandler handler) {
        cpu.memory.handler(handler);
    }

    @Override
    public Exit run(long budget) {
        return interpreter.run(budget);
    }

    @Override
    public long retired() {
        return cpu.retired();
    }

    @Override
    public void inject(Event event) {
        interpreter.inject(event);
    }

    @Override
    public @Nullable Event pendingEvent() {
        return interpreter.pendingEvent();
    }

    @Override
    public long pendingTraps() {
        return interpreter.pendingTraps();
    }

    @Override
    public void pendingTraps(long traps) {
        interpreter.pendingTraps(traps);
    }

    @Override
    public boolean isInterruptible() {
        return interpreter.isInterruptible();
    }

    @Override
    public void interruptWindow(boolean wanted) {
        interpreter.interruptWindow(wanted);
    }

    @Override
    public boolean acceptsNmi() {
        return interpreter.acceptsNmi();
    }

    @Override
    public void nmiWindow(boolean wanted) {
        interpreter.nmiWindow(wanted);
    }

    @Override
    public void retire(int length) {
        interpreter.retired(cpu.state.rip + length);
    }

    @Override
    public void completePortRead(int value) {
        PortInput input = cpu.pendingInput;
        if (input == null) {
            throw new IllegalStateException("no port is being read");
        }
        cpu.pendingInput = null;
        if (PortOps.complete(cpu, input, value)) {
            interpreter.retired(cpu.state.rip + input.length());
        }
    }

    @Override
    public void requestStop() {
        cpu.stopRequested = true;
    }

    @Override
    public Emulation emulate(LinearMemory memory) {
        return new Emulator(cpu, interpreter).emulate(memory);
    }

    /**
     * Enters the guest as IRETQ of a hypervisor at CPL 0 does: CS and SS are loaded through the descriptor tables, with all checks.
     *
     * @param selector of the code segment; its RPL becomes the CPL
     * @param rflags may set IF and IOPL; VM stays
     * @return null when it is done; else what was raised, and nothing has changed
     */
    public Emulation.@Nullable Raised enterGuest(int selector, long rip, long rflags, int stackSelector, long rsp) {
        return attempt(() -> {
            InterruptReturn.fromHypervisor(cpu, selector, rip, rflags, stackSelector, rsp);
            interpreter.leave();
        });
    }

    /**
     * Loads ES, DS, FS or GS through the descriptor tables, at the present CPL.
     *
     * @return null when it is done; else what was raised, and nothing has changed
     */
    public Emulation.@Nullable Raised loadSegment(int segment, int selector) {
        return attempt(() -> SegmentUnit.load(cpu, segment, selector));
    }

    private Emulation.@Nullable Raised attempt(Runnable action) {
        interpreter.enter();
        try {
            action.run();
            return null;
        } catch (GuestException fault) {
            return Emulator.raised(fault);
        }
    }

    @Override
    public void load(HardwarePaging paging) {
        cpu.memory.load(cpu, paging);
    }

    @Override
    public void reload(HardwarePaging paging) {
        cpu.memory.reload(cpu, paging);
    }

    @Override
    public void invalidateEntry(int level, int index) {
        cpu.memory.invalidateEntry(cpu, level, index);
    }

    @Override
    public void invalidate(long linear) {
        cpu.memory.invalidate(cpu, linear);
    }

    @Override
    public void flush() {
        cpu.memory.flush(cpu);
    }
}
