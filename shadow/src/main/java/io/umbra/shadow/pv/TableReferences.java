package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;

/**
 * What an entry above level 1 holds: the frame that it names, and its type, one level lower; or, if it is {@linkplain LinearTables linear}, the same level. Xen: {@code get_page_from_l2e} to {@code
 * get_page_from_l4e}, {@code put_page_from_l2e} …
 *
 * <p>A child can be left partial, when its own work was interrupted. Then the entry holds the bare frame, and no type: it is in the state <em>bare</em>, of which each table has at most one entry.
 */
final class TableReferences {
    private final PvMachine machine;
    private final MachineFrames frames;
    private final LinearTables linear;

    TableReferences(PvMachine machine) {
        this.machine = machine;
        this.frames = machine.frames();
        this.linear = new LinearTables(machine);
    }

    /**
     * Takes what a present entry of {@code table} shall hold.
     *
     * @param isBare the entry holds the frame already
     * @return 0; or what {@link TypeReferences#take} says: then the frame is held if it was before, and in addition after {@link Errno#RESTART} and when the child is parked
     */
    int take(long table, int level, long entry, boolean isBare) {
        long child = LongModeEntry.frame(entry);
        if (!PvEntry.isAllowed(entry, level, false) || !frames.isOwnedBy(child, frames.owner(table))) {
            return Errno.EINVAL;
        }
        if (!isBare && !frames.take(child)) {
            return Errno.EINVAL;
        }
        int result = machine.types.take(child, FrameType.table(level - 1));
        if (result == Errno.EINVAL && !machine.work().hasParked(child)) {
            result = linear.take(table, entry, child);
        }
        boolean keeps = isBare || result == Errno.RESTART || machine.work().hasParked(child);
        boolean holdsItself = result == Errno.OK && child == table;
        if (result == Errno.OK ? holdsItself : !keeps) {
            machine.drop(child);
        }
        return result;
    }

    /**
     * Gives up what a present entry of {@code table} holds or, if that entry is there no more, held.
     *
     * @return 0; or {@link Errno#RESTART}: the child is partial and its frame still held. If the entry is still there it is bare
     */
    int drop(long table, long entry, boolean isBare) {
        long child = LongModeEntry.frame(entry);
        if (child == table) {
            return Errno.OK;
        }
        if (!isBare && linear.isLinear(table, child)) {
            linear.count(table, child, -1);
        }
        int result = isBare ? machine.types.finish(child) : machine.types.drop(child);
        if (result == Errno.OK) {
            machine.drop(child);
        }
        return result;
    }
}
