package io.umbra.vmm;

import io.umbra.shadow.P2m;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateWriter;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Holds the memory and the devices of two machines against each other. Frames come from allocators with the same seed, so that an mfn is the same frame in both, and shadows can be compared
 * byte for byte like everything else.
 */
final class MachineComparison {
    /** Frames whose gfn is looked for, which takes long. */
    private static final int NAMED = 100;

    private final Domain first;
    private final Domain second;

    MachineComparison(Domain first, Domain second) {
        this.first = first;
        this.second = second;
    }

    /** All that differ, of the frames that either machine has allocated. */
    List<FrameDifference> allFrames() {
        List<FrameDifference> found = new ArrayList<>();
        for (long mfn = 0; mfn < first.memory().frames(); mfn++) {
            if (first.frames().isAllocated(mfn) || second.frames().isAllocated(mfn)) {
                compare(mfn, found);
            }
        }
        return found;
    }

    /** All that differ, of the frames that the guest of the first can store to at this moment without a walk: few, and those that have changed last. */
    List<FrameDifference> writableFrames() {
        List<FrameDifference> found = new ArrayList<>();
        first.processor().eachWritableFrame(mfn -> compare(mfn, found));
        return found;
    }

    private void compare(long mfn, List<FrameDifference> found) {
        int offset = first.memory().firstDifference(second.memory(), mfn);
        if (offset >= 0) {
            long maddr = (mfn << MachineMemory.FRAME_SHIFT) + offset;
            found.add(new FrameDifference(
                    mfn,
                    found.size() < NAMED ? gfn(mfn) : FrameDifference.UNKNOWN,
                    offset,
                    first.memory().readLong(maddr),
                    second.memory().readLong(maddr)));
        }
    }

    private long gfn(long mfn) {
        P2m p2m = first.p2m();
        for (long gfn = 0; gfn <= p2m.highestGfn(); gfn++) {
            long entry = p2m.lookup(gfn);
            if (P2m.isBacked(entry) && P2m.mfn(entry) == mfn) {
                return gfn;
            }
        }
        return FrameDifference.UNKNOWN;
    }

    /** Those that hold something else, by name, with where it is in what they would save. */
    List<String> devices() {
        List<Persistent> here = first.devices();
        List<Persistent> there = second.devices();
        List<String> found = new ArrayList<>();
        for (int i = 0; i < here.size(); i++) {
            int at = Arrays.mismatch(saved(here.get(i)), saved(there.get(i)));
            if (at >= 0) {
                found.add("%s: byte %d of its saved state".formatted(here.get(i).stateName(), at));
            }
        }
        return found;
    }

    private static byte[] saved(Persistent device) {
        StateWriter state = new StateWriter();
        device.save(state);
        return state.bytes();
    }
}
