package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * Stores that the guest's kernel makes into its L1 tables, as if they were memory. The table is mapped read-only, so each faults, is emulated, and comes here: the whole entry that it would leave behind is
 * audited as an update is. Tables of other levels are not written in this way. Xen: {@code ptwr_emulated_update}.
 */
final class DirectStores {
    private final PvTables tables;
    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;

    DirectStores(PvTables tables) {
        this.tables = tables;
        this.machine = tables.machine();
        this.memory = machine.memory;
        this.frames = machine.frames();
    }

    long tableByteAt(long kernelBase, long linear) {
        long address = tables.walk().leafAddress(kernelBase, linear);
        long entry = address < 0 ? 0 : memory.readLong(address);
        long mfn = LongModeEntry.frame(entry);
        boolean isReadOnly = LongModeEntry.isPresent(entry) && !LongModeEntry.isWritable(entry);
        return isReadOnly && isOurTable(mfn) ? mfn << 12 | linear & 0xFFF : -1;
    }

    private boolean isOurTable(long mfn) {
        return frames.isOwnedBy(mfn, tables.domain()) && frames.isLiveTable(mfn) && frames.type(mfn) == FrameType.L1;
    }

    int store(long maddr, int size, long value) {
        if (!isStore(maddr, size)) {
            return Errno.EINVAL;
        }
        long entry = maddr & -8;
        int shift = (int) (maddr & 7) * 8;
        long mask = -1L >>> 64 - 8 * size << shift;
        long whole = memory.readLong(entry) & ~mask | value << shift & mask;
        return machine.updates.update(tables, entry, whole, UpdateKind.NORMAL, tables.domain());
    }

    /** @return 0; 1 when memory does not hold {@code expected}; or a negative errno */
    int exchange(long maddr, int size, long expected, long value) {
        if (!isStore(maddr, size)) {
            return Errno.EINVAL;
        }
        long held = memory.read(maddr, size);
        boolean isEqual = (held ^ expected) << 64 - 8 * size == 0;
        return isEqual ? store(maddr, size, value) : 1;
    }

    private boolean isStore(long maddr, int size) {
        boolean isSound = (size == 1 || size == 2 || size == 4 || size == 8) && (maddr & size - 1) == 0;
        return isSound && isOurTable(maddr >>> 12);
    }
}
