package io.umbra.shadow.pv;

import io.umbra.x86.MachineMemory;

/**
 * The 16 slots of each L4 that are the hypervisor's, 256 to 271, and what they hold in each L4 of one domain.
 *
 * <pre>
 *   256        the M2P, for guests to read
 *   260        the domain's area with its descriptors, for the processor
 *   others     nothing: the hypervisor is not in its guests' address space
 * </pre>
 *
 * <p>They are written when an L4 is validated, whatever the guest had put there. No more and no fewer than these: slot 272 is the guest's again (XSA-64). Xen: {@code ROOT_PAGETABLE_FIRST_XEN_SLOT}, {@code
 * init_xen_l4_slots}.
 */
public final class ReservedSlots {
    public static final int FIRST = 256;
    public static final int COUNT = 16;

    private final MachineMemory memory;
    private final long m2p;
    private final long perDomain;

    ReservedSlots(MachineMemory memory, MachineToPhys m2p, PerDomainArea area) {
        this.memory = memory;
        this.m2p = m2p.entry();
        this.perDomain = area.entry();
    }

    public static boolean contains(int slot) {
        return slot >= FIRST && slot < FIRST + COUNT;
    }

    /** @param slot 256 to 271 */
    public long entry(int slot) {
        return switch (slot) {
            case FIRST -> m2p;
            case PerDomainArea.SLOT -> perDomain;
            default -> 0;
        };
    }

    void writeTo(long level4) {
        for (int slot = FIRST; slot < FIRST + COUNT; slot++) {
            memory.writeLong((level4 << 12) + 8L * slot, entry(slot));
        }
    }
}
