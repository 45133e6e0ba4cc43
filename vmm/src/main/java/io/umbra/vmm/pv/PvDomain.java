package io.umbra.vmm.pv;

import io.umbra.processor.CpuFeatures;
import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.Counters;
import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.PvPaging;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.shadow.pv.AbsentEntries;
import io.umbra.shadow.pv.AuditCounts;
import io.umbra.shadow.pv.PvHost;
import io.umbra.shadow.pv.PvMachine;
import io.umbra.shadow.pv.PvPolicy;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.ConsoleInput;
import io.umbra.vmm.ExitCounts;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.ProcessorCounts;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.XenPvKernel;
import io.umbra.vmm.xen.EventChannels;
import io.umbra.vmm.xen.RunState;
import io.umbra.vmm.xen.Services;
import io.umbra.vmm.xen.SharedInfo;
import io.umbra.vmm.xen.SharedLayout;
import io.umbra.vmm.xen.SharedMemory;
import io.umbra.vmm.xen.Store;
import io.umbra.vmm.xen.VcpuInfo;
import io.umbra.vmm.xen.VcpuTimers;
import io.umbra.vmm.xen.XenGuest;
import io.umbra.x86.Exit;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.Intercepts;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.VcpuState;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A domain that runs a 64-bit PV guest on one vCPU, and the loop around it. Its pagetables are its own, audited ({@link PvPaging}).
 *
 * <p>Time is as in {@link io.umbra.vmm.Domain}: a retired instruction takes a nanosecond, and when the vCPU sleeps, time jumps to the next event. System time, the TSC and the clock of the timers are
 * one number.
 */
public final class PvDomain implements AutoCloseable {
    /** Instructions after which input and limits are looked at, at the latest. */
    private static final long SLICE = 1_000_000;
    /** The same under wall time. */
    private static final long WALL_SLICE = 20_000;
    /** Machine frames besides RAM: pagetables of the hypervisor's own, the M2P, shared pages. */
    private static final long SPARE_FRAMES = 4 * 512;

    private static final int DOMAIN = 1;

    private final PvConfig config;
    private final MachineMemory memory;
    private final SoftwareProcessor processor;
    private final VcpuState state = new VcpuState();
    private final PvTables tables;
    private final PvPaging paging;
    private final PvVcpu vcpu;
    private final VirtualClock clock = new VirtualClock();
    private final SharedMemory sharedMemory;
    private final SharedInfo shared;
    private final long sharedFrame;
    private final EventChannels events;
    private final PvCounts counts = new PvCounts();
    private final PvEnd end = new PvEnd();
    private final ExitCounts exitCounts = new ExitCounts();
    private final RunState runState = new RunState();
    private final GuestMemory kernelMemory;
    private final IntConsumer console;
    private final ConsoleInput input;

    private final long started = System.nanoTime();
    /** Virtual nanoseconds that passed while the vCPU slept. */
    private long skipped;

    private long limit = Long.MAX_VALUE;
    private @Nullable ShadowSwitch shadowSwitch;
    private volatile @Nullable GuestEnd stopReason;
    private @Nullable ForcedShadows forced;
    private @Nullable Services services;
    private @Nullable PvExits exits;
    private @Nullable PvGuest guest;

    /** @param console takes what the guest prints, byte by byte */
    public PvDomain(PvConfig config, IntConsumer console, ConsoleInput input) {
        this.config = config;
        this.console = console;
        this.input = input;
        long frames = (config.memoryBytes() >>> 12)
                + (config.memoryBytes() >>> 20)
                + config.policy().poolPages()
                + SPARE_FRAMES;
        memory = new MachineMemory(frames + 511 & -512L);
        FrameAllocator allocator = new FrameAllocator(memory.frames(), config.seed());
        PvMachine machine = new PvMachine(memory, allocator);
        tables = new PvTables(machine, DOMAIN, 1, new Host(), policyOfTables());
        processor = new SoftwareProcessor(state, memory, config.translation());
        paging = new PvPaging(tables, memory, allocator, number -> vcpu().isKernel(), config.policy());
        sharedMemory = SharedMemory.of(memory);
        sharedFrame = tables.share(true);
        shared = new SharedInfo(sharedMemory, sharedFrame << 12, SharedLayout.WIDE);
        VcpuInfo info = new VcpuInfo(shared, 0);
        vcpu = new PvVcpu(processor, info, paging, tables);
        events = new EventChannels(shared, info);
        kernelMemory = new GuestMemory(memory, tables::kernelBase, paging::markDirty);
        processor.intercept(Intercepts.DEPRIVILEGED.withTimeStamp(config.wallTime()));
        paging.attach(state, processor, processor);
        info.masked(true);
        for (int other = 1; other < 32; other++) {
            new VcpuInfo(shared, other).masked(true);
        }
        info.writeTime();
        shared.wallClock(config.startDate());
    }

