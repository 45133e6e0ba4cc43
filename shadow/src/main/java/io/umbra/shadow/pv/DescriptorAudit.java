package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * Which segment descriptors a guest may have. It runs at CPL 3, so none may lead to more. Xen: {@code check_descriptor}; Intel SDM vol. 3A, "Segment Descriptors", "Call Gates".
 *
 * <pre>
 *   not present                  as it is: using it faults
 *   code, data                   DPL becomes 3
 *   type 0 (half of a gate)      as data: using it faults
 *   call gate                    to a guest's code segment only; DPL becomes 0: using it faults, and can be emulated
 *   TSS, LDT, other gates        refused
 * </pre>
 */
final class DescriptorAudit {
    /** What is given for a descriptor that is refused: a present one of a type that does not exist. */
    static final long REFUSED = 0x0000_8800_0000_0000L;

    /** The first entry of a GDT that is the hypervisor's. Xen: {@code FIRST_RESERVED_GDT_ENTRY}. */
    static final int FIRST_RESERVED = 14 * 512;

    private static final long PRESENT = 1L << 47;
    private static final long CODE_OR_DATA = 1L << 44;
    private static final long DPL = 3L << 45;
    private static final long TYPE = 0xFL << 40;
    private static final long CALL_GATE = 0xCL << 40;
    private static final long GATE_RESERVED = 0xFFL << 32;
    private static final int LOCAL = 4;

    private final MachineMemory memory;

    DescriptorAudit(MachineMemory memory) {
        this.memory = memory;
    }

    /** @return the descriptor as it may be stored, or {@link #REFUSED} */
    static long admit(long descriptor) {
        if ((descriptor & PRESENT) == 0) {
            return descriptor;
        }
        if ((descriptor & CODE_OR_DATA) != 0 || (descriptor & TYPE) == 0) {
            return descriptor | DPL;
        }
        boolean isGate = (descriptor & TYPE) == CALL_GATE && (descriptor & GATE_RESERVED) == 0;
        return isGate && isGuestCode((int) (descriptor >>> 16) & 0xFFFF) ? descriptor & ~DPL : REFUSED;
    }

    /** A segment of the guest's own, or the code segments that the hypervisor has for all guests. */
    private static boolean isGuestCode(int selector) {
        int index = selector >>> 3;
        boolean isNull = selector <= 3;
        boolean isLocal = (selector & LOCAL) != 0;
        boolean isOurs = index == HypervisorDescriptors.CODE_32 || index == HypervisorDescriptors.CODE_64;
        return !isNull && (isLocal || index < FIRST_RESERVED || isOurs);
    }

    /**
     * Changes the frame's descriptors to what they may be.
     *
     * @return false when one is refused
     */
    boolean admitFrame(long mfn) {
        for (int i = 0; i < LongModeEntry.ENTRIES; i++) {
            long address = (mfn << 12) + 8L * i;
            long descriptor = memory.readLong(address);
            long admitted = admit(descriptor);
            if (admitted == REFUSED) {
                return false;
            }
            if (admitted != descriptor) {
                memory.writeLong(address, admitted);
            }
        }
        return true;
    }
}
