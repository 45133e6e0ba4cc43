package io.umbra.vmm.hvm;

import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.xen.EventChannels;
import io.umbra.vmm.xen.GrantCalls;
import io.umbra.vmm.xen.GrantTable;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.HypercallTable;
import io.umbra.vmm.xen.MemoryCalls;
import io.umbra.vmm.xen.Multicall;
import io.umbra.vmm.xen.RunState;
import io.umbra.vmm.xen.Services;
import io.umbra.vmm.xen.SharedInfo;
import io.umbra.vmm.xen.SharedLayout;
import io.umbra.vmm.xen.Shutdown;
import io.umbra.vmm.xen.Sleep;
import io.umbra.vmm.xen.Store;
import io.umbra.vmm.xen.VcpuInfo;
import io.umbra.vmm.xen.VcpuTimers;
import io.umbra.vmm.xen.VersionCalls;
import io.umbra.vmm.xen.XenDomain;
import io.umbra.vmm.xen.XenGuest;
import io.umbra.vmm.xen.XenLeaves;
import io.umbra.x86.VcpuState;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;

/** Xen's interface of one HVM domain with one vCPU, as the loop around the processor uses it. */
public final class HvmInterface {
    private static final int DOMAIN = 1;
    private static final int ARGUMENTS = 6;
    private static final String CAPABILITIES = "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64";
    /** XENFEAT_writable_page_tables, _auto_translated_physmap, _hvm_callback_vector and _hvm_safe_pvclock. */
    private static final int FEATURES = 1 | 1 << 2 | 1 << 8 | 1 << 9;

    /** In which registers hypercalls have their arguments: RDI, RSI, RDX, R10, R8, R9. */
    private static final int[] WIDE = {VcpuState.RDI, VcpuState.RSI, VcpuState.RDX, 10, 8, 9};
    /** EBX, ECX, EDX, ESI, EDI; EBP is the sixth. */
    private static final int[] COMPAT = {
        VcpuState.RBX, VcpuState.RCX, VcpuState.RDX, VcpuState.RSI, VcpuState.RDI, VcpuState.RBP
    };

    private final VcpuState state;
    private final PhysicalMap map;
    private final SharedInfo shared;
    private final VcpuInfo info;
    private final Instant startDate;
    private final Upcall upcall;
    private final HvmMemory memory;
    private final XenGuest guest;
    private final HypercallTable table;
    private final Map<String, Long> counts = new TreeMap<>();

    /**
     * Adds the interface to a machine.
     *
     * @param ram frames of RAM that the domain has
     * @param console takes what the guest prints, byte by byte
     * @param startDate the time of day at system time 0
     * @param ended is told how the guest asks for its end
     * @param downed is told when the guest takes its vCPU down
     */
    public HvmInterface(
            HvmMachine machine,
            long ram,
            IntConsumer console,
            Instant startDate,
            Consumer<Shutdown> ended,
            Runnable downed) {
        this.state = machine.state();
        this.startDate = startDate;
        long places = (MemoryMap.HOLE_END + machine.map().highEnd()) >>> 12;
        long most = ram + (MemoryMap.SPECIAL_PAGES.length() >>> 12);
        map = new PhysicalMap(machine.memory(), machine.frames(), machine.p2m(), machine.paging(), places, ram, most);
        OwnFrame page = new OwnFrame(machine.memory(), map, machine.paging(), map.newFrame());
        shared = new SharedInfo(page, 0, SharedLayout.WIDE);
        info = new VcpuInfo(shared, 0);
        upcall = new Upcall(info, machine.apic(), machine.lines());
        EventChannels events = new EventChannels(shared, info);
        events.onUpcall(upcall::announce);
        Services services = new Services(map, events, console, Store.of(DOMAIN, ram));
        memory = new HvmMemory(state, machine.memory(), machine.physical(), machine.p2m(), machine.paging());
        guest = new XenGuest(
                new Self(machine, ended, downed),
                memory,
                shared,
                info,
                events,
                new VcpuTimers(machine.clock(), () -> events.raiseVirtual(EventChannels.VIRQ_TIMER)),
                new RunState(),
                new Sleep(),
                machine.clock(),
                console,
                services);
        table = table(machine, page.mfn());
        timeStampAtZero(0);
        shared.wallClock(startDate);
    }

