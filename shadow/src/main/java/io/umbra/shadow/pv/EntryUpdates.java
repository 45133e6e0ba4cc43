package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * The change of one entry of a live table, which the caller holds by frame and type: what the new value names is taken, the entry is stored, what the old value named is given up. An update that is refused
 * has changed nothing. Nothing is allocated. Xen: {@code mod_l1_entry} to {@code mod_l4_entry}.
 *
 * <p>If nothing changes but bits that concern the guest alone, what the entry names is held already, and nothing is taken or given up.
 */
final class EntryUpdates {
    private static final long ACCESSED_DIRTY = LongModeEntry.ACCESSED | LongModeEntry.DIRTY;

    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;
    private final DataReferences data;
    private final TableReferences children;

    EntryUpdates(PvMachine machine) {
        this.machine = machine;
        this.memory = machine.memory;
        this.frames = machine.frames();
        this.data = new DataReferences(machine);
        this.children = new TableReferences(machine);
    }

    /**
     * @param tables of the domain whose table it is
     * @param maddr of the entry
     * @param dataOwner whose frame a level-1 entry may map
     */
    int update(PvTables tables, long maddr, long value, UpdateKind kind, int dataOwner) {
        int level = frames.type(maddr >>> 12).level();
        tables.counts().update();
        if (level == 1) {
            return updateLeaf(tables, maddr, value, kind, dataOwner);
        }
        boolean isReserved = level == 4 && ReservedSlots.contains((int) (maddr & 0xFFF) >>> 3);
        return isReserved || dataOwner != tables.domain()
                ? Errno.EINVAL
                : updateLink(tables, maddr, level, value, kind);
    }

    private int updateLeaf(PvTables tables, long maddr, long value, UpdateKind kind, int dataOwner) {
        long entry = value;
        boolean takes = LongModeEntry.isPresent(value);
        if (takes) {
            if (!PvEntry.isAllowed(value, 1, tables.policy().io().mayChooseCaching())) {
                return Errno.EINVAL;
            }
            if (PvEntry.differHarmlessly(memory.readLong(maddr), value)) {
                exchange(tables, maddr, PvEntry.adjusted(value, 1), kind);
                return Errno.OK;
            }
            int flip = data.take(tables, value, dataOwner);
            if (flip < 0) {
                return flip;
            }
            entry = PvEntry.adjusted(value ^ flip, 1);
        } else if (!tables.absent().admits(value, 1, maddr)) {
            return Errno.EINVAL;
        }
        long old = exchange(tables, maddr, entry, kind);
        if (LongModeEntry.isPresent(old)) {
            data.drop(tables, old);
        }
        return Errno.OK;
    }

    private int updateLink(PvTables tables, long maddr, int level, long value, UpdateKind kind) {
        long table = maddr >>> 12;
        long entry = value;
        if (LongModeEntry.isPresent(value)) {
            if (!PvEntry.isAllowed(value, level, false)) {
                return Errno.EINVAL;
            }
            entry = PvEntry.adjusted(value, level);
            if (PvEntry.differHarmlessly(memory.readLong(maddr), value)) {
                exchange(tables, maddr, entry, kind);
                machine.flush();
                return Errno.OK;
            }
            int result = takeChild(table, level, value);
            if (result != Errno.OK) {
                return result;
            }
        } else if (!tables.absent().admits(value, level, maddr)) {
            return Errno.EINVAL;
        }
        long old = exchange(tables, maddr, entry, kind);
        if (LongModeEntry.isPresent(old)) {
            machine.flush();
            dropChild(table, old);
        }
        return Errno.OK;
    }

    /** The update as a whole holds nothing of a child that is not complete. */
    private int takeChild(long table, int level, long value) {
        int result = children.take(table, level, value, false);
        if (result == Errno.RESTART) {
            machine.drop(LongModeEntry.frame(value));
        }
        return result == Errno.INTERRUPTED ? Errno.RESTART : result;
    }

    /** The entry is stored already: if the old child's table cannot be cleaned up now, it is parked. */
    private void dropChild(long table, long old) {
        long child = LongModeEntry.frame(old);
        int result = children.drop(table, old, false);
        if (result != Errno.OK) {
            machine.work().park(child);
        }
    }

    /**
     * Stores the entry, against a processor that sets A and D in it at the same time if {@code kind} asks for that.
     *
     * @return what was there
     */
    private long exchange(PvTables tables, long maddr, long entry, UpdateKind kind) {
        long old;
        do {
            old = memory.readLong(maddr);
        } while (!memory.compareAndSetLong(
                maddr, old, kind == UpdateKind.PRESERVE_AD ? entry | old & ACCESSED_DIRTY : entry));
        tables.host().markDirty(maddr >>> 12);
        tables.host().entryWritten(maddr);
        return old;
    }
}
