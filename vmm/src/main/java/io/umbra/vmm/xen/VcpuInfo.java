package io.umbra.vmm.xen;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What a vCPU shares with the hypervisor: in {@link SharedInfo} at first, and where the guest registered it later. Xen: {@code struct vcpu_info}, {@code struct vcpu_time_info}.
 *
 * <pre>
 *  0 u8 upcall_pending   1 u8 upcall_mask   one word on: pending_sel, cr2 (words)
 *  32 time: 0 u32 version  8 u64 tsc_timestamp  16 u64 system_time  24 u32 tsc_to_system_mul  28 s8 tsc_shift  29 u8 flags
 * </pre>
 */
public final class VcpuInfo {
    public static final int BYTES = 64;

    /** Bytes of the part that tells the time. */
    static final int TIME_BYTES = 32;

    private static final int PENDING = 0;
    private static final int MASK = 1;
    private static final int TIME = 32;

    /** A multiplier of 1/2 in 32.32 after a shift by one: a tick of the TSC is a nanosecond. */
    private static final int HALF = 0x8000_0000;

    private final SharedInfo shared;
    private SharedMemory memory;
    private long place;
    private long timeStampAtZero;

    /** At its first place. */
    public VcpuInfo(SharedInfo shared, int vcpu) {
        this.shared = shared;
        this.memory = shared.memory();
        this.place = shared.vcpuInfo(vcpu);
    }

    /** Its address in the memory that it is in. */
    public long place() {
        return place;
    }

    /** What was said at the old place is said at the new one, and everything is announced as pending there. Xen: {@code map_vcpu_info}. */
    public void moveTo(SharedMemory newMemory, long newPlace) {
        for (int i = 0; i < BYTES; i += 8) {
            newMemory.writeLong(newPlace + i, memory.readLong(place + i));
        }
        memory = newMemory;
        place = newPlace;
        writeSelector(-1L);
        pending(true);
    }

    /** An event waits that the guest has not seen. */
    public boolean isPending() {
        return memory.readByte(place + PENDING) != 0;
    }

    void pending(boolean is) {
        memory.writeByte(place + PENDING, is ? 1 : 0);
    }

    /** The guest wants no upcall now: a PV guest's virtual interrupt flag is clear. */
    public boolean isMasked() {
        return mask() != 0;
    }

    /** The byte as it is: a guest may have put any number there. */
    public int mask() {
        return memory.readByte(place + MASK) & 0xFF;
    }

    public void masked(boolean is) {
        memory.writeByte(place + MASK, is ? 1 : 0);
    }

    /** Of the word of the pending bitmap that has this port. @return whether it was selected already */
    boolean select(int port) {
        int word = port / shared.layout().wordBits();
        long at = place + shared.layout().selector();
        boolean isWide = shared.layout() == SharedLayout.WIDE;
        long old = isWide ? memory.readLong(at) : memory.readInt(at);
        writeSelector(old | 1L << word);
        return (old >>> word & 1) != 0;
    }

    private void writeSelector(long bits) {
        long at = place + shared.layout().selector();
        if (shared.layout() == SharedLayout.WIDE) {
            memory.writeLong(at, bits);
        } else {
            memory.writeInt(at, (int) bits);
        }
    }

    /** Only of PV guests, which are 64-bit ones. */
    public void cr2(long linear) {
        memory.writeLong(place + shared.layout().cr2(), linear);
    }

    // ---- time
    // -----------------------------------------------------------------------------------------------------------------

    /** @param timeStamp what the guest's TSC would have shown at system time 0; a tick is a nanosecond */
    public void timeStampAtZero(long timeStamp) {
        timeStampAtZero = timeStamp;
    }

    /** Tells the time. A guest that finds an odd version looks again. */
    public void writeTime() {
        long at = place + TIME;
        int version = memory.readInt(at) | 1;
        memory.writeInt(at, version);
        ByteBuffer time = ByteBuffer.wrap(time(version)).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 8; i < TIME_BYTES; i += 8) {
            memory.writeLong(at + i, time.getLong(i));
        }
        memory.writeInt(at, version + 1);
    }

    /** The bytes of a {@code vcpu_time_info} as it is now. */
    byte[] time(int version) {
        ByteBuffer time = ByteBuffer.allocate(TIME_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        time.putInt(0, version).putLong(8, timeStampAtZero).putInt(24, HALF).put(28, (byte) 1);
        return time.array();
    }
}
