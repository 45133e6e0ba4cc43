package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;

/**
 * The baseline to compare with: the processor walks the guest's tables and the P2M itself, as AMD's nested paging and Intel's EPT do, and only misses of the P2M come
 * here.
 */
public final class NestedPaging implements Paging {
    private final MachineMemory memory;
    private final P2m p2m;
    private final DeviceMemory devices;
    private final Counters counters;
    private final GuestWalker walker;
    private final List<Vcpu> vcpus = new ArrayList<>();
    private final P2mChanges p2mChanges = new P2mChanges();
    private final WriteLog log;

    private record Vcpu(Tlb tlb, InstructionEmulator emulator, EmulatedMemory memory) {}

    /** The same without a trace. */
    public NestedPaging(MachineMemory memory, P2m p2m, DeviceMemory devices) {
        this(memory, p2m, devices, Trace.OFF);
    }

    /** @param trace is told of everything */
    public NestedPaging(MachineMemory memory, P2m p2m, DeviceMemory devices, Trace trace) {
        this.counters = new Counters(trace);
        this.memory = memory;
        this.p2m = p2m;
        this.devices = devices;
        WriteAccess access = new NestedWriteAccess(p2m, this::blow, this::isLogging);
        this.log = new WriteLog(access, ShadowPolicy.DirtyClean.REPROTECT, counters);
        this.walker = new GuestWalker(memory, p2m, counters, log);
        p2m.addListener(p2mChanges);
    }

    private boolean isLogging() {
        return log.isActive();
    }

    /** No translation made by an old entry survives. */
    private final class P2mChanges implements P2m.ChangeListener {
        @Override
        public void aboutToChange(long gfn, long count) {
            counters.add(Counter.P2M_CHANGE, count);
            counters.trace.p2mChanges(gfn, count);
            log.markMemory(p2m, gfn << 12, count << 12, DirtyCause.P2M_CHANGE);
            blow();
        }

        @Override
        public void changed(long gfn, long count) {
            log.markMemory(p2m, gfn << 12, count << 12, DirtyCause.P2M_CHANGE);
        }
    }

    @Override
    public Intercepts intercepts() {
        return Intercepts.NESTED;
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        counters.trace.attached(vcpus.size(), state);
        EmulatedMemory port = new EmulatedMemory(
                state,
                walker,
                memory,
                p2m,
                devices,
                log,
                (mfn, offset, size, value) -> memory.write((mfn << 12) + offset, size, value),
                null);
        vcpus.add(new Vcpu(tlb, emulator, port));
        tlb.load(new HardwarePaging.Nested(p2m.root()));
    }

    @Override
    public FaultOutcome pageFault(int vcpu, long linear, int code) {
        throw new IllegalStateException("page fault intercepted under nested paging");
    }

    @Override
    public FaultOutcome nestedFault(int vcpu, long guestPhysical, int access) {
        counters.add(Counter.PAGE_FAULT);
        counters.trace.nestedFault(vcpu, guestPhysical, access);
        FaultOutcome outcome = decide(guestPhysical, access);
        counters.trace.outcome(outcome);
        return outcome;
    }

    private FaultOutcome decide(long guestPhysical, int access) {
        boolean write = (access & PageFaultCode.WRITE) != 0;
        long changes = p2m.changes();
        long entry = p2m.demand(guestPhysical >>> 12, write);
        if (p2m.changes() != changes) {
            counters.add(Counter.FIXUP);
            return Fixed.FIXUP;
        }
        if (!P2m.isBacked(entry)) {
            return Emulate.MMIO;
        }
        if (write && !P2m.isWritable(entry)) {
            return Emulate.READ_ONLY;
        }
        if (write && P2m.type(entry) == P2mType.LOG_DIRTY) {
            allowWrites(guestPhysical >>> 12);
            return Fixed.FIXUP;
        }
        counters.add(Counter.SPURIOUS);
        return Fixed.SPURIOUS;
    }

    /** The frame is marked before it becomes writable. No TLB holds less than this grants. */
    private void allowWrites(long gfn) {
        log.mark(gfn, DirtyCause.STORE);
        p2m.allowWrites(gfn);
        counters.add(Counter.FIXUP);
        log.countFault();
    }

    @Override
    public Emulation emulate(int number, Emulate reason, long budget) {
        counters.add(reason == Emulate.MMIO ? Counter.MMIO : Counter.EMULATE_OTHER);
        counters.trace.emulate(number, reason);
        Vcpu vcpu = vcpus.get(number);
        Emulation result = vcpu.emulator.emulate(vcpu.memory);
        counters.trace.emulated(result);
        return result;
    }

    @Override
    public boolean unshadowForEvent(int vcpu, long linear) {
        return true;
    }

    @Override
    public void controlRegisterWritten(int vcpu, int number, long old) {
        counters.trace.control(vcpu, number, old);
    }

    @Override
    public void eferWritten(int vcpu, long old) {
        counters.trace.efer(vcpu, old);
    }

    @Override
    public void invalidatePage(int vcpu, long linear) {}

    @Override
    public void invalidateContext(int vcpu) {}

    /** The processor reads them itself. */
    @Override
    public boolean readPdptes(int vcpu, long cr3, long[] target) {
        throw new IllegalStateException("PDPTEs asked for under nested paging");
    }

    @Override
    public void pagetableDying(int vcpu, long guestPhysical) {}

    @Override
    public void memoryWritten(long guestPhysical, long length) {
        counters.trace.memoryWritten(guestPhysical, length);
        log.markMemory(p2m, guestPhysical, length, DirtyCause.EXTERNAL);
    }

    @Override
    public LogDirty logDirty() {
        return log.logDirty;
    }

    @Override
    public VramTracking vram() {
        return log.vram;
    }

    @Override
    public void blow() {
        counters.trace.flushed();
        for (Vcpu vcpu : vcpus) {
            vcpu.tlb.flush();
        }
    }

    /** Nothing is derived from the guest's tables here, but LOG-1 and VRAM-1 must hold of the P2M. */
    @Override
    public void audit() {
        List<Finding> findings = new ArrayList<>();
        new LogAudit(memory, p2m, log, findings).nested();
        Finding.throwFirst(findings);
    }

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    public void close() {
        p2m.removeListener(p2mChanges);
    }
}
