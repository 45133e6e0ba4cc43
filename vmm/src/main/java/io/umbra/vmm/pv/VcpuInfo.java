package io.umbra.vmm.pv;

import io.umbra.x86.MachineMemory;

/**
 * What a vCPU shares with the hypervisor: in {@link SharedInfo} at first, and where the guest registered it later. Xen: {@code struct vcpu_info}, {@code struct vcpu_time_info}.
 *
 * <pre>
 *  0 u8 upcall_pending   1 u8 upcall_mask   8 u64 pending_sel   16 u64 cr2
 *  32 time: 0 u32 version  8 u64 tsc_timestamp  16 u64 system_time  24 u32 tsc_to_system_mul  28 s8 tsc_shift  29 u8 flags
 * </pre>
 */
final class VcpuInfo {
    static final int BYTES = 64;

    private static final int PENDING = 0;
    private static final int MASK = 1;
    private static final int SELECTOR = 8;
    private static final int CR2 = 16;
    private static final int TIME = 32;

    /** A multiplier of 1/2 in 32.32 after a shift by one: a tick of the TSC is a nanosecond. */
    private static final int HALF = 0x8000_0000;

    private final MachineMemory memory;
    private long place;

    /** @param place machine address */
    VcpuInfo(MachineMemory memory, long place) {
        this.memory = memory;
        this.place = place;
    }

    /** The machine address. */
    long place() {
        return place;
    }

    /** What was said at the old place is said at the new one, and everything is announced as pending there. Xen: {@code map_vcpu_info}. */
    void moveTo(long newPlace) {
        byte[] content = new byte[BYTES];
        memory.read(place, content, 0, BYTES);
        memory.write(newPlace, content, 0, BYTES);
        place = newPlace;
        memory.writeLong(place + SELECTOR, -1L);
        memory.writeByte(place + PENDING, 1);
    }

    /** An event waits that the guest has not seen. */
    boolean isPending() {
        return memory.readByte(place + PENDING) != 0;
    }

    void pending(boolean is) {
        memory.writeByte(place + PENDING, is ? 1 : 0);
    }

    /** The guest wants no upcall now: its virtual interrupt flag is clear. */
    boolean isMasked() {
        return mask() != 0;
    }

    /** The byte as it is: a guest may have put any number there. */
    int mask() {
        return memory.readByte(place + MASK) & 0xFF;
    }

    /** The machine frame that it is in. */
    long frame() {
        return place >>> 12;
    }

    void masked(boolean is) {
        memory.writeByte(place + MASK, is ? 1 : 0);
    }

    /** Of a word of the pending bitmap. @return whether it was selected already */
    boolean select(int word) {
        long old = memory.readLong(place + SELECTOR);
        memory.writeLong(place + SELECTOR, old | 1L << word);
        return (old >>> word & 1) != 0;
    }

    void cr2(long linear) {
        memory.writeLong(place + CR2, linear);
    }

    /** System time is the TSC, in nanoseconds. */
    void writeTime() {
        writeTime(memory, place + TIME);
    }

    /** The same into a {@code vcpu_time_info} anywhere. */
    static void writeTime(MachineMemory memory, long at) {
        int version = memory.readInt(at) | 1;
        memory.writeInt(at, version);
        memory.writeLong(at + 8, 0);
        memory.writeLong(at + 16, 0);
        memory.writeInt(at + 24, HALF);
        memory.writeByte(at + 28, 1);
        memory.writeByte(at + 29, 0);
        memory.writeInt(at, version + 1);
    }
}
