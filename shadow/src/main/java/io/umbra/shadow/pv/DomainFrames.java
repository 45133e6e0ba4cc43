package io.umbra.shadow.pv;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;

/** A domain's frames as memory: how it gets and loses them, and what the hypervisor does to their contents on its behalf. Xen: {@code common/memory.c}, {@code steal_page}. */
final class DomainFrames {
    private final PvTables tables;
    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;

    DomainFrames(PvTables tables) {
        this.tables = tables;
        this.machine = tables.machine();
        this.memory = machine.memory;
        this.frames = machine.frames();
    }

    long allocate(long pfn) {
        long mfn = machine.allocator.allocate();
        if (mfn == FrameAllocator.NONE) {
            return Errno.ENOMEM;
        }
        memory.zeroFrame(mfn);
        frames.assign(mfn, tables.domain(), MachineFrames.ALLOCATED);
        machine.m2p().set(mfn, pfn);
        tables.host().markDirty(mfn);
        return mfn;
    }

    int release(long mfn) {
        if (!frames.isOwnedBy(mfn, tables.domain()) || !frames.has(mfn, MachineFrames.ALLOCATED)) {
            return Errno.EINVAL;
        }
        frames.set(mfn, MachineFrames.ALLOCATED, false);
        tables.host().markDirty(mfn);
        machine.drop(mfn);
        return Errno.OK;
    }

    /** It has one reference and one of its type for good, so that the type stays: WRITABLE, or one of which there are no writable mappings. */
    long share(boolean writable) {
        long mfn = machine.allocator.allocate();
        if (mfn == FrameAllocator.NONE) {
            return Errno.ENOMEM;
        }
        memory.zeroFrame(mfn);
        frames.assign(mfn, tables.domain(), MachineFrames.SPECIAL);
        frames.type(mfn, writable ? FrameType.WRITABLE : FrameType.NONE);
        frames.typeCount(mfn, 1);
        frames.set(mfn, MachineFrames.VALIDATED, true);
        return mfn;
    }

    /** The frame must have no reference but its owner's. What it was validated as means nothing to the new owner (XSA-214). */
    int transfer(long mfn, PvTables to, long pfn) {
        boolean isOurs =
                frames.isOwnedBy(mfn, tables.domain()) && frames.has(mfn, MachineFrames.ALLOCATED) && to.isAlive();
        if (!isOurs) {
            return Errno.EINVAL;
        }
        if (frames.count(mfn) != 1 || frames.typeCount(mfn) != 0) {
            return Errno.EBUSY;
        }
        tables.host().markDirty(mfn);
        machine.flushIfStale(mfn);
        frames.clear(mfn);
        frames.assign(mfn, to.domain(), MachineFrames.ALLOCATED);
        machine.m2p().set(mfn, pfn);
        to.host().markDirty(mfn);
        return Errno.OK;
    }

    int setPfn(long mfn, long pfn) {
        if (!frames.isOwnedBy(mfn, tables.domain())) {
            return Errno.EINVAL;
        }
        machine.m2p().set(mfn, pfn);
        tables.host().markDirty(mfn);
        return Errno.OK;
    }

    int takeWritable(long mfn) {
        if (!frames.isOwnedBy(mfn, tables.domain()) || !frames.take(mfn)) {
            return Errno.EINVAL;
        }
        if (machine.types.take(mfn, FrameType.WRITABLE) != Errno.OK) {
            machine.drop(mfn);
            return Errno.EINVAL;
        }
        return Errno.OK;
    }

    void dropWritable(long mfn) {
        machine.types.drop(mfn);
        machine.drop(mfn);
    }

    /** As {@link #takeWritable}, until {@link #unhold}. */
    int hold(long mfn) {
        int result = takeWritable(mfn);
        if (result == Errno.OK) {
            frames.held(mfn, frames.held(mfn) + 1);
        }
        return result;
    }

    void unhold(long mfn) {
        frames.held(mfn, frames.held(mfn) - 1);
        dropWritable(mfn);
    }

    int clear(long mfn) {
        int result = takeWritable(mfn);
        if (result == Errno.OK) {
            tables.host().markDirty(mfn);
            memory.zeroFrame(mfn);
            dropWritable(mfn);
        }
        return result;
    }

    int copy(long target, long source) {
        if (!frames.isOwnedBy(source, tables.domain())) {
            return Errno.EINVAL;
        }
        int result = takeWritable(target);
        if (result == Errno.OK) {
            tables.host().markDirty(target);
            memory.copyFrame(source, target);
            dropWritable(target);
        }
        return result;
    }

    /** The domain ends: its own references go, and those of the hypervisor to what it lent. */
    void releaseAll() {
        for (long mfn = 0; mfn < frames.size(); mfn++) {
            if (!frames.isOwnedBy(mfn, tables.domain())) {
                continue;
            }
            if (frames.has(mfn, MachineFrames.SPECIAL)) {
                frames.set(mfn, MachineFrames.SPECIAL, false);
                machine.types.drop(mfn);
                machine.drop(mfn);
            } else if (frames.has(mfn, MachineFrames.ALLOCATED)) {
                frames.set(mfn, MachineFrames.ALLOCATED, false);
                machine.drop(mfn);
            }
        }
    }
}
