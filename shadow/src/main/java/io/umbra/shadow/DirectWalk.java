package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;

/** A walk of the tables that hardware walks for a PV guest, as hardware makes it: at CPL 3, with WP and NXE. The A bits of what it uses are set. */
final class DirectWalk {
    private final MachineMemory memory;

    DirectWalk(MachineMemory memory) {
        this.memory = memory;
    }

    /**
     * @param access {@link PageFaultCode#WRITE}, {@link PageFaultCode#FETCH} or neither
     * @return the machine address, or the code of the page fault as a negative number less one
     */
    long walk(VcpuState state, long linear, int access) {
        int code = access & (PageFaultCode.WRITE | PageFaultCode.FETCH) | PageFaultCode.USER;
        long table = LongModeEntry.frame(state.cr3);
        long rights = LongModeEntry.WRITABLE | LongModeEntry.USER;
        long denied = 0;
        for (int level = 4; level >= 1; level--) {
            long address = (table << 12) + 8L * LongModeEntry.index(linear, level);
            long entry = memory.readLong(address);
            table = LongModeEntry.frame(entry);
            if (!LongModeEntry.isPresent(entry) || !memory.contains(table)) {
                return -1L - code;
            }
            rights &= entry;
            denied |= entry & LongModeEntry.NO_EXECUTE;
            if (level == 1 && isRefused(rights, denied, access)) {
                return -1L - (code | PageFaultCode.PRESENT);
            }
            if (!LongModeEntry.isAccessed(entry)) {
                memory.compareAndSetLong(address, entry, entry | LongModeEntry.ACCESSED);
            }
        }
        return table << 12 | linear & 0xFFF;
    }

    private static boolean isRefused(long rights, long denied, int access) {
        return !LongModeEntry.isUser(rights)
                || (access & PageFaultCode.WRITE) != 0 && !LongModeEntry.isWritable(rights)
                || (access & PageFaultCode.FETCH) != 0 && denied != 0;
    }
}
