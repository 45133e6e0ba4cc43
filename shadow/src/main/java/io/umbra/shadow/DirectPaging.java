package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.pv.PvTables;
import io.umbra.x86.Event;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * A PV guest's own audited tables in hardware CR3. The vCPU's {@code cr3} is the machine address of the L4 in use, kernel's or user's; {@link #controlRegisterWritten} with register 3 loads it.
 *
 * <p>Page faults are the guest's, with two exceptions: stores of its kernel to its L1 tables, which are to be {@link #emulate emulated}, and its LDT, which appears when it is used. A fault on the LDT that stays
 * one is the guest's at an address in the hypervisor's area: {@link PvTables#guestAddress} says which of its own it stands for.
 */
public final class DirectPaging implements Paging {
    private static final int STORE = PageFaultCode.WRITE | PageFaultCode.PRESENT;
    private static final int STORE_MASK = STORE | PageFaultCode.RESERVED | PageFaultCode.FETCH;

    private final PvTables tables;
    private final MachineMemory memory;
    private final IntPredicate kernelMode;
    private final Counters counters = new Counters();
    private final List<Vcpu> vcpus = new ArrayList<>();
    private boolean assistsStores;

    private static final class Vcpu {
        final VcpuState state;
        final Tlb tlb;
        final InstructionEmulator emulator;
        final DirectStoreMemory memory;
        long linear;
        int code;

        Vcpu(VcpuState state, Tlb tlb, InstructionEmulator emulator, DirectStoreMemory memory) {
            this.state = state;
            this.tlb = tlb;
            this.emulator = emulator;
            this.memory = memory;
        }
    }

    /**
     * @param memory the machine's
     * @param kernelMode whether a vCPU is in guest kernel mode
     */
    public DirectPaging(PvTables tables, MachineMemory memory, IntPredicate kernelMode) {
        this.tables = tables;
        this.memory = memory;
        this.kernelMode = kernelMode;
    }

    /** Whether stores to L1 tables are emulated: {@code VMASST_TYPE_writable_pagetables}. Off at first. */
    public void assistStores(boolean on) {
        assistsStores = on;
    }

    /** Drops one translation of a vCPU's. */
    public void invalidate(int vcpu, long linear) {
        vcpus.get(vcpu).tlb.invalidate(linear);
    }

    /** Nothing that a PV guest does at CPL 3 reaches the paging registers. */
    @Override
    public Intercepts intercepts() {
        return Intercepts.SHADOW;
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        vcpus.add(new Vcpu(state, tlb, emulator, new DirectStoreMemory(state, tables, memory)));
        load(vcpus.size() - 1);
    }

    /** Hardware walks the guest's tables again. */
    @Override
    public void reset(int number) {
        load(number);
    }

    private void load(int number) {
        Vcpu vcpu = vcpus.get(number);
        vcpu.tlb.load(new HardwarePaging.Shadow(
                LongModeEntry.frame(vcpu.state.cr3) << MachineMemory.FRAME_SHIFT, false, false));
    }

    @Override
    public FaultOutcome pageFault(int number, long linear, int code) {
        counters.add(Counter.PAGE_FAULT);
        if (isStoreToTable(number, linear, code, true)) {
            return Emulate.PAGETABLE;
        }
        if ((code & PageFaultCode.PRESENT) == 0 && tables.mapLdtPage(linear)) {
            counters.add(Counter.FIXUP);
            return Fixed.FIXUP;
        }
        counters.add(Counter.GUEST_FAULT);
        return new GuestFault(code);
    }

    /**
     * Whether the fault is a store of the guest's kernel to one of its L1 tables; then {@link #emulate} makes it.
     *
     * @param present hardware must have met a present entry: it walked the guest's own
     */
    boolean isStoreToTable(int number, long linear, int code, boolean present) {
        tables.schedule(number);
        Vcpu vcpu = vcpus.get(number);
        int mask = present ? STORE_MASK : STORE_MASK & ~PageFaultCode.PRESENT;
        boolean mayBeStore = assistsStores && (code & mask) == (STORE & mask) && kernelMode.test(number);
        long maddr = mayBeStore ? tables.tableByteAt(linear) : -1;
        if (maddr >= 0) {
            vcpu.linear = linear;
            vcpu.code = code | PageFaultCode.PRESENT;
            vcpu.memory.begin(linear, maddr);
        }
        return maddr >= 0;
    }

    @Override
    public FaultOutcome nestedFault(int vcpu, long guestPhysical, int access) {
        throw new IllegalStateException("nested fault under direct paging");
    }

    /** A store that is refused, or that is none of those that can be emulated, is the page fault that it was. */
    @Override
    public Emulation emulate(int number, Emulate reason, long budget) {
        Vcpu vcpu = vcpus.get(number);
        counters.add(Counter.EMULATE);
        tables.schedule(number);
        return switch (vcpu.emulator.emulate(vcpu.memory)) {
            case Emulation.Done done -> done;
            case Emulation.Raised raised when raised.event().vector() == Vector.PAGE_FAULT -> raised;
            case Emulation.Raised raised -> refused(vcpu);
            case Emulation.Failed failed -> refused(vcpu);
        };
    }

    private Emulation refused(Vcpu vcpu) {
        counters.add(Counter.GUEST_FAULT);
        return new Emulation.Raised(Event.exception(Vector.PAGE_FAULT, vcpu.code), vcpu.linear);
    }

    /** Hardware delivers nothing to a PV guest: the hypervisor writes the frame itself. */
    @Override
    public boolean unshadowForEvent(int vcpu, long linear) {
        return false;
    }

    @Override
    public void controlRegisterWritten(int vcpu, int number, long old) {
        if (number == 3) {
            counters.add(Counter.CR3_LOAD);
            load(vcpu);
        }
    }

    @Override
    public void eferWritten(int vcpu, long old) {}

    @Override
    public void invalidatePage(int vcpu, long linear) {
        counters.add(Counter.INVLPG);
        invalidate(vcpu, linear);
    }

    @Override
    public void invalidateContext(int vcpu) {
        counters.add(Counter.FLUSH);
        vcpus.get(vcpu).tlb.flush();
    }

    /** A PV guest runs in long mode only. */
    @Override
    public boolean readPdptes(int vcpu, long cr3, long[] target) {
        throw new IllegalStateException("PDPTEs asked for under direct paging");
    }

    @Override
    public void pagetableDying(int vcpu, long guestPhysical) {}

    @Override
    public void memoryWritten(long guestPhysical, long length) {}

    /** @throws IllegalStateException always: hardware writes through the guest's own tables unseen. Writes are logged under shadow paging */
    @Override
    public LogDirty logDirty() {
        throw new IllegalStateException("direct paging logs no writes: the domain must have shadows for that");
    }

    /** @throws IllegalStateException always, as {@link #logDirty} */
    @Override
    public VramTracking vram() {
        throw new IllegalStateException("direct paging tracks no writes: the domain must have shadows for that");
    }

    /** Drops all translations: there is nothing else that could be made again. */
    @Override
    public void blow() {
        counters.add(Counter.FLUSH);
        for (Vcpu vcpu : vcpus) {
            vcpu.tlb.flush();
        }
    }

    @Override
    public void audit() {
        tables.audit();
    }

    @Override
    public Counters counters() {
        return counters;
    }

    /** The tables are the domain's. */
    @Override
    public void close() {}
}
