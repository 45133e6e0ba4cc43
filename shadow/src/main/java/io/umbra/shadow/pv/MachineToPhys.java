package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * The machine-to-physical map (M2P): for each machine frame the pfn that its owner wants to find there, as 8-byte numbers in frames that every PV guest can read, at {@link #LINEAR}. The owner chooses
 * the values; nothing may rely on them. Xen: {@code machine_to_phys_mapping}.
 */
public final class MachineToPhys {
    /** Where guests read it: L4 slot 256. */
    public static final long LINEAR = 0xFFFF_8000_0000_0000L;
    /** The value where there is none. */
    public static final long NONE = -1;

    /** What the log-dirty bitmap can hold: pfns of 40 bits. */
    private static final int PFN_BITS = 40;

    private static final int PER_FRAME = 512;
    private static final long READABLE = LongModeEntry.PRESENT | LongModeEntry.USER | LongModeEntry.ACCESSED;

    private final MachineMemory memory;
    private final long[] pages;
    private final long root;

    MachineToPhys(PvMachine machine) {
        this.memory = machine.memory;
        this.pages = new long[(int) (memory.frames() + PER_FRAME - 1) / PER_FRAME];
        this.root = machine.ownFrame();
        long level2 = 0;
        long level1 = 0;
        for (int i = 0; i < pages.length; i++) {
            if (i % (PER_FRAME * PER_FRAME) == 0) {
                level2 = machine.ownFrame();
                link(root, i / (PER_FRAME * PER_FRAME), level2, READABLE);
            }
            if (i % PER_FRAME == 0) {
                level1 = machine.ownFrame();
                link(level2, i / PER_FRAME % PER_FRAME, level1, READABLE);
            }
            pages[i] = machine.ownFrame();
            link(level1, i % PER_FRAME, pages[i], READABLE | LongModeEntry.NO_EXECUTE);
        }
        for (long mfn = 0; mfn < memory.frames(); mfn++) {
            set(mfn, NONE);
        }
    }

    private void link(long table, int slot, long mfn, long flags) {
        memory.writeLong((table << 12) + 8L * slot, LongModeEntry.of(mfn, flags));
    }

    /** What the owner of the frame, which is one of the machine's, has put there, or {@link #NONE}. */
    public long pfn(long mfn) {
        return memory.readLong(address(mfn));
    }

    /** The highest mfn that has a number. */
    public long maxMfn() {
        return memory.frames() - 1;
    }

    /** The value can be a frame of a guest: anything may be there. Xen: {@code VALID_M2P}. */
    static boolean isPfn(long value) {
        return value >>> PFN_BITS == 0;
    }

    void set(long mfn, long pfn) {
        memory.writeLong(address(mfn), pfn);
    }

    /** What L4 slot 256 holds. */
    long entry() {
        return LongModeEntry.of(root, READABLE);
    }

    private long address(long mfn) {
        return (pages[(int) mfn / PER_FRAME] << 12) + 8 * (mfn % PER_FRAME);
    }
}
