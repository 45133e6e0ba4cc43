package io.umbra.x86;

/**
 * Guest-physical memory as a page walk sees it. Addresses are multiples of the access's size, and each access is atomic. Where there is no
 * RAM, reads give zero, which is an absent entry, and writes fail.
 */
public interface PhysicalMemory {

    int readInt(long guestPhysical);

    long readLong(long guestPhysical);

    /** @return false when memory held something else than {@code expected}, or cannot be written */
    boolean compareAndSetInt(long guestPhysical, int expected, int value);

    /** @return false when memory held something else than {@code expected}, or cannot be written */
    boolean compareAndSetLong(long guestPhysical, long expected, long value);

    /** A machine's own memory, so that tables of machine frames (shadows, a P2M) can be walked by the definition. */
    static PhysicalMemory of(MachineMemory memory) {
        return new PhysicalMemory() {
            @Override
            public int readInt(long machine) {
                return isRam(machine) ? memory.readInt(machine) : 0;
            }

            @Override
            public long readLong(long machine) {
                return isRam(machine) ? memory.readLong(machine) : 0;
            }

            @Override
            public boolean compareAndSetInt(long machine, int expected, int value) {
                return isRam(machine) && memory.compareAndSetInt(machine, expected, value);
            }

            @Override
            public boolean compareAndSetLong(long machine, long expected, long value) {
                return isRam(machine) && memory.compareAndSetLong(machine, expected, value);
            }

            private boolean isRam(long machine) {
                return memory.contains(machine >>> MachineMemory.FRAME_SHIFT);
            }
        };
    }
}
