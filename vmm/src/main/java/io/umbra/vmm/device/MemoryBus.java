package io.umbra.vmm.device;

import io.umbra.shadow.DeviceMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * The guest-physical addresses that are no RAM: each device answers in one range, and elsewhere reads give all ones and writes vanish. An access over the edge of a range is made byte
 * by byte. Where ranges overlap, the device placed last answers.
 */
public final class MemoryBus implements DeviceMemory {
    private record Range(long start, long length, MemoryDevice device) {
        boolean contains(long address) {
            return address - start >= 0 && address - start < length;
        }
    }

    private static final Range NOTHING = new Range(0, 0, new MemoryDevice() {
        @Override
        public long read(long offset, int size) {
            return -1;
        }

        @Override
        public void write(long offset, int size, long value) {}
    });

    private final List<Range> ranges = new ArrayList<>();

    /** A bus without devices. */
    public MemoryBus() {}

    /** Has {@code device} answer from {@code start} on, and no longer where it did before. */
    public void place(long start, long length, MemoryDevice device) {
        remove(device);
        ranges.addFirst(new Range(start, length, device));
    }

    /** Takes a device off the bus, if it is there. */
    public void remove(MemoryDevice device) {
        ranges.removeIf(range -> range.device() == device);
    }

    @Override
    public long read(long guestPhysical, int size) {
        Range range = at(guestPhysical);
        if (size == 1 || at(guestPhysical + size - 1).equals(range)) {
            return range.device().read(guestPhysical - range.start(), size) & -1L >>> 64 - 8 * size;
        }
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= read(guestPhysical + i, 1) << 8 * i;
        }
        return value;
    }

    @Override
    public void write(long guestPhysical, int size, long value) {
        Range range = at(guestPhysical);
        if (size == 1 || at(guestPhysical + size - 1).equals(range)) {
            range.device().write(guestPhysical - range.start(), size, value & -1L >>> 64 - 8 * size);
            return;
        }
        for (int i = 0; i < size; i++) {
            write(guestPhysical + i, 1, value >>> 8 * i);
        }
    }

    private Range at(long address) {
        for (Range range : ranges) {
            if (range.contains(address)) {
                return range;
            }
        }
        return NOTHING;
    }
}
