package io.umbra.vmm.pv;

import io.umbra.processor.CpuFeatures;
import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.vmm.xen.XenLeaves;
import io.umbra.x86.VcpuState;

/**
 * CPUID for PV guests: the processor without what a deprivileged kernel cannot have, and the leaves by which a guest finds Xen's interface. CPUID that leaves the guest by itself and the forced form,
 * {@code ud2; "xen"; cpuid}, give the same.
 */
final class PvIdentity {
    private static final int HIGHEST_XEN = 5;
    /** XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD. */
    private static final int PRESERVES_ACCESSED_AND_DIRTY = 1;

    /** No frame number is wider than 32 bits, so grants of version 1 suffice. */
    private static final int MACHINE_ADDRESS_BITS = 40;

    private static final int HYPERVISOR = 1 << 31;
    private static final int MONITOR = 1 << 3, PCID = 1 << 17, X2APIC = 1 << 21, XSAVE = 1 << 26, OSXSAVE = 1 << 27;
    private static final int AVX = 1 << 28, FMA = 1 << 12, F16C = 1 << 29, TSC_DEADLINE = 1 << 24;
    private static final int HIDDEN_1_ECX = MONITOR | PCID | X2APIC | XSAVE | OSXSAVE | AVX | FMA | F16C | TSC_DEADLINE;

    private static final int VME = 1 << 1, PSE = 1 << 3, MCE = 1 << 7, APIC = 1 << 9, SEP = 1 << 11, MTRR = 1 << 12;
    private static final int PGE = 1 << 13, MCA = 1 << 14, PSE36 = 1 << 17;
    private static final int HIDDEN_1_EDX = VME | PSE | MCE | APIC | SEP | MTRR | PGE | MCA | PSE36;

    private static final int FSGSBASE = 1, AVX2 = 1 << 5, SMEP = 1 << 7, INVPCID = 1 << 10, SMAP = 1 << 20;
    private static final int HIDDEN_7_EBX = FSGSBASE | AVX2 | SMEP | INVPCID | SMAP;
    /** UMIP, PKU, OSPKE and LA57. */
    private static final int HIDDEN_7_ECX = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 16;

    private static final int PAGE_1_GIB = 1 << 26;
    private static final int EXTENDED_FEATURES = 0x8000_0001, ADDRESS_SIZES = 0x8000_0008;
    private static final int LINEAR_48 = 48 << 8;

    /** Answers for the leaf in EAX and the subleaf in ECX. */
    static void answer(VcpuState state) {
        Leaf leaf = leaf((int) state.gpr[VcpuState.RAX], (int) state.gpr[VcpuState.RCX], state);
        state.gpr[VcpuState.RAX] = leaf.eax() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RBX] = leaf.ebx() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RCX] = leaf.ecx() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = leaf.edx() & 0xFFFF_FFFFL;
    }

    private static Leaf leaf(int number, int subleaf, VcpuState state) {
        if (number >= XenLeaves.BASE && number < XenLeaves.BASE + XenLeaves.COUNT) {
            return xen(number - XenLeaves.BASE, subleaf);
        }
        Leaf real = CpuFeatures.cpuid(number, subleaf, state);
        return switch (number) {
            case 0 -> new Leaf(Math.min(real.eax(), 7), real.ebx(), real.ecx(), real.edx());
            case 1 ->
                new Leaf(
                        real.eax(),
                        real.ebx() | 1 << 16,
                        real.ecx() & ~HIDDEN_1_ECX | HYPERVISOR,
                        real.edx() & ~HIDDEN_1_EDX);
            case 7 -> new Leaf(0, real.ebx() & ~HIDDEN_7_EBX, real.ecx() & ~HIDDEN_7_ECX, 0);
            case 0xD -> Leaf.NONE;
            case EXTENDED_FEATURES ->
                new Leaf(real.eax(), real.ebx(), real.ecx(), real.edx() & ~(PSE | PGE | PSE36 | PAGE_1_GIB));
            case ADDRESS_SIZES -> new Leaf(real.eax() & 0xFF | LINEAR_48, real.ebx(), real.ecx(), real.edx());
            default -> real;
        };
    }

    private static Leaf xen(int number, int subleaf) {
        return switch (number) {
            case 0 -> XenLeaves.signature(HIGHEST_XEN);
            case 1 -> XenLeaves.version();
            case 2 -> XenLeaves.hypercallPages(PRESERVES_ACCESSED_AND_DIRTY);
            case 3 -> XenLeaves.time(subleaf);
            case 5 -> subleaf == 0 ? new Leaf(0, MACHINE_ADDRESS_BITS, 0, 0) : Leaf.NONE;
            default -> Leaf.NONE;
        };
    }

    private PvIdentity() {}
}
