package io.umbra.processor;

import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Runs blocks one after the other, and does what belongs between instructions: events, traps, the budget. An instruction boundary at which something may happen
 * (single-step, an interrupt shadow, a breakpoint) is passed one instruction at a time; all others are passed blockwise.
 */
final class Interpreter {
    private static final int JUMP_ENTRIES = 1 << 15;
    private static final int JUMP_MASK = JUMP_ENTRIES - 1;

    private final Cpu cpu;
    private final VcpuState state;
    private final MemoryUnit memory;
    private final CodeCache code;

    /** Where control went before, by a hash of the place in host memory. An entry holds while its block says so. */
    private final @Nullable Block[] jumps = new @Nullable Block[JUMP_ENTRIES];

    private final @Nullable Translator translator;
    private final int hot;

    private @Nullable Event injected;
    private boolean windowWanted;
    private boolean nmiWindowWanted;
    /** The running instruction has made some iterations of a REP, and has others left. */
    private boolean iterated;
    /** Bits of DR6 for a trap that is due at this boundary. */
    private long dueTraps;

    Interpreter(Cpu cpu, CodeCache code, Translation translation) {
        this.cpu = cpu;
        this.state = cpu.state;
        this.memory = cpu.memory;
        this.code = code;
        this.translator = translation.threshold() == 0 ? null : new Translator(cpu, code, translation);
        this.hot = translation.threshold();
    }

    void inject(Event event) {
        if (injected != null) {
            throw new IllegalStateException(injected + " is still pending, and now " + event);
        }
        injected = event;
    }

    @Nullable
    Event pendingEvent() {
        return injected;
    }

    long pendingTraps() {
        return dueTraps;
    }

    void pendingTraps(long traps) {
        dueTraps = traps;
    }

    void interruptWindow(boolean wanted) {
        windowWanted = wanted;
    }

    boolean isInterruptible() {
        return state.interruptsEnabled() && !state.interruptShadow && injected == null && dueTraps == 0;
    }

    void nmiWindow(boolean wanted) {
        nmiWindowWanted = wanted;
    }

    /** The shadow of STI holds NMI back as that of MOV SS does, which the architecture permits. */
    boolean acceptsNmi() {
        return !state.nmiBlocked && !state.interruptShadow && injected == null && dueTraps == 0;
    }

    /** Nothing is translated any more. */
    void close() {
        if (translator != null) {
            translator.close();
        }
    }

    /** Takes over the state, which the hypervisor may have changed. */
    void enter() {
        cpu.rip = state.rip;
        cpu.flags.fromRFlags(state.rflags);
        cpu.running = null;
        cpu.exit = null;
        cpu.softwareEvent = null;
        cpu.repeatAgain = false;
        cpu.debugHits = 0;
        cpu.codeModeChanged();
        cpu.privilegeChanged();
        watch();
    }

    /** Makes the state precise. */
    void leave() {
        state.rip = cpu.rip;
        state.rflags = cpu.rflags();
    }

    Exit run(long budget) {
        enter();
        long end = state.instructions + budget;
        Exit exit;
        do {
            exit = advance(end);
        } while (exit == null);
        leave();
        return exit;
    }

    private @Nullable Exit advance(long end) {
        if (cpu.stopRequested) {
            cpu.stopRequested = false;
            return new Exit.Stopped();
        }
        if (cpu.needsAttention()) {
            return attend(end);
        }
        if (state.instructions >= end) {
            return new Exit.BudgetSpent();
        }
        Block block;
        int limit;
        try {
            block = lookup();
            limit = cpu.ripMask == -1L ? block.ops.length : insideSegment(block);
        } catch (GuestException fault) {
            return raise(fault, null);
        }
        return pass(block, limit, end);
    }

    /** Executes the block, or what it was translated to, as far as the budget goes. */
    private @Nullable Exit pass(Block block, int limit, long end) {
        long left = end - state.instructions;
        if (translator != null && left >= block.ops.length && Region.isCodeFlat(cpu)) {
            return translated(translator, block, limit, end);
        }
        return execute(block, (int) Math.min(left, limit));
    }

