package io.umbra.vmm.device;

/**
 * The bytes of CMOS memory in which a PC's firmware tells the size of RAM.
 *
 * <pre>
 *   15 16        conventional memory, KiB
 *   17 18, 30 31 memory above 1 MiB, KiB, at most 65,535
 *   34 35        memory between 16 MiB and 4 GiB, units of 64 KiB, at most 65,535
 *   2e 2f        sum of the bytes 10 to 2d, high byte first
 * </pre>
 */
final class CmosMemorySize {
    private static final long KIB = 1024;
    private static final long MIB = 1024 * KIB;

    private CmosMemorySize() {}

    static void store(byte[] memory, long size) {
        long extended = Math.clamp((size - MIB) / KIB, 0, 0xffff);
        long above16 = Math.clamp((size - 16 * MIB) / (64 * KIB), 0, 0xffff);
        putWord(memory, 0x15, Math.min(size / KIB, 640));
        putWord(memory, 0x17, extended);
        putWord(memory, 0x30, extended);
        putWord(memory, 0x34, above16);
        int sum = 0;
        for (int at = 0x10; at < 0x2e; at++) {
            sum += memory[at] & 0xff;
        }
        memory[0x2e] = (byte) (sum >> 8);
        memory[0x2f] = (byte) sum;
    }

    private static void putWord(byte[] memory, int at, long value) {
        memory[at] = (byte) value;
        memory[at + 1] = (byte) (value >> 8);
    }
}
