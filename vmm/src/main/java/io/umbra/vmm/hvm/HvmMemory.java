package io.umbra.vmm.hvm;

import io.umbra.processor.CpuFeatures;
import io.umbra.shadow.P2m;
import io.umbra.shadow.Paging;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.CallerMemory;
import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Walk;
import org.jspecify.annotations.Nullable;

/**
 * The memory of an HVM guest as its kernel addresses it: by whatever paging is in force in the guest, or by none, as an access at CPL 0 is decided by the definition of the architecture. Segments are not asked for.
 * Xen: {@code hvm_copy_to_guest_linear}.
 */
final class HvmMemory extends CallerMemory {
    private static final int PAGE = MachineMemory.FRAME_BYTES;

    private final VcpuState state;
    private final PhysicalMemory physical;
    private final P2m p2m;
    private final Paging paging;
    /** As the guest has them in this call, once they were asked for. */
    private @Nullable PagingRegisters registers;

    /** Of the last translation. */
    private long guestPhysical;

    /** @param physical the guest's memory, which tells {@code paging} of the bits that a walk sets */
    HvmMemory(VcpuState state, MachineMemory memory, PhysicalMemory physical, P2m p2m, Paging paging) {
        super(memory);
        this.state = state;
        this.physical = physical;
        this.p2m = p2m;
        this.paging = paging;
    }

    /** The guest has run since the last access: its paging may be another. */
    void entered() {
        registers = null;
    }

    private PagingRegisters registers() {
        PagingRegisters known = registers;
        if (known == null) {
            known = PagingRegisters.of(state, CpuFeatures.PHYSICAL_ADDRESS_BITS, true, true);
            registers = known;
        }
        return known;
    }

    @Override
    public boolean isWide() {
        return state.is64Bit();
    }

    @Override
    public long translate(long linear, boolean write) {
        int access = write ? PageFaultCode.WRITE : 0;
        Walk walk = DefinitionWalker.walk(registers(), physical, linear, access, true);
        if (!(walk instanceof Walk.Mapped mapped)) {
            throw new BadPointer(linear, write);
        }
        guestPhysical = mapped.guestPhysical();
        long entry = p2m.demand(guestPhysical >>> 12, write);
        if (!P2m.isBacked(entry) || write && !P2m.isWritable(entry)) {
            throw new BadPointer(linear, write);
        }
        return P2m.mfn(entry) << 12 | guestPhysical & PAGE - 1;
    }

    @Override
    protected void written(int length) {
        paging.memoryWritten(guestPhysical, length);
    }
}
