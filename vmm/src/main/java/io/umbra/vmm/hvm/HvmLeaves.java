package io.umbra.vmm.hvm;

import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.vmm.xen.XenLeaves;

/** CPUID from 0x40000000 on as an HVM guest sees it. */
final class HvmLeaves {
    private static final int HIGHEST = 4;

    /** In EAX of leaf 4: EBX holds the vCPU's number, ECX the domain's; a vCPU can have an upcall vector of its own. */
    private static final int HAS_VCPU = 1 << 3, HAS_DOMAIN = 1 << 4, HAS_OWN_VECTOR = 1 << 6;

    static Leaf leaf(int number, int subleaf, int domain) {
        return switch (number - XenLeaves.BASE) {
            case 0 -> XenLeaves.signature(HIGHEST);
            case 1 -> XenLeaves.version();
            case 2 -> XenLeaves.hypercallPages(0);
            case 3 -> XenLeaves.time(subleaf);
            case 4 -> subleaf == 0 ? new Leaf(HAS_VCPU | HAS_DOMAIN | HAS_OWN_VECTOR, 0, domain, 0) : Leaf.NONE;
            default -> Leaf.NONE;
        };
    }

    private HvmLeaves() {}
}
