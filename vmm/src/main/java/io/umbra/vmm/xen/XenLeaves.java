package io.umbra.vmm.xen;

import io.umbra.processor.CpuFeatures.Leaf;

/** The CPUID leaves by which a guest of either kind finds Xen's interface, numbered from their base on. Xen: public header arch-x86/cpuid.h. */
public final class XenLeaves {
    /** The first of them. */
    public static final int BASE = 0x4000_0000;

    /** How many numbers are theirs. */
    public static final int COUNT = 0x100;

    /** The model-specific register by which a guest has a hypercall page written: the only one. */
    public static final int PAGE_REGISTER = 0x4000_0000;

    /** "XenVMMXenVMM". */
    private static final int XENV = 0x566E_6558, MMXE = 0x6558_4D4D, NVMM = 0x4D4D_566E;

    private static final int KHZ = 1_000_000;

    private XenLeaves() {}

    /** The highest leaf and the signature. */
    public static Leaf signature(int highest) {
        return new Leaf(BASE + highest, XENV, MMXE, NVMM);
    }

    public static Leaf version() {
        return new Leaf(VersionCalls.VERSION, 0, 0, 0);
    }

    /** One page, and XEN_CPUID_FEAT1 bits. */
    public static Leaf hypercallPages(int features) {
        return new Leaf(1, PAGE_REGISTER, features, 0);
    }

    /** The TSC is the processor's own and ticks once a nanosecond. */
    public static Leaf time(int subleaf) {
        return subleaf == 0 ? new Leaf(0, 0, KHZ, 0) : Leaf.NONE;
    }
}