    /** To be called when anything changed that {@link #attend} looks at, but RFLAGS and the interrupt shadow. */
    private void watch() {
        cpu.isWatchful =
                windowWanted || nmiWindowWanted || injected != null || dueTraps != 0 || DebugUnit.isArmed(state.dr[7]);
    }

    // ---- boundaries where something may happen
    // --------------------------------------------------------------------------

    private @Nullable Exit attend(long end) {
        Event event = injected;
        if (event != null) {
            injected = null;
            watch();
            return deliver(event);
        }
        if (dueTraps != 0) {
            state.dr[6] |= dueTraps;
            dueTraps = 0;
            watch();
            return raise(cpu.fault(Vector.DEBUG), null);
        }
        if (windowWanted && isInterruptible() || nmiWindowWanted && acceptsNmi()) {
            return new Exit.InterruptWindow();
        }
        if (state.instructions >= end) {
            return new Exit.BudgetSpent();
        }
        return step(end);
    }

    /** One instruction, with the traps behind it. */
    private @Nullable Exit step(long end) {
        boolean traps = (state.rflags & RFlags.TRAP) != 0;
        boolean shadowed = state.interruptShadow;
        long resumes = state.rflags & RFlags.RESUME;
        boolean single = traps || shadowed || resumes != 0 || DebugUnit.isArmed(state.dr[7]);
        Block block;
        int limit;
        try {
            if (resumes == 0 && !shadowed && DebugUnit.isArmed(state.dr[7])) {
                long hits = DebugUnit.codeHits(state, linearRip());
                if (hits != 0) {
                    state.dr[6] |= hits;
                    throw cpu.fault(Vector.DEBUG);
                }
            }
            block = lookup();
            limit = cpu.ripMask == -1L ? block.ops.length : insideSegment(block);
        } catch (GuestException fault) {
            return raise(fault, null);
        }
        if (!single) {
            return pass(block, limit, end);
        }
        long before = state.instructions;
        state.interruptShadow = false;
        state.rflags &= ~RFlags.RESUME;
        cpu.debugHits = 0;
        cpu.trapSuppressed = false;
        iterated = false;
        Exit exit = execute(block, 1);
        if (state.instructions == before && !iterated) {
            restore(exit, shadowed, resumes);
        } else if (!cpu.trapSuppressed) {
            boolean stillTraps = traps && (block.ops[0].keepsTrap() || (state.rflags & RFlags.TRAP) != 0);
            dueTraps |= cpu.debugHits | (stillTraps ? DebugUnit.SINGLE_STEP : 0);
        }
        cpu.debugHits = 0;
        watch();
        return exit;
    }

    /** The instruction did not complete: if it will be started again as if nothing had been, so does what it began with. */
    private void restore(@Nullable Exit exit, boolean shadowed, long resumes) {
        if (exit != null) {
            state.interruptShadow = shadowed;
            state.rflags |= resumes;
        }
    }

    // ---- finding code
    // -----------------------------------------------------------------------------------------------------

    private long linearRip() {
        return cpu.ripMask == -1L ? cpu.rip : cpu.rip + state.segments[VcpuState.CS].base & 0xFFFF_FFFFL;
    }

    private Block lookup() {
        long linear = linearRip();
        long host = cpu.codeTlb.find(linear, cpu.generation);
        if (host >= 0) {
            Block block = jumps[place(host)];
            if (block != null && block.host == host && block.mode == cpu.codeMode) {
                return block;
            }
        }
        return translateAndFind(linear);
    }

    private static int place(long host) {
        return (int) (host ^ host >>> 12) & JUMP_MASK;
    }

