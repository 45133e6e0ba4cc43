package io.umbra.vmm;

import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.Paging;
import io.umbra.x86.Event;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.Processor;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A virtual processor between the processor that executes it and the paging that virtualises its memory: faults go from the one to the other, in the middle of an instruction where possible, and
 * what the guest must get is injected.
 */
final class Vcpu implements FaultHandler {
    private final int number;
    private final Processor processor;
    private final VcpuState state;
    private final Paging paging;
    private final @Nullable Verifier verifier;
    private final LongSupplier budget;
    private final QuietPorts ports;

    /** What the engine said of a fault in the middle of an instruction that it could not fix there. */
    private @Nullable FaultOutcome pending;
    /** An interrupt whose delivery gave way to an exception: it is delivered when the guest can take it. */
    private @Nullable Event postponed;

    private boolean shutDown;

    /** Ports that are read without leaving the guest. */
    @FunctionalInterface
    interface QuietPorts {
        /** None. */
        QuietPorts NONE = (port, size, retired) -> -1;

        /** As {@link FaultHandler#portRead}. */
        long read(int port, int size, long retired);
    }

    /** @param budget instructions until something other than the guest is due, at least 1 */
    Vcpu(
            int number,
            Processor processor,
            Paging paging,
            @Nullable Verifier verifier,
            boolean interceptsTime,
            LongSupplier budget,
            QuietPorts ports) {
        this.number = number;
        this.processor = processor;
        this.state = processor.state();
        this.paging = paging;
        this.verifier = verifier;
        this.budget = budget;
        this.ports = ports;
        processor.intercept(paging.intercepts()
                .withTimeStamp(interceptsTime)
                .withWrites(Intercepts.TASK_PRIORITY | Intercepts.TIME_STAMP_COUNTER));
        processor.faultHandler(this);
        paging.attach(state, processor, processor);
    }

    // ---- in the middle of an instruction
    // -----------------------------------------------------------------------------

    @Override
    public boolean pageFault(long linear, int code) {
        FaultOutcome outcome = outcomeOf(linear, code);
        if (outcome instanceof Fixed) {
            return true;
        }
        pending = outcome;
        return false;
    }

    @Override
    public boolean nestedFault(long guestPhysical, int access, long linear) {
        FaultOutcome outcome = paging.nestedFault(number, guestPhysical, access);
        if (outcome instanceof Fixed) {
            return true;
        }
        pending = outcome;
        return false;
    }

    @Override
    public boolean readPdptes(long cr3, long[] target) {
        return paging.readPdptes(number, cr3, target);
    }

    @Override
    public void taskRootLoaded(long old) {
        paging.controlRegisterWritten(number, 3, old);
    }

    @Override
    public long portRead(int port, int size, long retired) {
        return ports.read(port, size, retired);
    }

    private FaultOutcome outcomeOf(long linear, int code) {
        if (verifier == null) {
            return paging.pageFault(number, linear, code);
        }
        Verifier.Expected expected = verifier.expect(state, linear, code);
        FaultOutcome outcome = paging.pageFault(number, linear, code);
        verifier.check(expected, outcome);
        return outcome;
    }

    // ---- between instructions
    // ----------------------------------------------------------------------------------------

    void pageFaultExit(long linear, int code, @Nullable Event interrupted) {
        FaultOutcome outcome = takePending();
        resolve(outcome != null ? outcome : outcomeOf(linear, code), linear, interrupted);
    }

    void nestedFaultExit(long guestPhysical, int access, long linear, @Nullable Event interrupted) {
        FaultOutcome outcome = takePending();
        resolve(outcome != null ? outcome : paging.nestedFault(number, guestPhysical, access), linear, interrupted);
    }

    private @Nullable FaultOutcome takePending() {
        FaultOutcome outcome = pending;
        pending = null;
        return outcome;
    }

    private void resolve(FaultOutcome outcome, long linear, @Nullable Event interrupted) {
        switch (outcome) {
            case Fixed fixed -> inject(interrupted);
            case GuestFault fault -> {
                state.cr2 = linear;
                raise(Event.exception(Vector.PAGE_FAULT, fault.code()), interrupted);
            }
            case Emulate reason -> {
                if (interrupted == null) {
                    emulate(reason);
                } else {
                    deliverAgain(reason, linear, interrupted);
                }
            }
        }
    }

    private void deliverAgain(Emulate reason, long linear, Event interrupted) {
        if (reason != Emulate.PAGETABLE || !paging.unshadowForEvent(number, linear)) {
            throw new DomainCrash("%s cannot be delivered: its stack at 0x%x is %s"
                    .formatted(interrupted, linear, reason == Emulate.PAGETABLE ? "a pagetable in use" : "no memory"));
        }
        inject(interrupted);
    }

    private void emulate(Emulate reason) {
        switch (paging.emulate(number, reason, budget.getAsLong())) {
            case Emulation.Done done -> {}
            case Emulation.Raised raised -> {
                if (raised.event().vector() == Vector.PAGE_FAULT) {
                    state.cr2 = raised.linear();
                }
                processor.inject(raised.event());
            }
            case Emulation.Failed failed ->
                throw new DomainCrash("the instruction at rip 0x%x accesses %s and cannot be emulated"
                        .formatted(state.rip, reason == Emulate.MMIO ? "no memory" : "memory it may not write"));
        }
    }

    /** An exception that the guest gets; {@code interrupted} is the event during whose delivery it arose. */
    void raise(Event exception, @Nullable Event interrupted) {
        if (interrupted == null) {
            processor.inject(exception);
            return;
        }
        if (interrupted.kind() != Event.Kind.EXCEPTION) {
            boolean isInterrupt = interrupted.kind() == Event.Kind.EXTERNAL || interrupted.kind() == Event.Kind.NMI;
            postponed = isInterrupt ? interrupted : null;
            processor.inject(exception);
            return;
        }
        switch (Vector.combine(interrupted.vector(), exception.vector())) {
            case SERIAL -> processor.inject(exception);
            case DOUBLE_FAULT -> processor.inject(Event.exception(Vector.DOUBLE_FAULT));
            case TRIPLE_FAULT -> shutDown = true;
        }
    }

    private void inject(@Nullable Event event) {
        if (event != null) {
            processor.inject(event);
        }
    }

    /** Delivers a postponed interrupt if the guest can take it. */
    void deliverPostponed() {
        Event waiting = postponed;
        if (waiting != null
                && (waiting.kind() == Event.Kind.NMI ? processor.acceptsNmi() : processor.isInterruptible())) {
            postponed = null;
            processor.inject(waiting);
        }
    }

    /** Whether an acknowledged interrupt of this kind is still to be delivered. */
    boolean postpones(Event.Kind kind) {
        return postponed != null && postponed.kind() == kind;
    }

    /** The interrupt that gave way to an exception and is still to be delivered. */
    @Nullable
    Event postponed() {
        return postponed;
    }

    void postpone(@Nullable Event interrupt) {
        postponed = interrupt;
    }

    /** A fault while handling a double fault ended the processor. */
    boolean isShutDown() {
        return shutDown;
    }
}