    private PvPolicy policyOfTables() {
        return switch (config.policy().pvL1tf()) {
            case OFF -> PvPolicy.DEFAULT;
            case SHADOW, CRASH ->
                PvPolicy.DEFAULT.with(AbsentEntries.audited(
                        CpuFeatures.PHYSICAL_ADDRESS_BITS, memory.frames() << MachineMemory.FRAME_SHIFT));
        };
    }

    private PvVcpu vcpu() {
        return vcpu;
    }

    /** What the tables ask of whoever runs the vCPU. */
    private final class Host implements PvHost {
        @Override
        public void flushAll() {
            processor.flush();
        }

        @Override
        public void invalidate(int number, long linear) {
            processor.invalidate(linear);
        }

        @Override
        public void loadBase(int number, long mfn) {
            if (vcpu.isKernel()) {
                vcpu.loadBase();
            }
        }

        @Override
        public void markDirty(long mfn) {
            paging.markDirty(mfn);
        }

        @Override
        public void removeShadows(long mfn) {
            paging.removeShadows(mfn);
        }

        @Override
        public void entryWritten(long maddr) {
            paging.entryWritten(maddr);
        }

        @Override
        public boolean hideTables(int level, long maddr, long entry) {
            return forceShadows(new ForcedShadows(state.instructions, counts.latest(), level, maddr, entry));
        }
    }

    /**
     * Xen: {@code pv_l1tf_tasklet}.
     *
     * @return false when the domain ends instead
     */
    private boolean forceShadows(ForcedShadows why) {
        if (config.policy().pvL1tf() == ShadowPolicy.PvL1tf.CRASH) {
            end.is(new GuestEnd.Crashed(why.text()));
            return false;
        }
        try {
            paging.force();
        } catch (DomainCrash crash) {
            end.is(new GuestEnd.Crashed(why.text() + ", and there is no room for shadows: " + crash.reason()));
            return false;
        }
        forced = why;
        return true;
    }

    // ---- before the run
    // -----------------------------------------------------------------------------------------------------------

    /**
     * Builds the guest and puts the vCPU to its first instruction.
     *
     * @param initrd empty for none
     * @throws LoadException with one line for the user
     */
    public void load(XenPvKernel kernel, String commandLine, byte[] initrd) throws LoadException {
        long pages = config.memoryBytes() >>> 12;
        PvBuilder builder = new PvBuilder(memory, tables, kernel, pages);
        Services connected = new Services(sharedMemory, events, console, Store.of(DOMAIN, pages));
        PvBuilder.Built built =
                builder.build(commandLine, initrd, sharedFrame, connected.storePort(), connected.consolePort());
        connected.place(built.store(), built.console());
        services = connected;
        tables.newBase(built.base());
        if (config.shadows()) {
            paging.switchOn();
        }
        vcpu.loadBase();
        state.rip = built.rip();
        state.gpr[VcpuState.RSP] = built.stack();
        state.gpr[VcpuState.RSI] = built.startInfo();
        vcpu.kernelStack = built.stack();
        vcpu.kernelStackSelector = PvVcpu.FLAT_DATA;
        VcpuTimers timers = new VcpuTimers(clock, () -> events.raiseVirtual(EventChannels.VIRQ_TIMER));
        XenGuest xen = new XenGuest(
                new PvSelf(tables, vcpu, end, memory),
                kernelMemory,
                shared,
                vcpu.info,
                events,
                timers,
                runState,
                vcpu.sleep,
                clock,
                console,
                connected);
        PvGuest parts = new PvGuest(memory, tables, paging, vcpu, kernelMemory, xen, counts, end, pages);
        PvExits handler = new PvExits(parts, this::budget, this::now);
        processor.faultHandler(handler);
        guest = parts;
        exits = handler;
    }

    /** The run ends when so many instructions are retired. */
    public void limit(long instructions) {
        limit = instructions;
    }

    /** Ends the run soon, from any thread. */
    public void stop(GuestEnd reason) {
        stopReason = reason;
        processor.requestStop();
    }

    /**
     * From the start of the run on, shadows with log-dirty are switched on for one period and off for the next.
     *
     * @param period nanoseconds of virtual time
     * @param verify hold all of the guest's memory against each bitmap; what is missing there ends the run with an {@link io.umbra.x86.InvariantViolation}
     * @return what was seen, once the run has ended
     */
    public ShadowSwitch switchShadows(long period, boolean verify) {
        ShadowSwitch made = new ShadowSwitch(paging, tables, memory, this::mappedFrames, period, verify);
        shadowSwitch = made;
        return made;
    }

