package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.x86.VcpuState;

/** CPUID: what the processor offers, and the leaves by which a guest finds Umbra's hypercalls. */
final class CpuIdentity {
    private static final int HYPERVISOR_BASE = 0x4000_0000;

    /** Answers for the leaf in EAX and the subleaf in ECX. */
    static void answer(VcpuState state) {
        int leaf = (int) state.gpr[VcpuState.RAX];
        int[] registers = new int[4];
        if (leaf == HYPERVISOR_BASE) {
            registers[0] = HYPERVISOR_BASE;
            registers[1] = Hypercalls.SIGNATURE_EBX;
            registers[2] = Hypercalls.SIGNATURE_ECX;
            registers[3] = Hypercalls.SIGNATURE_EDX;
        } else {
            CpuFeatures.cpuid(leaf, (int) state.gpr[VcpuState.RCX], registers);
        }
        state.gpr[VcpuState.RAX] = registers[0] & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RBX] = registers[1] & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RCX] = registers[2] & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = registers[3] & 0xFFFF_FFFFL;
    }

    private CpuIdentity() {}
}