    private Block translateAndFind(long linear) {
        if (cpu.ripMask != -1L && cpu.rip > state.segments[VcpuState.CS].limit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        long host = memory.translateFetch(cpu, linear);
        int mode = cpu.codeMode;
        Block known = jumps[place(host)];
        if (known != null && known.host == host && known.mode == mode) {
            return known;
        }
        long maddr = host - memory.machine().base();
        Block block = code.find(maddr >>> 12, (int) maddr & 4095, mode);
        if (block == null || block.spill != null) {
            return crossing(block, linear, maddr, mode);
        }
        jumps[place(host)] = block;
        return block;
    }

    /** The second page is translated and compared each time, so that it faults when its turn comes. */
    private Block crossing(@Nullable Block known, long linear, long maddr, int mode) {
        long following = (linear & -4096L) + 4096;
        long nextPage = memory.translateFetch(cpu, cpu.ripMask == -1L ? following : following & 0xFFFF_FFFFL);
        if (known != null) {
            byte[] spill = known.spill;
            if (spill != null && CodeCache.isCurrent(spill, nextPage)) {
                return known;
            }
            code.remove(known);
        }
        return code.crossing(maddr >>> 12, (int) maddr & 4095, mode, nextPage);
    }

    /** How many of the block's operations lie inside the limit of CS; none is #GP(0). */
    private int insideSegment(Block block) {
        long limit = state.segments[VcpuState.CS].limit;
        if (cpu.rip + block.end - block.start - 1 <= limit) {
            return block.ops.length;
        }
        int inside = 0;
        for (Op op : block.ops) {
            if (cpu.rip + op.offset - block.start + op.length - 1 > limit) {
                break;
            }
            inside++;
        }
        if (inside == 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return inside;
    }

    // ---- executing
    // ----------------------------------------------------------------------------------------------------------

    /** Enters the block's region, if it has one; else executes it, and asks for a region when that happens often. */
    private @Nullable Exit translated(Translator making, Block block, int limit, long end) {
        if (making.hasFinished) {
            making.takeOver();
        }
        if (block.region == null && ++block.heat == hot) {
            making.request(block);
        }
        Region region = block.region;
        if (region == null || !region.isReady() || !region.mayRun(cpu)) {
            return execute(block, limit);
        }
        cpu.ripBase = cpu.rip - block.start;
        cpu.opLimit = Integer.MAX_VALUE;
        cpu.regionEnd = end;
        int done;
        try {
            done = region.run(cpu, block.entry);
        } catch (GuestException fault) {
            return faulted(running(), fault);
        }
        if (done == 0) {
            cpu.running = null;
            return null;
        }
        return done == Region.FAULT ? faulted(running(), cpu.exception) : completed(running(), done);
    }

    private Block running() {
        Block block = cpu.running;
        if (block == null) {
            throw new IllegalStateException("no block is running");
        }
        return block;
    }

    private @Nullable Exit execute(Block block, int limit) {
        Op[] ops = block.ops;
        cpu.ripBase = cpu.rip - block.start;
        cpu.opLimit = limit;
        cpu.running = block;
        int done = 0;
        try {
            do {
                cpu.opIndex = done;
                ops[done++].execute(cpu);
            } while (done < cpu.opLimit);
        } catch (GuestException fault) {
            return faulted(block, fault);
        }
        return completed(block, done);
    }

    /** So many operations of the running block are complete. */
    private @Nullable Exit completed(Block block, int done) {
        Op[] ops = block.ops;
        cpu.running = null;
        state.instructions += done;
        if (done < ops.length || !block.endsWithControl) {
            cpu.rip = ops[done - 1].nextRip(cpu);
        }
        return block.endsWithControl && cpu.isUnusual() ? unusual(ops[done - 1]) : null;
    }

    /** The operation that has just ended is not simply complete. */
    private @Nullable Exit unusual(Op op) {
        Event event = cpu.softwareEvent;
        Exit exit = cpu.exit;
        cpu.softwareEvent = null;
        cpu.exit = null;
        iterated = cpu.repeatAgain;
        boolean incomplete = event != null || cpu.repeatAgain || exit != null && cpu.exitsBefore;
        cpu.repeatAgain = false;
        cpu.exitsBefore = false;
        if (incomplete) {
            state.instructions--;
            cpu.rip = op.rip(cpu);
        }
        if (event != null && cpu.intercepts.systemEntries()) {
            return new Exit.SoftwareInterrupt(event);
        }
        return event != null ? deliver(event) : exit;
    }

    private @Nullable Exit faulted(Block block, GuestException fault) {
        int done = cpu.opIndex;
        Op op = block.ops[done];
        cpu.running = null;
        cpu.repeatAgain = false;
        cpu.exit = null;
        cpu.softwareEvent = null;
        if (!cpu.ripIsCommitted) {
            cpu.rip = op.rip(cpu);
        }
        state.instructions += done;
        if (fault.reason == GuestException.Reason.NON_CANONICAL && op.isStackOperand()) {
            fault = cpu.fault(Vector.STACK_FAULT);
        }
        return raise(fault, null);
    }

    // ---- events
    // ---------------------------------------------------------------------------------------------------------------

    /** @return null when the guest runs on in its handler */
    private @Nullable Exit deliver(Event event) {
        try {
            EventDelivery.deliver(cpu, event);
            if (event.isSoftware()) {
                state.instructions++;
                cpu.trapSuppressed = true;
            }
            return null;
        } catch (GuestException fault) {
            return raise(fault, event);
        }
    }

    /**
     * An exception was raised by an instruction, or by the delivery of {@code interrupted}: leaves the guest or delivers what becomes of the two.
     *
     * @return null when the guest runs on in its handler
     */
    private @Nullable Exit raise(GuestException fault, @Nullable Event interrupted) {
        cpu.ripIsCommitted = false;
        Event first = interrupted;
        GuestException second = fault;
        while (true) {
            if (second.reason == GuestException.Reason.NESTED_FAULT) {
                return new Exit.NestedFault(second.guestPhysical, second.errorCode, second.linear, first);
            }
            int vector = second.vector;
            if (vector == Vector.PAGE_FAULT && second.reason == GuestException.Reason.PAGE_FAULT) {
                if (cpu.intercepts.exception(vector)) {
                    return new Exit.PageFault(second.linear, second.errorCode, first);
                }
                state.cr2 = second.linear;
            }
            Event event = Event.exception(vector, second.errorCode & ~PageFaultCode.IMPLICIT);
            if (cpu.intercepts.exception(vector)) {
                return new Exit.Exception(event, first);
            }
            if (first != null && first.kind() == Event.Kind.EXCEPTION) {
                switch (Vector.combine(first.vector(), vector)) {
                    case SERIAL -> {}
                    case DOUBLE_FAULT -> event = Event.exception(Vector.DOUBLE_FAULT, 0);
                    case TRIPLE_FAULT -> {
                        return new Exit.TripleFault();
                    }
                }
                if (event.vector() == Vector.DOUBLE_FAULT && cpu.intercepts.exception(Vector.DOUBLE_FAULT)) {
                    return new Exit.Exception(event, null);
                }
            }
            try {
                EventDelivery.deliver(cpu, event);
                return null;
            } catch (GuestException third) {
                first = event;
                second = third;
            }
        }
    }

    // ---- completing from outside of run
    // ---------------------------------------------------------------------------------------

    /** The instruction at RIP is complete: what follows an instruction takes effect. */
    void retired(long nextRip) {
        cpu.codeModeChanged();
        state.rip = nextRip & cpu.ripMask;
        state.instructions++;
        state.interruptShadow = false;
        if ((state.rflags & RFlags.TRAP) != 0) {
            dueTraps |= DebugUnit.SINGLE_STEP;
        }
        dueTraps |= cpu.debugHits;
        cpu.debugHits = 0;
        state.rflags &= ~RFlags.RESUME;
    }

    /** Finds the operation at RIP for emulation, from mapped code or else through the port. */
    Op opForEmulation() {
        long linear = linearRip();
        SegmentRegister cs = state.segments[VcpuState.CS];
        if (cpu.ripMask != -1L && cpu.rip > cs.limit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        int mode = cpu.codeMode;
        long host = memory.tryFetch(cpu, linear);
        if (host >= 0) {
            long maddr = host - memory.machine().base();
            Block block = code.find(maddr >>> 12, (int) maddr & 4095, mode);
            if (block != null && block.spill == null) {
                return block.ops[0];
            }
        }
        return CodeCache.fetchThroughPort(cpu, linear, mode);
    }
}