    /** What this domain does in its own way. */
    private final class Self implements XenDomain {
        private final HvmMachine machine;
        private final Consumer<Shutdown> ended;
        private final Runnable downed;

        Self(HvmMachine machine, Consumer<Shutdown> ended, Runnable downed) {
            this.machine = machine;
            this.ended = ended;
            this.downed = downed;
        }

        @Override
        public int number() {
            return DOMAIN;
        }

        @Override
        public void shutDown(Shutdown reason) {
            guest.services().drain();
            ended.accept(reason);
        }

        @Override
        public void downed() {
            downed.run();
        }

        @Override
        public long moveInfo(long gfn, int offset) {
            if (!map.isGfn(gfn) || !map.isRam(gfn)) {
                return Errno.EINVAL;
            }
            info.moveTo(map, (gfn << 12) + offset);
            upcall.announce();
            return 0;
        }

        @Override
        public void sendNmi() {
            machine.apic().requestNmi();
        }
    }

    private HypercallTable table(HvmMachine machine, long sharedFrame) {
        HypercallTable made = new HypercallTable(name -> counts.merge(name, 1L, Long::sum));
        GrantTable grants = new GrantTable(map::newFrame);
        made.putCommon(guest);
        made.put(
                new MemoryCalls(guest, new HvmReservation(guest, map, machine.map(), grants, sharedFrame)),
                HypercallNumber.MEMORY_OP);
        made.put(new VersionCalls(guest.memory(), CAPABILITIES, FEATURES, 0), HypercallNumber.XEN_VERSION);
        made.put(new GrantCalls(guest, grants, map::placeOf), HypercallNumber.GRANT_TABLE_OP);
        made.put(
                new HvmCalls(guest, parameters(), upcall, map, machine.paging(), this::latchWidth, machine.flush()),
                HypercallNumber.HVM_OP);
        made.put(new Multicall(guest.memory(), made, () -> true), HypercallNumber.MULTICALL);
        return made;
    }

    /** Makes the special pages, and tells where they are. */
    private HvmParameters parameters() {
        long first = MemoryMap.SPECIAL_PAGES.start() >>> 12;
        long count = MemoryMap.SPECIAL_PAGES.length() >>> 12;
        long store = first + MemoryMap.STORE_PAGE;
        long console = first + MemoryMap.CONSOLE_PAGE;
        for (long gfn = first; gfn < first + count; gfn++) {
            map.populate(gfn);
        }
        guest.services().place(store, console);
        return new HvmParameters(Map.of(
                HvmParameters.STORE_PFN,
                store,
                HvmParameters.STORE_EVTCHN,
                (long) guest.services().storePort(),
                HvmParameters.CONSOLE_PFN,
                console,
                HvmParameters.CONSOLE_EVTCHN,
                (long) guest.services().consolePort()));
    }

    // ---- how a guest finds and calls it
    // -----------------------------------------------------------------------------------------

    public static boolean hasLeaf(int number) {
        return number >= XenLeaves.BASE && number < XenLeaves.BASE + XenLeaves.COUNT;
    }

    /** @param number for which {@link #hasLeaf} holds */
    public static Leaf leaf(int number, int subleaf) {
        return HvmLeaves.leaf(number, subleaf, DOMAIN);
    }

    /** Whether it is the register by which a hypercall page is written; it reads as 0. */
    public static boolean hasRegister(int index) {
        return index == XenLeaves.PAGE_REGISTER;
    }

