package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/** The way from an L4 to the level-1 entry of an address, in a guest's half of it. No entry is marked as used. Xen: {@code map_guest_l1e}. */
final class TableWalk {
    private final MachineMemory memory;
    private final MachineFrames frames;

    TableWalk(MachineMemory memory, MachineFrames frames) {
        this.memory = memory;
        this.frames = frames;
    }

    /** @return the machine address of the entry, which may be absent; -1 when there is none or the address is not the guest's */
    long leafAddress(long level4, long linear) {
        boolean isCanonical = linear << 16 >> 16 == linear;
        if (level4 == PvTables.NONE || !isCanonical || ReservedSlots.contains(LongModeEntry.index(linear, 4))) {
            return -1;
        }
        long table = level4;
        for (int level = 4; level > 1; level--) {
            long entry = memory.readLong((table << 12) + 8L * LongModeEntry.index(linear, level));
            table = LongModeEntry.frame(entry);
            if (!LongModeEntry.isPresent(entry) || LongModeEntry.hasPageSize(entry) || !frames.contains(table)) {
                return -1;
            }
        }
        return (table << 12) + 8L * LongModeEntry.index(linear, 1);
    }
}