    /** Frames of the guest's that the hypervisor writes to whenever it likes: no fault and no call tells of that. */
    private long[] mappedFrames() {
        Services connected = services;
        long info = vcpu.info.place() >>> 12;
        return connected == null
                ? new long[] {info}
                : new long[] {info, connected.storeFrame(), connected.consoleFrame()};
    }

    // ---- what can be asked
    // -----------------------------------------------------------------------------------------------------------

    /** Instructions retired so far. May be called from any thread; it may then lag a little. */
    public long instructions() {
        return state.instructions;
    }

    public PvCounts counts() {
        counts.eventsRaised(events.raised());
        return counts;
    }

    /** The engine's, of the guest's own tables and of shadows together. */
    public Counters counters() {
        return paging.counters();
    }

    /** The processor's side, up to now. */
    public ProcessorCounts processorCounts() {
        return ProcessorCounts.of(processor.tlbCounts(), exitCounts);
    }

    /** What auditing the guest's tables took. */
    public AuditCounts audits() {
        return tables.counts();
    }

    /** Why the domain has shadows for good, or null when it does not. */
    public @Nullable ForcedShadows forced() {
        return forced;
    }

    public VcpuState state() {
        return state;
    }

    /** What hypercalls act on, once a guest is loaded. */
    PvGuest guest() {
        return Objects.requireNonNull(guest);
    }

    /** The vCPU's registers, some lines for people. */
    public String registers() {
        return RegisterDump.of(vcpu, kernelMemory);
    }

    /** Checks the rules of the audited tables, and of shadows. @throws io.umbra.x86.InvariantViolation when one does not hold */
    public void audit() {
        paging.audit();
    }

    // ---- the loop
    // --------------------------------------------------------------------------------------------------------------

    /** Runs the guest to its end. It must have been loaded. */
    public GuestEnd run() {
        Services connected = services;
        PvExits handler = exits;
        if (connected == null || handler == null) {
            throw new IllegalStateException("no guest is loaded");
        }
        try {
            GuestEnd reason = null;
            while (reason == null) {
                reason = step(handler, connected);
            }
            return reason;
        } catch (DomainCrash crash) {
            end.is(new GuestEnd.Crashed(crash.reason()));
            return Objects.requireNonNull(end.reason());
        } finally {
            connected.drain();
        }
    }

    private @Nullable GuestEnd step(PvExits handler, Services connected) {
        clock.advanceTo(now());
        if (shadowSwitch != null) {
            shadowSwitch.advanceTo(now());
        }
        connected.type(input::take);
        handler.deliverEvents();
        Exit exit = processor.run(budget());
        clock.advanceTo(now());
        exitCounts.count(exit);
        handler.handle(exit);
        GuestEnd reason = end.reason();
        if (reason == null && vcpu.sleep.isAsleep()) {
            reason = sleep(connected);
        }
        if (reason == null && stopReason != null) {
            reason = stopReason;
        }
        boolean over = reason == null && state.instructions >= limit;
        return over ? new GuestEnd.LimitReached("the limit of " + limit + " instructions was reached") : reason;
    }

    /** Time jumps from event to event until one wakes the vCPU. */
    private @Nullable GuestEnd sleep(Services connected) {
        runState.blocked(true, now(), kernelMemory);
        while (!vcpu.sleep.tryWake(vcpu.hasEvent(), events)) {
            if (stopReason != null) {
                return stopReason;
            }
            connected.type(input::take);
            if (vcpu.sleep.tryWake(vcpu.hasEvent(), events)) {
                break;
            }
            long next = clock.nextEvent();
            if (next == VirtualClock.NEVER && !input.isOpen()) {
                return new GuestEnd.Crashed("the guest sleeps and nothing can wake it");
            }
            if (next == VirtualClock.NEVER) {
                input.await(100);
            } else {
                skipTo(next);
            }
        }
        runState.blocked(false, now(), kernelMemory);
        return null;
    }

    private void skipTo(long next) {
        long distance = Math.max(0, next - now());
        if (config.wallTime()) {
            input.await(Math.max(1, distance / 1_000_000));
        } else {
            skipped += distance;
            state.tscOffset += distance;
        }
        clock.advanceTo(now());
        if (!config.wallTime() && input.isOpen()) {
            input.await(distance / 1_000_000);
        }
    }

    private long now() {
        return config.wallTime() ? System.nanoTime() - started : state.instructions + skipped;
    }

    /** Instructions until something must be looked at. */
    private long budget() {
        long budget = Math.min(config.wallTime() ? WALL_SLICE : SLICE, limit - state.instructions);
        if (!config.wallTime()) {
            budget = Math.min(budget, clock.nextEvent() - now());
        }
        if (shadowSwitch != null) {
            budget = Math.min(budget, shadowSwitch.next() - now());
        }
        return Math.max(1, budget);
    }

    @Override
    public void close() {
        paging.close();
        processor.close();
        memory.close();
    }
}
