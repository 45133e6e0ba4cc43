package io.umbra.x86;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A little guest-physical memory at address 0 that counts writes; beyond it there is no RAM. */
class GuestMemory implements PhysicalMemory {

    static final int BYTES = 0x8000;

    private final ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private int writes;

    @Override
    public int readInt(long guestPhysical) {
        return isRam(guestPhysical) ? bytes.getInt((int) guestPhysical) : 0;
    }

    @Override
    public long readLong(long guestPhysical) {
        return isRam(guestPhysical) ? bytes.getLong((int) guestPhysical) : 0;
    }

    @Override
    public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
        boolean same = isRam(guestPhysical) && bytes.getInt((int) guestPhysical) == expected;
        if (same) {
            writes++;
            bytes.putInt((int) guestPhysical, value);
        }
        return same;
    }

    @Override
    public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
        boolean same = isRam(guestPhysical) && bytes.getLong((int) guestPhysical) == expected;
        if (same) {
            writes++;
            bytes.putLong((int) guestPhysical, value);
        }
        return same;
    }

    void putInt(long guestPhysical, int value) {
        bytes.putInt((int) guestPhysical, value);
    }

    void putLong(long guestPhysical, long value) {
        bytes.putLong((int) guestPhysical, value);
    }

    /** How often a walk wrote. */
    int writes() {
        return writes;
    }

    byte[] content() {
        return bytes.array().clone();
    }

    private static boolean isRam(long guestPhysical) {
        return guestPhysical >= 0 && guestPhysical < BYTES;
    }
}
