package io.umbra.shadow;

import io.umbra.x86.MachineMemory;

/**
 * Guesses that a frame is no pagetable any more: two emulated writes of zero in a row, of whatever size and with no other fault between them, are a kernel tearing an address space down or clearing the frame
 * for another use. Unshadowing it lets the rest of the writes go at full speed; a wrong guess costs a few fills. Xen: {@code sh_early_unshadow}.
 */
final class EarlyUnshadow {
    private static final long NONE = -1;

    private final MachineMemory memory;
    private long zeroedFrame = NONE;
    private long dueFrame = NONE;

    EarlyUnshadow(MachineMemory memory) {
        this.memory = memory;
    }

    /** A fault of another kind came between. */
    void otherFault() {
        zeroedFrame = NONE;
    }

    /** An emulated write of {@code length} bytes (1, 2, 4 or 8) to a shadowed frame was made. */
    void written(long mfn, int offset, int length) {
        if (memory.read((mfn << 12) + offset, length) == 0) {
            dueFrame = zeroedFrame == mfn ? mfn : NONE;
            zeroedFrame = mfn;
        } else {
            zeroedFrame = NONE;
        }
    }

    /** The frame to be unshadowed now, or -1. */
    long takeDue() {
        long due = dueFrame;
        dueFrame = NONE;
        return due;
    }
}
