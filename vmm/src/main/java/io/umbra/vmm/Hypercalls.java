package io.umbra.vmm;

import io.umbra.shadow.Counter;
import io.umbra.shadow.Counters;
import io.umbra.shadow.Paging;
import io.umbra.x86.VcpuState;

/**
 * What a guest can ask Umbra by VMMCALL or VMCALL. The interface is announced by CPUID leaf 0x40000000 with the signature {@code UmbraUmbraUm}.
 *
 * <pre>
 *  RAX = 1: read the counter RBX since start
 *           0 … 19 the first twenty of {@link Counter}, 20 retired instructions, 21 … the rest of {@link Counter}
 *           result in RAX, -1 when there is no such counter or function
 * RAX = 2: the address space whose top table lies at guest-physical RBX is about to end: a hint; result 0
 * </pre>
 */
final class Hypercalls {
    static final int SIGNATURE_EBX = 0x7262_6D55;
    static final int SIGNATURE_ECX = 0x626D_5561;
    static final int SIGNATURE_EDX = 0x6D55_6172;

    private static final long READ_COUNTER = 1;
    private static final long PAGETABLE_DYING = 2;
    private static final int INSTRUCTIONS = 20;
    private static final Counter[] COUNTERS = Counter.values();

    static void call(VcpuState state, Paging paging) {
        long[] gpr = state.gpr;
        long argument = gpr[VcpuState.RBX];
        if (gpr[VcpuState.RAX] == READ_COUNTER) {
            gpr[VcpuState.RAX] = counter(argument, state.instructions, paging.counters());
        } else if (gpr[VcpuState.RAX] == PAGETABLE_DYING) {
            paging.pagetableDying(0, argument);
            gpr[VcpuState.RAX] = 0;
        } else {
            gpr[VcpuState.RAX] = -1;
        }
    }

    /** The answer where there are no hypercalls. */
    static void refuse(VcpuState state) {
        state.gpr[VcpuState.RAX] = -1;
    }

    private static long counter(long id, long instructions, Counters counters) {
        if (id == INSTRUCTIONS) {
            return instructions;
        }
        long place = id > INSTRUCTIONS ? id - 1 : id;
        return place >= 0 && place < COUNTERS.length ? counters.get(COUNTERS[(int) place]) : -1;
    }

    private Hypercalls() {}
}
