package io.umbra.shadow;

import io.umbra.shadow.pv.PvTables;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * A PV guest's own audited tables in hardware CR3. The vCPU's {@code cr3} is the machine address of the L4 in use, kernel's or user's; {@link #controlRegisterWritten} with register 3 loads it.
 * Page faults are the guest's, but for stores to its L1 tables, which are to be {@link #emulate emulated}, and for its LDT.
 */
public final class DirectPaging implements Paging {
    private final PvTables tables;
    private final IntPredicate kernelMode;
    private final Counters counters = new Counters();
    private final List<Tlb> tlbs = new ArrayList<>();
    private boolean assistsStores;

    /** @param kernelMode whether a vCPU is in guest kernel mode */
    public DirectPaging(PvTables tables, IntPredicate kernelMode) {
        this.tables = tables;
        this.kernelMode = kernelMode;
    }

    /** Whether stores to L1 tables are emulated: {@code VMASST_TYPE_writable_pagetables}. Off at first. */
    public void assistStores(boolean on) {
        assistsStores = on;
    }

    /** Drops one translation of a vCPU's. */
    public void invalidate(int vcpu, long linear) {
        tlbs.get(vcpu).invalidate(linear);
    }

    @Override
    public Intercepts intercepts() {
        return Intercepts.SHADOW;
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        tlbs.add(tlb);
    }

    @Override
    public FaultOutcome pageFault(int vcpu, long linear, int code) {
        boolean isStore = assistsStores && kernelMode.test(vcpu) && (code & PageFaultCode.WRITE) != 0;
        return isStore && tables.tableByteAt(linear) >= 0
                ? FaultOutcome.Emulate.PAGETABLE
                : new FaultOutcome.GuestFault(code);
    }

    @Override
    public FaultOutcome nestedFault(int vcpu, long guestPhysical, int access) {
        throw new IllegalStateException("nested fault under direct paging");
    }

    @Override
    public Emulation emulate(int vcpu, FaultOutcome.Emulate reason, long budget) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean unshadowForEvent(int vcpu, long linear) {
        return false;
    }

    @Override
    public void controlRegisterWritten(int vcpu, int number, long old) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void eferWritten(int vcpu, long old) {}

    @Override
    public void invalidatePage(int vcpu, long linear) {
        invalidate(vcpu, linear);
    }

    @Override
    public void invalidateContext(int vcpu) {
        throw new UnsupportedOperationException();
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
        tlbs.forEach(Tlb::flush);
    }

    @Override
    public void audit() {
        tables.audit();
    }

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    public void close() {}
}
