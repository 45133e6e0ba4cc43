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
    private final Counters counters = new Counters();
    private final GuestWalker walker;
    private final List<Vcpu> vcpus = new ArrayList<>();

    private record Vcpu(Tlb tlb, InstructionEmulator emulator, EmulatedMemory memory) {}

    public NestedPaging(MachineMemory memory, P2m p2m, DeviceMemory devices) {
        this.memory = memory;
        this.p2m = p2m;
        this.devices = devices;
        this.walker = new GuestWalker(memory, p2m, counters);
        p2m.addListener((gfn, count) -> {
            counters.add(Counter.P2M_CHANGE, count);
            blow();
        });
    }

    @Override
    public Intercepts intercepts() {
        return Intercepts.NESTED;
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        EmulatedMemory port = new EmulatedMemory(
                state,
                walker,
                memory,
                p2m,
                devices,
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
        long entry = p2m.lookup(guestPhysical >>> 12);
        if (!P2m.isBacked(entry)) {
            return Emulate.MMIO;
        }
        boolean write = (access & PageFaultCode.WRITE) != 0;
        if (write && !P2m.isWritable(entry)) {
            return Emulate.READ_ONLY;
        }
        counters.add(Counter.SPURIOUS);
        return Fixed.SPURIOUS;
    }

    @Override
    public Emulation emulate(int number, Emulate reason, long budget) {
        counters.add(reason == Emulate.MMIO ? Counter.MMIO : Counter.EMULATE_OTHER);
        Vcpu vcpu = vcpus.get(number);
        return vcpu.emulator.emulate(vcpu.memory);
    }

    @Override
    public boolean unshadowForEvent(int vcpu, long linear) {
        return true;
    }

    @Override
    public void controlRegisterWritten(int vcpu, int number, long old) {}

    @Override
    public void eferWritten(int vcpu, long old) {}

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
    public void memoryWritten(long guestPhysical, long length) {}

    @Override
    public void blow() {
        for (Vcpu vcpu : vcpus) {
            vcpu.tlb.flush();
        }
    }

    /** Nothing is derived from the guest's tables here. */
    @Override
    public void audit() {}

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    public void close() {}
}
