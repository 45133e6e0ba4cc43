package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.xen.HypercallFamily;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/** {@code set_gdt}, {@code update_descriptor} and {@code set_segment_base}. */
final class DescriptorCalls implements HypercallFamily {
    /** Of a guest's GDT: 14 frames, behind which the hypervisor's own descriptors are. */
    private static final long GDT_ENTRIES = 14 * 512;

    private static final int FS = 0, GS_USER = 1, GS_KERNEL = 2, GS_USER_SELECTOR = 3;

    private final PvVcpu vcpu;
    private final PvTables tables;
    private final GuestMemory memory;

    DescriptorCalls(PvGuest guest) {
        this.vcpu = guest.vcpu();
        this.tables = guest.tables();
        this.memory = guest.kernel();
    }

    @Override
    public long call(HypercallNumber number, long[] a) {
        return switch (number) {
            case SET_GDT -> setGdt(a[0], a[1] & 0xFFFF_FFFFL);
            case UPDATE_DESCRIPTOR -> tables.updateDescriptor(a[0], a[1]);
            default -> setBase((int) a[0], a[1]);
        };
    }

    private long setGdt(long list, long entries) {
        if (entries > GDT_ENTRIES) {
            return Errno.EINVAL;
        }
        long[] frames = new long[(int) (entries + 511) / 512];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = memory.readLong(list + 8L * i);
        }
        return tables.setGdt(frames, (int) entries);
    }

    private long setBase(int which, long base) {
        if (which != GS_USER_SELECTOR && base << 16 >> 16 != base) {
            return Errno.EINVAL;
        }
        switch (which) {
            case FS -> vcpu.state.segments[VcpuState.FS].base = base;
            case GS_USER -> vcpu.userGsBase(base);
            case GS_KERNEL -> vcpu.kernelGsBase(base);
            case GS_USER_SELECTOR -> userGs((int) base & 0xFFFF);
            default -> {
                return Errno.EINVAL;
            }
        }
        return 0;
    }

    /** Loads GS with what user mode shall have; the kernel's base stays. A selector that cannot be loaded becomes null. */
    private void userGs(int selector) {
        SegmentRegister gs = vcpu.state.segments[VcpuState.GS];
        long kernelBase = gs.base;
        int wanted = (selector & 0xFFFC) == 0 ? selector : selector | 3;
        if (vcpu.processor().loadSegment(VcpuState.GS, wanted) != null) {
            vcpu.processor().loadSegment(VcpuState.GS, 0);
        }
        vcpu.state.kernelGsBase = gs.base;
        gs.base = kernelBase;
    }
}
