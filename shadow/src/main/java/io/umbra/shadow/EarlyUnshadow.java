package io.umbra.shadow;

import io.umbra.x86.MachineMemory;

/**
 * Guesses that a frame is no pagetable any more: two of its entries zeroed in a row, by writes of whatever size and with no other fault between them, are a kernel tearing an address space down or clearing the frame
 * for another use. Unshadowing it lets the rest of the writes go at full speed; a wrong guess costs a few fills. Clearing one entry in two halves is no sign. Xen: {@code sh_early_unshadow}.
 */
final class EarlyUnshadow {
    private static final long NONE = -1;

    private final MachineMemory memory;
    private long zeroedFrame = NONE;
    private int zeroedEntry;
    private long dueFrame = NONE;
    private boolean dying;

    EarlyUnshadow(MachineMemory memory) {
        this.memory = memory;
    }

    /** A fault of another kind came between. */
    void otherFault() {
        zeroedFrame = NONE;
    }

    /** The guest said that the address space it is in is about to die: one entry zeroed is sign enough. */
    void dying(boolean is) {
        dying = is;
    }

    /**
     * An emulated write of {@code size} bytes to a shadowed frame was made.
     *
     * @param entryShift bytes of an entry, as a power of two
     * @param isRoot the frame is a root: needed until it is no longer loaded, whatever is written
     */
    void written(long mfn, int offset, int size, int entryShift, boolean isRoot) {
        if (memory.read((mfn << 12) + offset, size) != 0) {
            zeroedFrame = NONE;
            return;
        }
        int entry = offset >>> entryShift;
        if (memory.read((mfn << 12) + ((long) entry << entryShift), 1 << entryShift) == 0) {
            boolean isSecond = zeroedFrame == mfn && zeroedEntry != entry;
            dueFrame = isSecond || dying && !isRoot ? mfn : NONE;
            zeroedFrame = mfn;
            zeroedEntry = entry;
        }
    }

    /** The frame to be unshadowed now, or -1. */
    long takeDue() {
        long due = dueFrame;
        dueFrame = NONE;
        return due;
    }
}
