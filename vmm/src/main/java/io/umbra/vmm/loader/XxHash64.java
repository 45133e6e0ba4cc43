package io.umbra.vmm.loader;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The hash XXH64 with seed 0, of which Zstandard's checksum is the lower half. Source: xxHash specification 0.1.1. */
final class XxHash64 {
    private static final long PRIME_1 = 0x9E37_79B1_85EB_CA87L;
    private static final long PRIME_2 = 0xC2B2_AE3D_27D4_EB4FL;
    private static final long PRIME_3 = 0x1656_67B1_9E37_79F9L;
    private static final long PRIME_4 = 0x85EB_CA77_C2B2_AE63L;
    private static final long PRIME_5 = 0x27D4_EB2F_1656_67C5L;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private XxHash64() {}

    /** The hash of the first {@code length} bytes. */
    static long of(byte[] bytes, int length) {
        int at = 0;
        long hash = PRIME_5;
        if (length >= 32) {
            long[] lanes = {PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1};
            for (; at <= length - 32; at += 32) {
                for (int lane = 0; lane < 4; lane++) {
                    lanes[lane] = round(lanes[lane], (long) LONG.get(bytes, at + 8 * lane));
                }
            }
            hash = Long.rotateLeft(lanes[0], 1)
                    + Long.rotateLeft(lanes[1], 7)
                    + Long.rotateLeft(lanes[2], 12)
                    + Long.rotateLeft(lanes[3], 18);
            for (long lane : lanes) {
                hash = (hash ^ round(0, lane)) * PRIME_1 + PRIME_4;
            }
        }
        hash += length;
        for (; at <= length - 8; at += 8) {
            hash = Long.rotateLeft(hash ^ round(0, (long) LONG.get(bytes, at)), 27) * PRIME_1 + PRIME_4;
        }
        if (at <= length - 4) {
            hash = Long.rotateLeft(hash ^ ((int) INT.get(bytes, at) & 0xFFFF_FFFFL) * PRIME_1, 23) * PRIME_2 + PRIME_3;
            at += 4;
        }
        for (; at < length; at++) {
            hash = Long.rotateLeft(hash ^ (bytes[at] & 0xFF) * PRIME_5, 11) * PRIME_1;
        }
        hash = (hash ^ hash >>> 33) * PRIME_2;
        hash = (hash ^ hash >>> 29) * PRIME_3;
        return hash ^ hash >>> 32;
    }

    private static long round(long lane, long input) {
        return Long.rotateLeft(lane + input * PRIME_2, 31) * PRIME_1;
    }
}
