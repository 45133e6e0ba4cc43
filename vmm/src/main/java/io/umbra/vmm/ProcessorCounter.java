package io.umbra.vmm;

import java.util.Locale;

/**
 * What is counted on the processor's side of a domain, beside the engine's {@link io.umbra.shadow.Counter}: the work of the TLB, and what made the guest leave guest
 * mode. Page faults and misses of the P2M leave guest mode too, and are the engine's {@code page_fault}.
 */
public enum ProcessorCounter {
    TLB_MISS("page walks for a page that the TLB did not hold"),
    TLB_RECHECK("page walks for a page that the TLB held for another kind of access"),
    WALK_REFUSED("page walks that ended in a fault"),
    WALK_REFERENCE("entries of pagetables read by misses and refused walks"),
    TLB_FLUSH("times the TLB was emptied"),
    EXIT_CONTROL_REGISTER("exits: CR0, CR3, CR4 or EFER written"),
    EXIT_INVALIDATE("exits: INVLPG or INVPCID"),
    EXIT_PORT("exits: IN, OUT and their string forms"),
    EXIT_CPUID("exits: CPUID"),
    EXIT_MSR("exits: RDMSR or WRMSR of a register that the processor does not hold"),
    EXIT_TIME("exits: RDTSC or RDTSCP under wall time"),
    EXIT_HALT("exits: HLT"),
    EXIT_HYPERCALL("exits: VMCALL or VMMCALL"),
    EXIT_EXCEPTION("exits: an exception that is no page fault"),
    EXIT_INTERRUPT("exits: external interrupts injected, and windows for them");

    private final String description;

    ProcessorCounter(String description) {
        this.description = description;
    }

    public String description() {
        return description;
    }

    /** As in reports: {@code tlb_miss}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it counts transitions from the guest to the hypervisor and back. */
    public boolean isExit() {
        return name().startsWith("EXIT_");
    }
}
