package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.x86.VcpuState;

/** CPUID: what the processor offers, and the leaves by which a guest finds Umbra's hypercalls. */
final class CpuIdentity {
    private static final int HYPERVISOR_BASE = 0x4000_0000;

    /** Answers for the leaf in EAX and the subleaf in ECX. */
    static void answer(VcpuState state) {
        int leaf = (int) state.gpr[VcpuState.RAX];
        Leaf answer = leaf == HYPERVISOR_BASE
                ? new Leaf(
                        HYPERVISOR_BASE, Hypercalls.SIGNATURE_EBX, Hypercalls.SIGNATURE_ECX, Hypercalls.SIGNATURE_EDX)
                : CpuFeatures.cpuid(leaf, (int) state.gpr[VcpuState.RCX], state);
        state.gpr[VcpuState.RAX] = answer.eax() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RBX] = answer.ebx() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RCX] = answer.ecx() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = answer.edx() & 0xFFFF_FFFFL;
    }

    private CpuIdentity() {}
}
