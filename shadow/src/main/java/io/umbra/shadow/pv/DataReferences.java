package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;

/**
 * What a level-1 entry holds: the frame that it maps and, when it maps it writable, the frame's type WRITABLE. Xen: {@code get_page_from_l1e}, {@code put_page_from_l1e}.
 *
 * <p>Frames that are no memory are held by nothing. A writable mapping of a frame of a domain without PV tables takes no type: such a domain's frames have none.
 */
final class DataReferences {
    private final PvMachine machine;
    private final MachineFrames frames;

    DataReferences(PvMachine machine) {
        this.machine = machine;
        this.frames = machine.frames();
    }

    /**
     * Takes what a present entry shall hold.
     *
     * @param tables of the domain whose table it is
     * @param dataOwner whose frame it must be
     * @return bits to be flipped in the entry, or a negative errno
     */
    int take(PvTables tables, long entry, int dataOwner) {
        IoSpace io = tables.policy().io();
        if (!PvEntry.isAllowed(entry, 1, io.mayChooseCaching())) {
            return Errno.EINVAL;
        }
        long mfn = LongModeEntry.frame(entry);
        if (!frames.contains(mfn)) {
            return takeIo(io, entry, mfn);
        }
        if (frames.owner(mfn) != dataOwner || !frames.take(mfn)) {
            return Errno.EBUSY;
        }
        int result = frames.has(mfn, MachineFrames.SPECIAL) && (entry & PvEntry.CACHING) != 0
                ? Errno.EACCES
                : takeWritable(entry, mfn);
        if (result < 0) {
            machine.drop(mfn);
        }
        return result;
    }

    private int takeWritable(long entry, long mfn) {
        boolean taken = !isTyped(entry, mfn) || machine.types.take(mfn, FrameType.WRITABLE) == Errno.OK;
        return taken ? Errno.OK : Errno.EBUSY;
    }

    /** What is cached shall be uncached (XSA-154); what is read-only shall be mapped so. */
    private static int takeIo(IoSpace io, long entry, long mfn) {
        if (!io.mayMap(mfn)) {
            return Errno.EPERM;
        }
        long uncached = LongModeEntry.WRITE_THROUGH | LongModeEntry.CACHE_DISABLE;
        long caching = entry & PvEntry.CACHING;
        boolean isCached = (caching & LongModeEntry.CACHE_DISABLE) == 0
                && (caching & (LongModeEntry.PAT | LongModeEntry.WRITE_THROUGH)) != LongModeEntry.PAT;
        long flip = isCached ? uncached & ~caching | caching & LongModeEntry.PAT : 0;
        return (int) (io.isReadOnly(mfn) ? flip | entry & LongModeEntry.WRITABLE : flip);
    }

    /** Gives up what a present entry of the domain's tables held. */
    void drop(PvTables tables, long entry) {
        long mfn = LongModeEntry.frame(entry);
        if (!frames.contains(mfn)) {
            return;
        }
        machine.stamp(mfn);
        if (isTyped(entry, mfn)) {
            machine.types.drop(mfn);
        } else if (frames.type(mfn) == FrameType.SEGMENT_DESCRIPTORS && frames.owner(mfn) == tables.domain()) {
            tables.descriptors().forgetLdts();
        }
        machine.drop(mfn);
    }

    private boolean isTyped(long entry, long mfn) {
        return LongModeEntry.isWritable(entry) && machine.find(frames.owner(mfn)) != null;
    }
}
