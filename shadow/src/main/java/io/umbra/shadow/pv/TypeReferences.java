package io.umbra.shadow.pv;

import io.umbra.x86.InvariantViolation;

/**
 * References to a frame's type. The first one claims the type and has the frame validated as it; the last one to go has a table devalidated. Whoever takes a type holds the frame. Xen: {@code
 * _get_page_type}, {@code _put_page_type}.
 *
 * <p>The order of a claim is the point of XSA-401: the new type is <em>published first</em>, so that nobody can get the frame as anything else; then what was derived from the old one is removed, shadows
 * and translations in TLBs; then the frame is validated. A flush before the claim would leave a gap in which a new writable mapping can be made and used.
 *
 * <p>Work on a table can stop half-way. Three calls deal with that, and must not be confused (XSA-299):
 *
 * <ul>
 *   <li>{@link #take} begins, or goes on with validation.
 *   <li>{@link #drop} gives up a reference that is held.
 *   <li>{@link #finish} cleans up a partial table, to which no reference is held; nothing happens when somebody else has completed or cleaned it up meanwhile.
 * </ul>
 *
 * <p>A partial table is held by itself: one reference to the frame, and the only type reference.
 */
final class TypeReferences {
    private final PvMachine machine;
    private final MachineFrames frames;
    private final TableValidation validation;

    TypeReferences(PvMachine machine) {
        this.machine = machine;
        this.frames = machine.frames();
        this.validation = new TableValidation(machine);
    }

    /**
     * @return 0; {@link Errno#RESTART}: the table is partial; {@link Errno#INTERRUPTED}: nothing has changed; {@link Errno#EINVAL} when the frame is in use as something else, or too often; or why it is
     *     not valid, and then the frame may be {@linkplain Work#hasParked parked}, and the caller's reference to it with it
     */
    int take(long mfn, FrameType type) {
        int count = frames.typeCount(mfn);
        if (count == 0) {
            return claim(mfn, type);
        }
        if (frames.type(mfn) != type || frames.isTypeCountFull(mfn)) {
            return Errno.EINVAL;
        }
        if (frames.isPartial(mfn)) {
            return complete(mfn);
        }
        if (type.isTable() && !frames.isValidated(mfn)) {
            return Errno.INTERRUPTED;
        }
        frames.typeCount(mfn, count + 1);
        return Errno.OK;
    }

    private int claim(long mfn, FrameType type) {
        FrameType old = frames.type(mfn);
        frames.typeCount(mfn, 1);
        if (old != type) {
            frames.set(mfn, MachineFrames.VALIDATED, false);
            frames.type(mfn, type);
            if (old.isTable() || type.isTable()) {
                tellHost(mfn);
            }
            machine.flushIfStale(mfn);
        } else if (type.isTable()) {
            tellHost(mfn);
        }
        return frames.isValidated(mfn) ? Errno.OK : validate(mfn);
    }

    /** It becomes a table, or ceases to be one. */
    private void tellHost(long mfn) {
        PvTables owner = machine.ownerOf(mfn);
        if (owner != null) {
            owner.host().removeShadows(mfn);
            owner.host().markDirty(mfn);
        }
    }

    private int validate(long mfn) {
        int result = validation.validate(mfn);
        markAdjusted(mfn);
        switch (result) {
            case Errno.OK -> validated(mfn);
            case Errno.RESTART -> leavePartial(mfn);
            case Errno.INTERRUPTED -> frames.typeCount(mfn, 0);
            default -> {
                if (machine.work().hasParked(mfn)) {
                    leavePartial(mfn);
                } else {
                    forgetType(mfn);
                }
            }
        }
        return result;
    }

    private void validated(long mfn) {
        frames.set(mfn, MachineFrames.VALIDATED, true);
        PvTables owner = machine.ownerOf(mfn);
        if (owner != null && frames.type(mfn).isTable()) {
            owner.counts().validation();
        }
    }

    /** What is admitted may have been adjusted in place. */
    private void markAdjusted(long mfn) {
        PvTables owner = machine.ownerOf(mfn);
        FrameType type = frames.type(mfn);
        if (owner != null && (type.isTable() || type == FrameType.SEGMENT_DESCRIPTORS)) {
            owner.host().markDirty(mfn);
        }
    }

    private void forgetType(long mfn) {
        frames.typeCount(mfn, 0);
        if (frames.type(mfn).isTable()) {
            tellHost(mfn);
        }
        frames.type(mfn, FrameType.NONE);
    }

    private void leavePartial(long mfn) {
        frames.takeSpare(mfn);
        frames.set(mfn, MachineFrames.PARTIAL, true);
    }

    /** Goes on where validation stopped. What the partial table held of itself is the caller's when it succeeds. */
    private int complete(long mfn) {
        frames.set(mfn, MachineFrames.PARTIAL, false);
        int result = validation.validate(mfn);
        markAdjusted(mfn);
        if (result == Errno.OK) {
            validated(mfn);
            machine.drop(mfn);
        } else {
            frames.set(mfn, MachineFrames.PARTIAL, true);
        }
        return result;
    }

    /**
     * @return 0; or {@link Errno#RESTART}: the reference is gone and the table partial. Only tables above level 1 give that
     */
    int drop(long mfn) {
        int count = frames.typeCount(mfn);
        FrameType type = frames.type(mfn);
        if (count == 0) {
            throw new InvariantViolation(
                    "COUNT-1",
                    "the type of frame 0x" + Long.toHexString(mfn) + " is given up by one who did not hold it");
        }
        if (count > 1 || !type.isTable()) {
            frames.typeCount(mfn, count - 1);
            if (count == 1) {
                machine.stamp(mfn);
            }
            return Errno.OK;
        }
        frames.set(mfn, MachineFrames.VALIDATED, false);
        frames.progress(mfn, TableValidation.WHOLE, false);
        int result = validation.devalidate(mfn);
        if (result == Errno.OK) {
            idle(mfn);
        } else {
            leavePartial(mfn);
        }
        return result;
    }

    /** Nobody counts on the table any more. A processor may still have the way through it in its caches. */
    private void idle(long mfn) {
        frames.typeCount(mfn, 0);
        frames.progress(mfn, 0, false);
        machine.stamp(mfn);
        tellHost(mfn);
    }

    /**
     * Cleans up a table, if it is partial. The frame is held by the caller.
     *
     * @return 0; or {@link Errno#RESTART}: it is still partial
     */
    int finish(long mfn) {
        if (!frames.isPartial(mfn)) {
            return Errno.OK;
        }
        frames.set(mfn, MachineFrames.PARTIAL, false);
        int result = validation.devalidate(mfn);
        if (result == Errno.OK) {
            idle(mfn);
            machine.drop(mfn);
        } else {
            frames.set(mfn, MachineFrames.PARTIAL, true);
        }
        return result;
    }
}
