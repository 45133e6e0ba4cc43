package io.umbra.vmm.pv;

import io.umbra.x86.MachineMemory;
import java.time.Instant;

/**
 * The page that a domain shares with the hypervisor. Xen: {@code struct shared_info}, public header xen.h.
 *
 * <pre>
 *  0x000  vcpu_info[32], 64 bytes each     0xC00  wc_version, wc_sec, wc_nsec, wc_sec_hi (u32 each)
 *  0x800  evtchn_pending[64] (u64)         0xC10  arch: written by the guest
 *  0xA00  evtchn_mask[64] (u64)
 * </pre>
 */
final class SharedInfo {
    /** Bits of the pending and mask bitmaps: ports of the two-level ABI. */
    static final int PORTS = 4096;

    private static final int PENDING = 0x800;
    private static final int MASK = 0xA00;
    private static final int WALL_CLOCK_VERSION = 0xC00;
    private static final int WALL_CLOCK_SECONDS = 0xC04;
    private static final int WALL_CLOCK_NANOSECONDS = 0xC08;
    private static final int WALL_CLOCK_SECONDS_HIGH = 0xC0C;

    private final MachineMemory memory;
    private final long mfn;

    SharedInfo(MachineMemory memory, long mfn) {
        this.memory = memory;
        this.mfn = mfn;
    }

    long mfn() {
        return mfn;
    }

    /** Machine address of the first place of a vCPU's {@link VcpuInfo}. */
    long vcpuInfo(int vcpu) {
        return (mfn << 12) + (long) vcpu * VcpuInfo.BYTES;
    }

    boolean isPending(int port) {
        return bit(PENDING, port);
    }

    void pending(int port, boolean is) {
        bit(PENDING, port, is);
    }

    boolean isMasked(int port) {
        return bit(MASK, port);
    }

    void masked(int port, boolean is) {
        bit(MASK, port, is);
    }

    /** The time of day at system time 0. */
    void wallClock(Instant start) {
        long seconds = start.getEpochSecond();
        long page = mfn << 12;
        int version = memory.readInt(page + WALL_CLOCK_VERSION);
        memory.writeInt(page + WALL_CLOCK_VERSION, version | 1);
        memory.writeInt(page + WALL_CLOCK_SECONDS, (int) seconds);
        memory.writeInt(page + WALL_CLOCK_NANOSECONDS, start.getNano());
        memory.writeInt(page + WALL_CLOCK_SECONDS_HIGH, (int) (seconds >>> 32));
        memory.writeInt(page + WALL_CLOCK_VERSION, (version | 1) + 1);
    }

    private boolean bit(int bitmap, int port) {
        return (memory.readLong(word(bitmap, port)) >>> (port & 63) & 1) != 0;
    }

    private void bit(int bitmap, int port, boolean is) {
        long place = word(bitmap, port);
        long old = memory.readLong(place);
        long bit = 1L << (port & 63);
        memory.writeLong(place, is ? old | bit : old & ~bit);
    }

    private long word(int bitmap, int port) {
        return (mfn << 12) + bitmap + (port >>> 6) * 8L;
    }
}
