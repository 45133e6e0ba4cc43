package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import org.jspecify.annotations.Nullable;

/**
 * Makes every present entry of a table hold what it names, and undoes that. The table's type is published and nobody else works on it. Xen: {@code alloc_l1_table} … {@code alloc_l4_table}, {@code
 * free_l1_table} …
 *
 * <p>A table of level 1 is done at once. The others are done entry by entry, upwards when validated and downwards when devalidated, and can stop between two entries: {@link MachineFrames#done} says
 * where. A pass that is begun, or gone on with, always gets past one entry. What stops it is that the caller {@linkplain Work#isPreemptionDue should end}, that a child stopped, or that a child is
 * in work already.
 */
final class TableValidation {
    /** All entries hold what they name. */
    static final int WHOLE = LongModeEntry.ENTRIES;

    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;
    private final DataReferences data;
    private final TableReferences children;
    private final DescriptorAudit descriptors;

    TableValidation(PvMachine machine) {
        this.machine = machine;
        this.memory = machine.memory;
        this.frames = machine.frames();
        this.data = new DataReferences(machine);
        this.children = new TableReferences(machine);
        this.descriptors = new DescriptorAudit(memory);
    }

    /** @return 0, {@link Errno#RESTART}, {@link Errno#INTERRUPTED}, or why it cannot be; then nothing is held, or the table is parked and holds what it {@linkplain MachineFrames#done did} */
    int validate(long mfn) {
        FrameType type = frames.type(mfn);
        return switch (type) {
            case NONE, WRITABLE -> Errno.OK;
            case SEGMENT_DESCRIPTORS -> descriptors.admitFrame(mfn) ? Errno.OK : Errno.EINVAL;
            case L1 -> validateLeaves(mfn);
            case L2, L3, L4 -> validateLinks(mfn, type.level());
        };
    }

    /** @return 0 or {@link Errno#RESTART} */
    int devalidate(long mfn) {
        FrameType type = frames.type(mfn);
        if (type == FrameType.L1) {
            dropLeaves(mfn, WHOLE);
            return Errno.OK;
        }
        return devalidateLinks(mfn, type.level());
    }

    // ---- level 1
    // -----------------------------------------------------------------------------------------------------------------------

    private int validateLeaves(long mfn) {
        PvTables owner = machine.ownerOf(mfn);
        if (owner == null) {
            return Errno.EINVAL;
        }
        for (int slot = 0; slot < WHOLE; slot++) {
            long address = address(mfn, slot);
            long entry = memory.readLong(address);
            boolean isPresent = LongModeEntry.isPresent(entry);
            int flip = isPresent ? data.take(owner, entry, owner.domain()) : absent(owner, entry, 1, address);
            if (flip < 0) {
                dropLeaves(mfn, slot);
                return flip;
            }
            if (isPresent) {
                memory.writeLong(address, PvEntry.adjusted(entry ^ flip, 1));
            }
        }
        return Errno.OK;
    }

    private void dropLeaves(long mfn, int end) {
        PvTables owner = machine.ownerOf(mfn);
        for (int slot = 0; slot < end && owner != null; slot++) {
            long entry = memory.readLong(address(mfn, slot));
            if (LongModeEntry.isPresent(entry)) {
                data.drop(owner, entry);
            }
        }
    }

    // ---- levels 2 to 4
    // -----------------------------------------------------------------------------------------------------------------------

    private int validateLinks(long mfn, int level) {
        PvTables owner = machine.ownerOf(mfn);
        int first = frames.done(mfn);
        for (int slot = first; slot < WHOLE; slot++) {
            long address = address(mfn, slot);
            long entry = memory.readLong(address);
            if (isReserved(level, slot)) {
                continue;
            }
            if (!LongModeEntry.isPresent(entry)) {
                if (absent(owner, entry, level, address) != Errno.OK) {
                    return fail(mfn, slot, false, Errno.EINVAL);
                }
                continue;
            }
            if (slot > first && machine.work().isPreemptionDue()) {
                frames.progress(mfn, slot, false);
                return Errno.RESTART;
            }
            boolean isBare = slot == first && frames.has(mfn, MachineFrames.CHILD_PARTIAL);
            int result = children.take(mfn, level, entry, isBare);
            if (result != Errno.OK) {
                return stop(mfn, slot, isBare, result);
            }
            memory.writeLong(address, PvEntry.adjusted(entry, level));
        }
        frames.progress(mfn, 0, false);
        if (level == 4 && owner != null) {
            owner.reservedSlots().writeTo(mfn);
        }
        return Errno.OK;
    }

    private static int absent(@Nullable PvTables owner, long entry, int level, long address) {
        return owner == null || owner.absent().admits(entry, level, address) ? Errno.OK : Errno.EINVAL;
    }

    /** Validation has come to {@code slot} and no further. */
    private int stop(long mfn, int slot, boolean isBare, int result) {
        if (result == Errno.RESTART) {
            frames.progress(mfn, slot, true);
            return result;
        }
        if (result == Errno.INTERRUPTED) {
            if (slot == frames.done(mfn)) {
                return result;
            }
            frames.progress(mfn, slot, false);
            return Errno.RESTART;
        }
        return fail(mfn, slot, isBare, result);
    }

    /** The child at {@code slot} is not valid. What the entries before it hold must be given up, which may take long: the table is parked in place of the child. */
    private int fail(long mfn, int slot, boolean isBare, int result) {
        Work work = machine.work();
        boolean childParked = work.hasParked(LongModeEntry.frame(memory.readLong(address(mfn, slot))));
        if (childParked) {
            work.unpark();
        }
        frames.progress(mfn, slot, childParked || isBare);
        if (slot > 0 || childParked || isBare) {
            work.park(mfn);
        }
        return result;
    }

    private int devalidateLinks(long mfn, int level) {
        boolean bareFirst = frames.has(mfn, MachineFrames.CHILD_PARTIAL);
        int first = bareFirst ? frames.done(mfn) : frames.done(mfn) - 1;
        boolean progressed = false;
        for (int slot = first; slot >= 0; slot--) {
            long entry = memory.readLong(address(mfn, slot));
            if (!LongModeEntry.isPresent(entry) || isReserved(level, slot)) {
                continue;
            }
            if (progressed && machine.work().isPreemptionDue()) {
                frames.progress(mfn, slot + 1, false);
                return Errno.RESTART;
            }
            boolean isBare = bareFirst && slot == first;
            if (children.drop(mfn, entry, isBare) != Errno.OK) {
                frames.progress(mfn, slot, true);
                return Errno.RESTART;
            }
            progressed = true;
        }
        frames.progress(mfn, 0, false);
        return Errno.OK;
    }

    private static boolean isReserved(int level, int slot) {
        return level == 4 && ReservedSlots.contains(slot);
    }

    private static long address(long table, int slot) {
        return (table << 12) + 8L * slot;
    }
}
