package io.umbra.shadow.pv;

/** Tables that are held for their own sake: the pinned ones, and the L4s that vCPUs use. Xen: {@code MMUEXT_PIN_*}, {@code new_guest_cr3}. */
final class TableRoots {
    private final PvTables tables;
    private final PvMachine machine;
    private final MachineFrames frames;

    TableRoots(PvTables tables) {
        this.tables = tables;
        this.machine = tables.machine();
        this.frames = machine.frames();
    }

    int pin(int level, long mfn) {
        if (level < 1 || level > 4) {
            return Errno.EINVAL;
        }
        int result = take(mfn, FrameType.table(level));
        if (result != Errno.OK) {
            return result;
        }
        if (frames.isPinned(mfn)) {
            drop(mfn);
            return Errno.EINVAL;
        }
        frames.set(mfn, MachineFrames.PINNED, true);
        tables.host().markDirty(mfn);
        return Errno.OK;
    }

    int unpin(long mfn) {
        if (!frames.isOwnedBy(mfn, tables.domain()) || !frames.isPinned(mfn)) {
            return Errno.EINVAL;
        }
        frames.set(mfn, MachineFrames.PINNED, false);
        tables.host().markDirty(mfn);
        drop(mfn);
        return Errno.OK;
    }

    int newKernelBase(PvVcpu vcpu, long mfn) {
        long old = vcpu.kernelBase;
        if (mfn != old) {
            int result = take(mfn, FrameType.L4);
            if (result != Errno.OK) {
                return result;
            }
        }
        tables.descriptors().forgetLdt(vcpu);
        vcpu.kernelBase = mfn;
        tables.host().loadBase(vcpu.number, mfn);
        if (mfn != old && old != PvTables.NONE) {
            drop(old);
        }
        return Errno.OK;
    }

    int newUserBase(PvVcpu vcpu, long mfn) {
        long old = vcpu.userBase;
        if (mfn == old) {
            return Errno.OK;
        }
        int result = mfn == PvTables.NONE ? Errno.OK : take(mfn, FrameType.L4);
        if (result == Errno.OK) {
            vcpu.userBase = mfn;
            if (old != PvTables.NONE) {
                drop(old);
            }
        }
        return result;
    }

    /** Takes the domain's frame and its type. A failure holds neither. */
    private int take(long mfn, FrameType type) {
        if (!frames.isOwnedBy(mfn, tables.domain()) || !frames.take(mfn)) {
            return Errno.EINVAL;
        }
        int result = machine.types.take(mfn, type);
        if (result != Errno.OK && !(machine.work().hasParked(mfn) && result != Errno.RESTART)) {
            machine.drop(mfn);
        }
        return result == Errno.INTERRUPTED ? Errno.RESTART : result;
    }

    /** Gives up the frame and its type; a table that cannot be cleaned up now is parked. */
    void drop(long mfn) {
        int result = machine.types.drop(mfn);
        if (result == Errno.OK) {
            machine.drop(mfn);
        } else {
            machine.work().park(mfn, result == Errno.RESTART);
        }
    }
}
