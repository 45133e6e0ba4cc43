package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.vmm.DomainConfig.Abi;
import io.umbra.vmm.apic.ApicMode;
import io.umbra.vmm.hvm.HvmInterface;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/**
 * CPUID: what the processor offers, its local APIC, whose feature bit follows IA32_APIC_BASE, its place as the only one of its machine (leaf 0xb), and the leaf by which a guest finds
 * Umbra's hypercalls.
 */
final class CpuIdentity {
    private static final int HYPERVISOR_BASE = 0x4000_0000;
    private static final int THERMAL_AND_POWER = 6;
    private static final int TOPOLOGY = 0xB;

    private static final int HAS_APIC = 1 << 9;
    private static final int HAS_MEMORY_TYPES = 1 << 12;
    private static final int HAS_X2APIC = 1 << 21;
    private static final int HAS_TSC_DEADLINE = 1 << 24;
    /** Tells that there is a hypervisor, so that leaves from 0x40000000 on may mean something. */
    private static final int HAS_HYPERVISOR = 1 << 31;

    private static final int ALWAYS_RUNNING_APIC_TIMER = 1 << 2;
    /** The initial APIC ID, 0, in bits 31..24 of EBX; the processors of the package in bits 23..16. */
    private static final int ONE_PROCESSOR = 1 << 16;

    private static final int THREADS = 1;
    private static final int CORES = 2;

    /**
     * Answers for the leaf in EAX and the subleaf in ECX.
     *
     * @param announced the interface that the leaves from 0x40000000 on tell of, null for none
     */
    static void answer(VcpuState state, ApicMode apic, @Nullable Abi announced) {
        int number = (int) state.gpr[VcpuState.RAX];
        int subleaf = (int) state.gpr[VcpuState.RCX];
        Leaf answer;
        if (number == HYPERVISOR_BASE && announced == Abi.UMBRA) {
            answer = new Leaf(
                    HYPERVISOR_BASE, Hypercalls.SIGNATURE_EBX, Hypercalls.SIGNATURE_ECX, Hypercalls.SIGNATURE_EDX);
        } else if (announced == Abi.XEN && HvmInterface.hasLeaf(number)) {
            answer = HvmInterface.leaf(number, subleaf);
        } else {
            answer = leaf(number, subleaf, apic, state);
        }
        state.gpr[VcpuState.RAX] = answer.eax() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RBX] = answer.ebx() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RCX] = answer.ecx() & 0xFFFF_FFFFL;
        state.gpr[VcpuState.RDX] = answer.edx() & 0xFFFF_FFFFL;
    }

    private static Leaf leaf(int number, int subleaf, ApicMode apic, VcpuState state) {
        Leaf leaf = CpuFeatures.cpuid(number, subleaf, state);
        return switch (number) {
            case 0 -> new Leaf(Math.max(leaf.eax(), TOPOLOGY), leaf.ebx(), leaf.ecx(), leaf.edx());
            case 1 ->
                new Leaf(
                        leaf.eax(),
                        leaf.ebx() | ONE_PROCESSOR,
                        leaf.ecx() | HAS_X2APIC | HAS_TSC_DEADLINE | HAS_HYPERVISOR,
                        leaf.edx() | HAS_MEMORY_TYPES | (apic == ApicMode.DISABLED ? 0 : HAS_APIC));
            case THERMAL_AND_POWER -> new Leaf(ALWAYS_RUNNING_APIC_TIMER, 0, 0, 0);
            case TOPOLOGY -> topology(subleaf);
            default -> leaf;
        };
    }

    /** One thread in one core: no bits of the x2APIC ID, which is 0, tell them apart. */
    private static Leaf topology(int subleaf) {
        int level = subleaf == 0 ? THREADS : subleaf == 1 ? CORES : 0;
        return new Leaf(0, level == 0 ? 0 : 1, level << 8 | subleaf & 0xFF, 0);
    }

    private CpuIdentity() {}
}