    /**
     * The guest writes the register: the page goes to where bits 63..12 say; bits 11..0 are the page's number, of which there is 0.
     *
     * @return false when the guest must get #GP
     */
    public boolean writeRegister(long value) {
        if ((value & 0xFFF) != 0 || !map.isGfn(value >>> 12) || !map.fill(value >>> 12, HypercallPage.content())) {
            return false;
        }
        latchWidth();
        return true;
    }

    /**
     * The instruction at RIP is a hypercall.
     *
     * @return whether it is done; else it is to be executed again, after events have been delivered
     */
    public boolean call() {
        if (!state.isProtectedMode() || state.cpl != 0) {
            state.gpr[VcpuState.RAX] = Errno.EPERM;
            return true;
        }
        memory.entered();
        boolean wide = state.is64Bit();
        long mask = wide ? -1L : 0xFFFF_FFFFL;
        int[] registers = wide ? WIDE : COMPAT;
        long[] arguments = new long[ARGUMENTS];
        for (int i = 0; i < ARGUMENTS; i++) {
            arguments[i] = state.gpr[registers[i]] & mask;
        }
        long result = table.call(state.gpr[VcpuState.RAX] & mask, arguments);
        if (result != Errno.RESTART) {
            state.gpr[VcpuState.RAX] = result & mask;
            return true;
        }
        for (int i = 0; i < ARGUMENTS; i++) {
            state.gpr[registers[i]] = arguments[i] & mask;
        }
        return false;
    }

    /** The guest's width decides how it sees the shared pages. Xen: {@code hvm_latch_shinfo_size}. */
    private void latchWidth() {
        SharedLayout layout = SharedLayout.of(state.is64Bit());
        if (layout != shared.layout()) {
            shared.layout(layout);
            shared.wallClock(startDate);
        }
    }

    // ---- time
    // -----------------------------------------------------------------------------------------------------------------

    /** @param timeStamp what the guest's TSC would have shown at system time 0 */
    public void timeStampAtZero(long timeStamp) {
        info.timeStampAtZero(timeStamp);
        info.writeTime();
    }

    // ---- events
    // ----------------------------------------------------------------------------------------------------------------

    /** To be called before interrupts are looked at: a line by which the guest is told of events follows them. */
    public void drive() {
        upcall.drive();
    }

    /** The callback's vector is to be given to the processor as soon as that takes an interrupt. */
    public boolean hasCallback() {
        return upcall.waits();
    }

    public int callbackVector() {
        return upcall.vector();
    }

    /** The guest sleeps in a hypercall. */
    public boolean isAsleep() {
        return guest.sleep().isAsleep();
    }

    /** Wakes the vCPU if there is a reason. @return whether it is awake */
    public boolean tryWake(boolean interrupted) {
        return guest.sleep().tryWake(interrupted || info.isPending(), guest.events());
    }

    /** The vCPU stops or goes on, for the account of its time. */
    public void blocked(boolean is) {
        memory.entered();
        guest.runState().blocked(is, guest.clock().now(), guest.memory());
    }

    // ---- console
    // ---------------------------------------------------------------------------------------------------------------

    /** The guest has printed in its console ring: what is typed is for it. */
    public boolean hasConsole() {
        return guest.services().hasConsole();
    }

    public void type(IntFunction<byte[]> input) {
        guest.services().type(input);
    }

    /** Prints what is left in the console ring. */
    public void drain() {
        guest.services().drain();
    }

    // ---- what can be asked, and the end
    // ----------------------------------------------------------------------------------------

    /** Hypercalls by name, in alphabetic order. */
    public Map<String, Long> hypercalls() {
        return new LinkedHashMap<>(counts);
    }

    XenGuest guest() {
        return guest;
    }

    PhysicalMap map() {
        return map;
    }

    HypercallTable hypercallTable() {
        return table;
    }

    /** Returns the frames that are not the guest's own. */
    public void close() {
        map.close();
    }
}
