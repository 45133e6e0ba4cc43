package io.umbra.shadow;

/** What answers accesses to guest-physical addresses that are no memory. Sizes are 1, 2, 4, 8; values are zero-extended. */
public interface DeviceMemory {
    long read(long guestPhysical, int size);

    void write(long guestPhysical, int size, long value);

    /** As a bus without devices: reads give all ones, writes vanish. */
    DeviceMemory NONE = new DeviceMemory() {
        @Override
        public long read(long guestPhysical, int size) {
            return -1L >>> 64 - 8 * size;
        }

        @Override
        public void write(long guestPhysical, int size, long value) {}
    };
}
