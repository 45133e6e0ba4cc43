package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;

/**
 * Entries that name a table of their own level, so that a guest sees its tables in its address space. Read-only ones are harmless: through them a table is one level lower than it is, and so is all below it.
 *
 * <p>An entry that names its own table holds nothing. Any other holds the named table's type, and a count in both tables keeps such entries from forming chains, whose end would be cleaned up by
 * recursion as deep as the chain (XSA-240): a table has some, or is named by some, never both. The counts are right at every moment, also while a table is partial (XSA-309). Xen: {@code
 * get_l4_linear_pagetable}, {@code linear_pt_count}.
 */
final class LinearTables {
    private final PvMachine machine;
    private final MachineFrames frames;

    LinearTables(PvMachine machine) {
        this.machine = machine;
        this.frames = machine.frames();
    }

    /**
     * Takes the type of {@code child} for an entry of {@code table}, which is of another level than the entry's child should be. The frame is held by the caller.
     *
     * @return 0 or {@link Errno#EINVAL}
     */
    int take(long table, long entry, long child) {
        PvTables owner = machine.ownerOf(table);
        boolean isOffered = owner != null && owner.policy().linearTables() && !LongModeEntry.isWritable(entry);
        if (!isOffered) {
            return Errno.EINVAL;
        }
        if (child == table) {
            return Errno.OK;
        }
        boolean isFinished = frames.isLiveTable(child) && frames.type(child) == frames.type(table);
        boolean wouldChain = frames.linear(child) > 0 || frames.linear(table) < 0;
        boolean isFull = frames.isTypeCountFull(child) || frames.isLinearFull(child) || frames.isLinearFull(table);
        if (!isFinished || wouldChain || isFull) {
            return Errno.EINVAL;
        }
        frames.typeCount(child, frames.typeCount(child) + 1);
        count(table, child, 1);
        return Errno.OK;
    }

    /** Such an entry, that is not of the table itself. */
    boolean isLinear(long table, long child) {
        return frames.type(table) == frames.type(child) && table != child;
    }

    /** @param change 1 for an entry more, -1 for one less */
    void count(long table, long child, int change) {
        frames.linear(table, frames.linear(table) + change);
        frames.linear(child, frames.linear(child) - change);
    }
}
