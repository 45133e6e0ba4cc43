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
     * Gives up what a present entry of {@code table} holds. After {@link Errno#RESTART} the entry is bare; after {@link Errno#INTERRUPTED} it is as before.
     *
     * @return 0, RESTART or INTERRUPTED
     */
    int drop(long table, long entry, boolean isBare) {
        long child = LongModeEntry.frame(entry);
        if (child == table) {
            return Errno.OK;
        }
        int result = isBare ? machine.types.finish(child) : dropType(table, child);
        if (result == Errno.OK) {
            machine.drop(child);
        }
        return result;
    }

    /**
     * Gives up what an entry held that {@code table} has no longer.
     *
     * @return 0; {@link Errno#RESTART}: the child is partial; {@link Errno#INTERRUPTED}: its type is still held. Then the frame is held as well, by the caller
     */
    int release(long table, long entry) {
        long child = LongModeEntry.frame(entry);
        if (child == table) {
            return Errno.OK;
        }
        if (linear.isLinear(table, child)) {
            linear.count(table, child, -1);
        }
        int result = machine.types.drop(child);
        if (result == Errno.OK) {
            machine.drop(child);
        }
        return result;
    }

    private int dropType(long table, long child) {
        boolean isLinear = linear.isLinear(table, child);
        if (isLinear) {
            linear.count(table, child, -1);
        }
        int result = machine.types.drop(child);
        if (isLinear && result == Errno.INTERRUPTED) {
            linear.count(table, child, 1);
        }
        return result;
    }
}
