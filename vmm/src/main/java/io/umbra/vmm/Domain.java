package io.umbra.vmm;

import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.Counter;
import io.umbra.shadow.Counters;
import io.umbra.shadow.DemandMemory;
import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.NestedPaging;
import io.umbra.shadow.P2m;
import io.umbra.shadow.Paging;
import io.umbra.shadow.ShadowPaging;
import io.umbra.shadow.Trace;
import io.umbra.vmm.apic.ApicModelRegisters;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.firmware.Firmware;
import io.umbra.vmm.hvm.HvmInterface;
import io.umbra.vmm.hvm.HvmMachine;
import io.umbra.vmm.loader.BootModule;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.LoadRequest;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.RFlags;
import io.umbra.x86.StateImage;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A guest and what it runs in: memory, one vCPU, paging and devices. {@link #run} is the loop that every hypervisor has: enter the guest, handle why it came back.
 *
 * <p>Time is virtual unless configured otherwise: one retired instruction takes a nanosecond, and when the vCPU halts, time jumps to the next event. So a run is a function of its image and its
 * input alone.
 */
public final class Domain implements Guest {
    /** Instructions after which input and limits are looked at, at the latest. */
    private static final long SLICE = 1_000_000;
    /** The same under wall time, where events come by the host's clock. */
    private static final long WALL_SLICE = 20_000;
    /** Page faults between two audits. */
    private static final long AUDIT_EVERY = 5_000;
    /** Machine frames besides RAM and pool: the P2M's tables, and what alignment wastes. */
    private static final long SPARE_FRAMES = 16 * 512;

    /** The control register that shows the local APIC's task priority. */
    private static final int TASK_PRIORITY = 8;

    private final MachineMemory memory;
    private final FrameAllocator frames;
    private final SoftwareProcessor processor;
    private final VcpuState state;
    private final Paging paging;
    private final Vcpu vcpu;
    private final Platform platform;
    private final MemoryTypeRegisters memoryTypes = new MemoryTypeRegisters();
    private final DomainConfig config;
    /** Of the policy: asked for at each exit. */
    private final long blowEvery;

    private final ConsoleInput input;
    private final GuestRam ram;
    private final MemoryMap map;
    private final TextScreen screen;
    private final @Nullable Verifier verifier;
    private final P2m p2m;
    private final @Nullable PeriodicMerging merging;
    private @Nullable DirtyMeter meter;
    private final ExitCounts exits = new ExitCounts();
    private final @Nullable HvmInterface xen;

    /** By the host's clock, for wall time. */
    private long started = System.nanoTime();
    /** Virtual nanoseconds that passed while the vCPU was halted. */
    private long skipped;
    /** Page faults counted at the last audit. */
    private long auditedAt;

    private long limit = Long.MAX_VALUE;
    /** When {@link #runUntil} returns, in virtual nanoseconds. */
    private long pauseAt = Long.MAX_VALUE;
    /** When {@link #runTo} returns, in instructions. */
    private long pauseAtInstruction = Long.MAX_VALUE;
    /** Before the domain was restored. */
    private long verifiedBefore;
    /** How often the domain was restored. */
    private int incarnation;

    /** The processor runs: what {@link #state} says may be stale. */
    private boolean isInside;

    private boolean hidesHypercalls;
    /** On its serial port or the debug console. */
    private boolean hasPrinted;

    private volatile @Nullable GuestEnd stopReason;

    /** @param console takes what the guest prints, byte by byte */
    public Domain(DomainConfig config, IntConsumer console, ConsoleInput input) {
        this(config, console, input, Trace.OFF);
    }

    /** @param trace is told of everything that the domain's paging does, from the first moment on */
    public Domain(DomainConfig config, IntConsumer console, ConsoleInput input, Trace trace) {
        this.config = config;
        this.blowEvery = config.policy().blowEvery();
        this.input = input;
        this.map = new MemoryMap(config.memoryBytes(), config.abi() == DomainConfig.Abi.XEN);
        long ramFrames = config.memoryBytes() >>> 12;
        long residentFrames = Math.min(ramFrames, config.ram().mostResident());
        long needed = residentFrames + ramFrames / 256 + config.policy().poolPages() + SPARE_FRAMES;
        this.memory = new MachineMemory(needed + 511 & -512L);
        this.frames = new FrameAllocator(memory.frames(), config.seed());
        this.p2m = new P2m(memory, frames);
        this.ram = new GuestRam(memory, frames, p2m, map, config.ram().onDemand());
        this.state = new VcpuState();
        this.platform = new Platform(map, config.startDate(), state, this::timeStamp, printed -> {
            hasPrinted = true;
            console.accept(printed);
        });
        this.screen = new TextScreen(ram, platform.screen);
        this.processor = new SoftwareProcessor(state, memory, config.translation());
        trace.begin(processor::retired);
        this.paging = switch (config.paging()) {
            case SHADOW -> new ShadowPaging(memory, frames, p2m, platform.memory, config.policy(), trace);
            case NESTED -> new NestedPaging(memory, p2m, platform.memory, trace);
        };
        this.merging = demandMemory();
        this.verifier = config.verify() ? new Verifier(ram) : null;
        this.vcpu = new Vcpu(0, processor, paging, verifier, config.wallTime(), this::budget, this::readQuietly);
        ram.watch(paging::memoryWritten);
        this.xen = config.abi() == DomainConfig.Abi.XEN ? xen(console) : null;
    }

    private HvmInterface xen(IntConsumer console) {
        HvmMachine machine = new HvmMachine(
                state,
                memory,
                frames,
                ram,
                p2m,
                paging,
                platform.clock,
                platform.apic,
                platform::line,
                this::flush,
                map);
        return new HvmInterface(
                machine,
                config.memoryBytes() >>> 12,
                console,
                config.startDate(),
                reason -> platform.ended(GuestEnd.of(reason)),
                () -> platform.ended(GuestEnd.VCPU_DOWN));
    }

    private void flush() {
        processor.flush();
        paging.invalidateContext(0);
    }

    private @Nullable PeriodicMerging demandMemory() {
        RamPlan plan = config.ram();
        if (!plan.onDemand()) {
            return null;
        }
        DemandMemory demand = new DemandMemory(memory, frames, p2m, plan.mostResident(), paging.counters());
        return plan.mergeEvery() == 0 ? null : new PeriodicMerging(demand, ram.end(), plan.mergeEvery());
    }

    /**
     * Puts a guest into the domain's memory and its vCPU to the guest's first instruction.
     *
     * @throws LoadException with one line for the user
     */
    public void load(GuestImage image, String commandLine, byte @Nullable [] initrd) throws LoadException {
        load(image, new LoadRequest(commandLine, initrd, map, Firmware.ACPI_ROOT_POINTER));
    }

    /** The same with what a Multiboot image may be handed: any number of modules. */
    public void loadWithModules(GuestImage image, String commandLine, List<BootModule> modules) throws LoadException {
        load(image, new LoadRequest(commandLine, modules, map, Firmware.ACPI_ROOT_POINTER));
    }

    private void load(GuestImage image, LoadRequest request) throws LoadException {
        Firmware.writeTables(ram);
        FirmwareItems.add(platform.firmwareConfig, request);
        EntryRegisters.set(state, image.load(ram, request));
        paging.reset(0);
    }

    /** The run ends when so many instructions are retired. */
    public void limit(long instructions) {
        limit = instructions;
    }

    /**
     * Log-dirty will be on during the run, its bitmap cleaned at the end of each period. To be called before the run and after loading.
     *
     * @param period nanoseconds of virtual time
     * @param verify at each period's end, hold all memory against the bitmap; what is missing there ends the run with an {@link io.umbra.x86.InvariantViolation}
     * @return what was measured, once the run has ended
     */
    public DirtySeries logDirty(long period, boolean verify) {
        DirtySeries series = new DirtySeries(period);
        DirtyVerifier dirtyVerifier = verify ? new DirtyVerifier(memory, p2m, series) : null;
        meter = new DirtyMeter(paging.logDirty(), series, dirtyVerifier);
        return series;
    }

    /** Only of a domain with Umbra's own interface. Hides the counters from the guest, so that what it prints cannot depend on the policy: no hypercall exists, and CPUID does not announce any. */
    public void hideHypercalls() {
        hidesHypercalls = true;
    }

    @Override
    public Domain domain() {
        return this;
    }

    @Override
    public void stop(GuestEnd reason) {
        stopReason = reason;
        processor.requestStop();
    }

    /** Ends the run between two exits, from any thread: with that, how far the guest came does not depend on where its processor can be stopped. */
    void stopBetweenExits(GuestEnd reason) {
        stopReason = reason;
    }

    /** Instructions retired so far. May be called from any thread; it may then lag a little. */
    public long instructions() {
        return state.instructions;
    }

    /** Of the next instruction, between two runs. */
    long rip() {
        return state.rip;
    }

    public Counters counters() {
        return paging.counters();
    }

    /** What the processor did so far. */
    public ProcessorCounts processorCounts() {
        return ProcessorCounts.of(processor.tlbCounts(), exits);
    }

    public VcpuState state() {
        return state;
    }

    /** What the guest asked for by Xen's interface, by name in alphabetic order. */
    public Map<String, Long> hypercalls() {
        return xen == null ? Map.of() : xen.hypercalls();
    }

    /** Xen's interface as the guest has it, or null. */
    @Nullable
    HvmInterface xen() {
        return xen;
    }

    /** What stands on the guest's text screen: 25 lines of at most 80 characters. */
    public String screen() {
        return screen.text();
    }

    /** Translations that {@code --verify} held against the definition. */
    public long verified() {
        return verifiedBefore + (verifier == null ? 0 : verifier.checked());
    }

    void carryVerified(long translations) {
        verifiedBefore += translations;
    }

    @Override
    public GuestEnd run() {
        try {
            begin();
            GuestEnd end = null;
            while (end == null) {
                end = runUntil(Long.MAX_VALUE);
            }
            return ended(end);
        } finally {
            drain();
        }
    }

    /** What comes before the first {@link #runTo}. */
    void begin() {
        if (meter != null) {
            meter.begin();
        }
    }

    /** What comes after a run that ended so. @return how it ended indeed */
    GuestEnd ended(GuestEnd end) {
        try {
            if (meter != null) {
                meter.end(now());
            }
            return end;
        } catch (DomainCrash crash) {
            return new GuestEnd.Crashed(crash.reason());
        }
    }

    /** What the guest left in its console ring is printed. */
    void drain() {
        if (xen != null) {
            xen.drain();
        }
    }

    /**
     * Runs the guest until it has retired so many instructions, or to its end.
     *
     * @return null when the guest has not ended
     */
    @Nullable
    GuestEnd runTo(long instructions) {
        pauseAtInstruction = instructions;
        try {
            GuestEnd end = null;
            while (end == null && state.instructions < instructions) {
                end = step();
            }
            return end;
        } catch (DomainCrash crash) {
            return new GuestEnd.Crashed(crash.reason());
        } finally {
            pauseAtInstruction = Long.MAX_VALUE;
        }
    }

    /**
     * Runs the guest until {@code time}, to the instruction, or to its end. While the guest is halted time passes in jumps, so it may be later then.
     *
     * @param time in nanoseconds, as {@link #now}
     * @return null when the guest has not ended
     */
    @Nullable
    GuestEnd runUntil(long time) {
        pauseAt = time;
        try {
            GuestEnd end = null;
            while (end == null && now() < time) {
                end = step();
            }
            return end;
        } catch (DomainCrash crash) {
            return new GuestEnd.Crashed(crash.reason());
        }
    }

    private @Nullable GuestEnd step() {
        platform.clock.advanceTo(now());
        if (meter != null) {
            meter.advanceTo(now());
        }
        if (merging != null) {
            merging.advanceTo(now());
        }
        feedInput();
        offerInterrupts();
        isInside = true;
        Exit exit = processor.run(budget());
        isInside = false;
        exits.count(exit);
        platform.clock.advanceTo(now());
        GuestEnd end = handle(exit);
        if (end == null) {
            end = platform.end();
        }
        if (end == null && vcpu.isShutDown()) {
            end = tripleFault();
        }
        if (end == null && stopReason != null) {
            end = stopReason;
        }
        if (verifier != null) {
            auditWhenDue(end != null);
        }
        return end == null && state.instructions >= limit ? limitReached() : end;
    }

    /** Under {@code --verify} the shadows themselves are audited now and then, and at the end. */
    private void auditWhenDue(boolean atEnd) {
        long faults = paging.counters().get(Counter.PAGE_FAULT);
        if (atEnd || faults - auditedAt >= AUDIT_EVERY) {
            auditedAt = faults;
            paging.audit();
            if (paging.tlbsAreCurrent()) {
                processor.auditTlb();
            }
        }
    }

    private GuestEnd limitReached() {
        return new GuestEnd.LimitReached("the limit of " + limit + " instructions was reached");
    }

    // ---- time
    // --------------------------------------------------------------------------------------------------------

    /** Nanoseconds since the machine was switched on, but for those in which it was saved. */
    long now() {
        return config.wallTime() ? System.nanoTime() - started : state.instructions + skipped;
    }

    /** What RDTSC gives. */
    private long timeStamp() {
        return config.wallTime() ? now() : state.instructions + state.tscOffset;
    }

    /** Instructions until something must be looked at. */
    private long budget() {
        long budget = Math.min(config.wallTime() ? WALL_SLICE : SLICE, limit - state.instructions);
        if (!config.wallTime()) {
            budget = Math.min(budget, platform.clock.nextEvent() - now());
        }
        if (meter != null) {
            budget = Math.min(budget, meter.nextEnd() - now());
        }
        if (merging != null) {
            budget = Math.min(budget, merging.next() - now());
        }
        budget = Math.min(budget, pauseAt - now());
        budget = Math.min(budget, pauseAtInstruction - state.instructions);
        long every = blowEvery;
        if (every > 0) {
            budget = Math.min(budget, every - state.instructions % every);
        }
        return Math.max(1, budget);
    }

    /**
     * A port whose device changes nothing when it is read, at a moment before the next event: nothing would come of leaving the guest. Under wall time an event may be due at any moment.
     *
     * @return -1 for any other
     */
    private long readQuietly(int port, int size, long retired) {
        if (config.wallTime() || !platform.ports.isQuiet(port, size)) {
            return -1;
        }
        exits.countPortRead();
        platform.clock.advanceTo(retired + skipped);
        return platform.ports.read(port, size);
    }

    /** When every vCPU halts, time jumps to the next event. */
    private @Nullable GuestEnd halted() {
        boolean nmiMayCome = !state.nmiBlocked && (platform.apic.hasNmi() || platform.mayCauseNmi());
        if (!state.interruptsEnabled() && !nmiMayCome) {
            return new GuestEnd.PoweredOff("the guest halted with interrupts disabled: powered off");
        }
        if (xen == null) {
            return await(this::isWoken);
        }
        xen.blocked(true);
        GuestEnd end = await(this::isWoken);
        xen.blocked(false);
        return end;
    }

    /** A hypercall has put the vCPU to sleep. */
    private @Nullable GuestEnd asleep(HvmInterface sleeper) {
        sleeper.blocked(true);
        GuestEnd end =
                await(() -> sleeper.tryWake(platform.hasInterrupt() || !state.nmiBlocked && platform.apic.hasNmi()));
        sleeper.blocked(false);
        return end;
    }

    private @Nullable GuestEnd await(BooleanSupplier isWoken) {
        while (!isWoken.getAsBoolean()) {
            if (stopReason != null) {
                return stopReason;
            }
            feedInput();
            if (isWoken.getAsBoolean()) {
                return null;
            }
            long next = platform.clock.nextEvent();
            if (next == VirtualClock.NEVER) {
                if (!input.isOpen()) {
                    return new GuestEnd.Crashed("the guest halted and nothing can wake it");
                }
                input.await(100);
            } else {
                skipTo(next);
            }
        }
        return null;
    }

    private boolean isWoken() {
        return state.interruptsEnabled() && hasInterrupt() || !state.nmiBlocked && platform.apic.hasNmi();
    }

    /** The callback's vector goes first. */
    private int acknowledge() {
        return xen != null && xen.hasCallback() ? xen.callbackVector() : platform.acknowledge();
    }

    private boolean hasInterrupt() {
        if (xen != null) {
            xen.drive();
        }
        return xen != null && xen.hasCallback() || platform.hasInterrupt();
    }

    private void skipTo(long next) {
        long distance = Math.max(0, next - now());
        if (config.wallTime()) {
            input.await(Math.max(1, distance / 1_000_000));
            platform.clock.advanceTo(now());
            return;
        }
        skipped += distance;
        state.tscOffset += distance;
        platform.clock.advanceTo(now());
        if (input.isOpen()) {
            input.await(distance / 1_000_000);
        }
    }

    private void feedInput() {
        input.looked();
        if (xen != null && xen.hasConsole()) {
            xen.type(input::take);
            return;
        }
        if (xen != null && !hasPrinted) {
            return;
        }
        int room = platform.serial.freeSpace();
        if (room > 0) {
            byte[] typed = input.take(room);
            if (typed.length > 0) {
                platform.serial.receive(typed);
            }
        }
    }

    /** What was acknowledged already goes first, then NMI. */
    private void offerInterrupts() {
        vcpu.deliverPostponed();
        if (platform.apic.hasNmi() && processor.acceptsNmi()) {
            platform.apic.acknowledgeNmi();
            processor.inject(Event.nmi());
            exits.countInterrupt();
        }
        if (hasInterrupt() && !vcpu.postpones(Event.Kind.EXTERNAL) && processor.isInterruptible()) {
            processor.inject(Event.external(acknowledge()));
            exits.countInterrupt();
        }
        processor.nmiWindow(vcpu.postpones(Event.Kind.NMI) || platform.apic.hasNmi());
        processor.interruptWindow(vcpu.postpones(Event.Kind.EXTERNAL) || hasInterrupt());
    }

    // ---- exits
    // -------------------------------------------------------------------------------------------------------

    private @Nullable GuestEnd handle(Exit exit) {
        switch (exit) {
            case Exit.PageFault fault -> vcpu.pageFaultExit(fault.linear(), fault.code(), fault.interrupted());
            case Exit.NestedFault fault ->
                vcpu.nestedFaultExit(fault.guestPhysical(), fault.access(), fault.linear(), fault.interrupted());
            case Exit.ControlRegister write -> controlRegisterWritten(write);
            case Exit.EferWritten write -> paging.eferWritten(0, write.old());
            case Exit.TimeStampWritten written -> timeStampWritten();
            case Exit.InvalidatePage page -> paging.invalidatePage(0, page.linear());
            case Exit.InvalidateContext context -> paging.invalidateContext(0);
            case Exit.PortRead read -> processor.completePortRead((int) platform.ports.read(read.port(), read.size()));
            case Exit.PortWrite write -> platform.ports.write(write.port(), write.size(), write.value() & 0xFFFF_FFFFL);
            case Exit.Cpuid cpuid -> {
                CpuIdentity.answer(state, platform.apic.mode(), hidesHypercalls ? null : config.abi());
                processor.retire(cpuid.length());
            }
            case Exit.MsrRead read -> readModelRegister(read);
            case Exit.MsrWrite write -> writeModelRegister(write);
            case Exit.TimeStamp stamp -> readTime(stamp);
            case Exit.Hypercall call -> {
                if (xen != null) {
                    return hypercall(xen, call.length());
                }
                if (hidesHypercalls) {
                    Hypercalls.refuse(state);
                } else {
                    Hypercalls.call(state, paging);
                }
                processor.retire(call.length());
            }
            case Exit.SystemCall call -> throw unasked(exit);
            case Exit.SoftwareInterrupt interrupt -> throw unasked(exit);
            case Exit.Exception exception -> vcpu.raise(exception.event(), exception.interrupted());
            case Exit.Halt halt -> {
                return halted();
            }
            case Exit.TripleFault fault -> {
                return tripleFault();
            }
            case Exit.BudgetSpent spent -> blowWhenDue();
            case Exit.InterruptWindow window -> {}
            case Exit.Stopped stopped -> {}
        }
        return null;
    }

    /** What is not done is executed again, as an instruction of its own, when what is due meanwhile has been looked at. */
    private @Nullable GuestEnd hypercall(HvmInterface called, int length) {
        if (called.call()) {
            processor.retire(length);
        } else {
            long trap = state.rflags & RFlags.TRAP;
            state.rflags &= ~RFlags.TRAP;
            processor.retire(length);
            state.rflags |= trap;
            state.rip -= length;
        }
        return called.isAsleep() && platform.end() == null ? asleep(called) : null;
    }

    private void timeStampWritten() {
        platform.apic.timeStampChanged();
        if (xen != null && !config.wallTime()) {
            xen.timeStampAtZero(state.tscOffset - skipped);
        }
    }

    private static InvariantViolation unasked(Exit exit) {
        return new InvariantViolation("EXIT-1", exit + " is not intercepted here");
    }

    private GuestEnd tripleFault() {
        return new GuestEnd.Reset("the guest's processor shut down (triple fault) at rip 0x%x".formatted(state.rip));
    }

    private void blowWhenDue() {
        long every = blowEvery;
        if (every > 0 && state.instructions % every == 0) {
            paging.blow();
        }
    }

    private void controlRegisterWritten(Exit.ControlRegister write) {
        if (write.number() == TASK_PRIORITY) {
            platform.apic.controlRegister8Written(state.cr8);
        } else {
            paging.controlRegisterWritten(0, write.number(), write.old());
        }
    }

    private void readModelRegister(Exit.MsrRead read) {
        int index = read.index();
        OptionalLong value;
        if (ApicModelRegisters.has(index)) {
            value = platform.apicRegisters.read(index);
        } else if (MemoryTypeRegisters.has(index)) {
            value = memoryTypes.read(index);
        } else if (xen != null && HvmInterface.hasRegister(index)) {
            value = OptionalLong.of(0);
        } else {
            value = ModelRegisters.read(index);
        }
        if (value.isEmpty()) {
            processor.inject(Event.exception(Vector.GENERAL_PROTECTION, 0));
            return;
        }
        state.gpr[VcpuState.RAX] = value.getAsLong() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = value.getAsLong() >>> 32;
        processor.retire(read.length());
    }

    private void writeModelRegister(Exit.MsrWrite write) {
        int index = write.index();
        boolean done;
        if (ApicModelRegisters.has(index)) {
            done = platform.apicRegisters.write(index, write.value());
        } else if (MemoryTypeRegisters.has(index)) {
            done = memoryTypes.write(index, write.value());
        } else if (xen != null && HvmInterface.hasRegister(index)) {
            done = xen.writeRegister(write.value());
        } else {
            done = ModelRegisters.write(index);
        }
        if (done) {
            processor.retire(write.length());
        } else {
            processor.inject(Event.exception(Vector.GENERAL_PROTECTION, 0));
        }
    }

    private void readTime(Exit.TimeStamp stamp) {
        long time = now();
        state.gpr[VcpuState.RAX] = time & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = time >>> 32;
        if (stamp.withAux()) {
            state.gpr[VcpuState.RCX] = state.tscAux & 0xFFFF_FFFFL;
        }
        processor.retire(stamp.length());
    }

    // ---- for those who save and restore
    // --------------------------------------------------------------------------------------------------------

    public DomainConfig config() {
        return config;
    }

    MachineDescription description() {
        return MachineDescription.of(config, hidesHypercalls);
    }

    Paging paging() {
        return paging;
    }

    P2m p2m() {
        return p2m;
    }

    GuestRam ram() {
        return ram;
    }

    /** A crash in the middle of an instruction ended the domain, and left its registers as they were there. */
    boolean isBrokenOff() {
        return isInside;
    }

    /** Adds all that must be the same in another run of the same guest, but for memory and {@link #devices}. Not while it runs. */
    void describe(StateImage image) {
        DomainImage.add(this, image);
    }

    SoftwareProcessor processor() {
        return processor;
    }

    FrameAllocator frames() {
        return frames;
    }

    /** Virtual nanoseconds that passed while the vCPU was halted. */
    long skipped() {
        return skipped;
    }

    ExitCounts exits() {
        return exits;
    }

    /** The devices, and what else of the machine is in neither memory nor vCPU. */
    List<Persistent> devices() {
        List<Persistent> devices = new ArrayList<>();
        devices.add(new P2mPart(p2m, ram));
        devices.addAll(platform.parts());
        devices.add(memoryTypes);
        return devices;
    }

    MachineMemory memory() {
        return memory;
    }

    ConsoleInput input() {
        return input;
    }

    long limit() {
        return limit;
    }

    int incarnation() {
        return incarnation;
    }

    /**
     * What determines the guest's future, beside the contents of memory, in the order in which it is restored.
     *
     * @param inputStays what was typed and has not reached the guest is not in it
     */
    List<Persistent> parts(boolean inputStays) {
        List<Persistent> parts = new ArrayList<>();
        parts.add(new P2mPart(p2m, ram));
        parts.addAll(platform.parts());
        parts.add(new VcpuPart(processor, vcpu));
        parts.add(memoryTypes);
        parts.add(new CountersPart(this, paging.counters(), exits));
        parts.add(new ConsolePart(input, inputStays));
        return parts;
    }

    /**
     * All parts are restored: time goes on.
     *
     * @param elapsed what {@link #now} was when the domain was saved
     * @throws StateException when the parts have seen later times than that
     */
    void resume(long elapsed, int lives) throws StateException {
        if (elapsed < state.instructions || elapsed < platform.clock.now()) {
            throw new StateException("its clocks contradict each other");
        }
        incarnation = lives;
        skipped = elapsed - state.instructions;
        started = System.nanoTime() - elapsed;
        paging.reset(0);
    }

    /**
     * Ends the domain and returns all that it has.
     *
     * @throws InvariantViolation (FRAME-2) when frames are missing then
     */
    void destroy() {
        if (xen != null) {
            xen.close();
        }
        paging.close();
        ram.release();
        p2m.free();
        long missing = memory.frames() - 1 - frames.freeFrames();
        close();
        if (missing != 0) {
            throw new InvariantViolation("FRAME-2", missing + " frames of a domain that has ended are still allocated");
        }
    }

    @Override
    public void close() {
        processor.close();
        memory.close();
    }
}
