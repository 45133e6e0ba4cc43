package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PaeEntry;

/**
 * The four PDPTE registers of PAE paging: read from guest memory when an instruction loads them, and kept by the processor since. A table of them in memory that changes afterwards
 * changes nothing until the next load. Intel SDM vol. 3A, "PDPTE Registers".
 */
final class PdpteRegisters {
    private final MachineMemory memory;
    private final P2m p2m;

    PdpteRegisters(MachineMemory memory, P2m p2m) {
        this.memory = memory;
        this.p2m = p2m;
    }

    /**
     * @param cr3 bits 31..5 are the guest-physical address of the four entries
     * @param target receives them, only when all are good; where there is no memory they are zero
     * @return false when a present entry has a reserved bit
     */
    boolean read(long cr3, long[] target) {
        long first = PaeEntry.pointers(cr3);
        long p2mEntry = p2m.demand(first >>> 12, false);
        long machine = P2m.mfn(p2mEntry) << 12 | first & 0xFFF;
        long[] entries = new long[PaeEntry.POINTERS];
        for (int i = 0; i < entries.length && P2m.isBacked(p2mEntry); i++) {
            entries[i] = memory.readLong(machine + 8L * i);
            boolean hasReserved = (entries[i] & PaeEntry.pointerReserved(GuestWalker.MAX_PHYSICAL_ADDRESS)) != 0;
            if (LongModeEntry.isPresent(entries[i]) && hasReserved) {
                return false;
            }
        }
        System.arraycopy(entries, 0, target, 0, entries.length);
        return true;
    }
}
