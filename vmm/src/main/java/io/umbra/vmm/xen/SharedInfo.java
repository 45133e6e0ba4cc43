package io.umbra.vmm.xen;

import java.time.Instant;

/**
 * The page that a domain shares with the hypervisor: 32 times {@link VcpuInfo}, 64 bytes each, the bitmaps of pending and of masked ports, the wall clock; behind it what the guest writes. Xen: {@code struct
 * shared_info}; see {@link SharedLayout}.
 */
public final class SharedInfo {
    /** Bits of the pending and mask bitmaps of the larger layout. */
    static final int PORTS = 4096;

    private static final int SECONDS = 4, NANOSECONDS = 8;

    private final SharedMemory memory;
    private final long page;
    private SharedLayout layout;

    /** @param page its address in {@code memory} */
    public SharedInfo(SharedMemory memory, long page, SharedLayout layout) {
        this.memory = memory;
        this.page = page;
        this.layout = layout;
    }

    public SharedLayout layout() {
        return layout;
    }

    /** What the page holds is read otherwise from now on. Xen: {@code hvm_latch_shinfo_size}. */
    public void layout(SharedLayout other) {
        layout = other;
    }

    SharedMemory memory() {
        return memory;
    }

    /** Address of the first place of a vCPU's {@link VcpuInfo}. */
    long vcpuInfo(int vcpu) {
        return page + (long) vcpu * VcpuInfo.BYTES;
    }

    public boolean isPending(int port) {
        return bit(SharedLayout.PENDING, port);
    }

    void pending(int port, boolean is) {
        bit(SharedLayout.PENDING, port, is);
    }

    boolean isMasked(int port) {
        return bit(layout.mask, port);
    }

    public void masked(int port, boolean is) {
        bit(layout.mask, port, is);
    }

    /** The time of day at system time 0. */
    public void wallClock(Instant start) {
        long seconds = start.getEpochSecond();
        long clock = page + layout.wallClock;
        int version = memory.readInt(clock) | 1;
        memory.writeInt(clock, version);
        memory.writeInt(clock + SECONDS, (int) seconds);
        memory.writeInt(clock + NANOSECONDS, start.getNano());
        memory.writeInt(page + layout.wallClockHigh, (int) (seconds >>> 32));
        memory.writeInt(clock, version + 1);
    }

    private boolean bit(int bitmap, int port) {
        return (memory.readByte(place(bitmap, port)) >>> (port & 7) & 1) != 0;
    }

    private void bit(int bitmap, int port, boolean is) {
        int old = memory.readByte(place(bitmap, port));
        int bit = 1 << (port & 7);
        memory.writeByte(place(bitmap, port), is ? old | bit : old & ~bit);
    }

    private long place(int bitmap, int port) {
        return page + bitmap + (port >>> 3);
    }
}
