package io.umbra.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The one place that touches guest memory: a single sparse native mapping, addressed by offset, in which every {@link MachineMemory}
 * is a window. The segment is a {@code static final} because access through a constant segment is a third faster than through one
 * in a field. Plain little-endian accesses of any alignment; bounds are those of the whole mapping, so that a wild address is a
 * Java exception and never a crash of the process.
 */
public final class HostMemory {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Odd, with its bits well spread: 2<sup>64</sup> divided by the golden ratio. */
    private static final long HASH_FACTOR = 0x9E37_79B9_7F4A_7C15L;

    private static final MemorySegment SEGMENT = Reservation.make();
    private static final Windows WINDOWS = new Windows(SEGMENT.byteSize());

    /** Where offset 0 is in the process's address space: for machine code that a processor generates, which must check its accesses itself. */
    public static long address() {
        return SEGMENT.address();
    }

    public static int getByte(long offset) {
        return SEGMENT.get(ValueLayout.JAVA_BYTE, offset) & 0xFF;
    }

    public static int getShort(long offset) {
        return SEGMENT.get(SHORT, offset) & 0xFFFF;
    }

    public static int getInt(long offset) {
        return SEGMENT.get(INT, offset);
    }

    public static long getLong(long offset) {
        return SEGMENT.get(LONG, offset);
    }

    public static void putByte(long offset, int value) {
        SEGMENT.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    public static void putShort(long offset, int value) {
        SEGMENT.set(SHORT, offset, (short) value);
    }

    public static void putInt(long offset, int value) {
        SEGMENT.set(INT, offset, value);
    }

    public static void putLong(long offset, long value) {
        SEGMENT.set(LONG, offset, value);
    }

    /** Atomic. {@code offset} must be a multiple of 8. */
    public static boolean compareAndSetLong(long offset, long expected, long value) {
        return Atomics.LONG.compareAndSet(SEGMENT, offset, expected, value);
    }

    /** Atomic. {@code offset} must be a multiple of 4. */
    public static boolean compareAndSetInt(long offset, int expected, int value) {
        return Atomics.INT.compareAndSet(SEGMENT, offset, expected, value);
    }

    /** Of {@code length} bytes, a multiple of 32. Four sums run beside each other, for speed; each step is a bijection of its sum. */
    static long hash(long offset, int length) {
        long a = 1;
        long b = 2;
        long c = 3;
        long d = 4;
        for (int i = 0; i < length; i += 32) {
            a = Long.rotateLeft((a ^ SEGMENT.get(LONG, offset + i)) * HASH_FACTOR, 29);
            b = Long.rotateLeft((b ^ SEGMENT.get(LONG, offset + i + 8)) * HASH_FACTOR, 29);
            c = Long.rotateLeft((c ^ SEGMENT.get(LONG, offset + i + 16)) * HASH_FACTOR, 29);
            d = Long.rotateLeft((d ^ SEGMENT.get(LONG, offset + i + 24)) * HASH_FACTOR, 29);
        }
        return ((a * HASH_FACTOR ^ b) * HASH_FACTOR ^ c) * HASH_FACTOR ^ d;
    }

    public static void fill(long offset, long length, int value) {
        SEGMENT.asSlice(offset, length).fill((byte) value);
    }

    public static void copy(long from, long to, long length) {
        MemorySegment.copy(SEGMENT, from, SEGMENT, to, length);
    }

    public static void copyIn(byte[] source, int index, long offset, int length) {
        MemorySegment.copy(source, index, SEGMENT, ValueLayout.JAVA_BYTE, offset, length);
    }

    public static void copyOut(long offset, byte[] target, int index, int length) {
        MemorySegment.copy(SEGMENT, ValueLayout.JAVA_BYTE, offset, target, index, length);
    }

    /** Reserves a window of zeroes. @return its offset, a multiple of 4096 */
    static long reserve(long bytes) {
        return WINDOWS.take(bytes);
    }

    /** Gives the window back; its memory returns to the host. */
    static void release(long offset, long bytes) {
        Reservation.discard(SEGMENT, offset, bytes);
        WINDOWS.giveBack(offset, bytes);
    }

    private HostMemory() {}

    private static final class Atomics {
        static final java.lang.invoke.VarHandle LONG =
                ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
        static final java.lang.invoke.VarHandle INT =
                ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    }

    /** First-fit allocation of windows in the mapping. */
    private static final class Windows {
        private final TreeMap<Long, Long> free = new TreeMap<>();

        Windows(long size) {
            free.put(0L, size);
        }

        synchronized long take(long bytes) {
            Map.Entry<Long, Long> hole = free.entrySet().stream()
                    .filter(candidate -> candidate.getValue() >= bytes)
                    .findFirst()
                    .orElseThrow(() -> new OutOfMemoryError("no room for a machine of " + bytes + " bytes"));
            long offset = hole.getKey();
            long rest = hole.getValue() - bytes;
            free.remove(offset);
            if (rest > 0) {
                free.put(offset + bytes, rest);
            }
            return offset;
        }

        synchronized void giveBack(long offset, long bytes) {
            long start = offset;
            long length = bytes;
            Map.Entry<Long, Long> below = free.lowerEntry(offset);
            if (below != null && below.getKey() + below.getValue() == offset) {
                start = below.getKey();
                length += below.getValue();
            }
            Long above = free.remove(offset + bytes);
            free.put(start, above == null ? length : length + above);
        }
    }

    /** A private anonymous mapping without reserved swap, as large as the host allows; elsewhere than on Unix a plain allocation. */
    private static final class Reservation {
        private static final long LARGEST = 1L << 40;
        private static final long SMALLEST = 1L << 30;
        private static final long FALLBACK = 2L << 30;
        private static final int PROT_READ_WRITE = 3;
        private static final int MAP_PRIVATE = 2;
        private static final int MADV_DONTNEED = 4;

        static MemorySegment make() {
            String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
            if (system.contains("linux")) {
                return map(MAP_PRIVATE | 0x20 | 0x4000);
            }
            if (system.contains("mac")) {
                return map(MAP_PRIVATE | 0x1000 | 0x40);
            }
            return Arena.global().allocate(FALLBACK, 4096);
        }

        @SuppressWarnings("restricted")
        private static MemorySegment map(int flags) {
            MethodHandle mmap = function(
                    "mmap",
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG));
            for (long size = LARGEST; size >= SMALLEST; size >>= 1) {
                long address = (long) call(mmap, 0L, size, PROT_READ_WRITE, flags, -1, 0L);
                if (address != -1) {
                    return MemorySegment.ofAddress(address).reinterpret(size);
                }
            }
            return Arena.global().allocate(FALLBACK, 4096);
        }

        static void discard(MemorySegment segment, long offset, long bytes) {
            if (System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")) {
                MethodHandle madvise = function(
                        "madvise",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT));
                if ((int) call(madvise, segment.address() + offset, bytes, MADV_DONTNEED) == 0) {
                    return;
                }
            }
            segment.asSlice(offset, bytes).fill((byte) 0);
        }

        @SuppressWarnings("restricted")
        private static MethodHandle function(String name, FunctionDescriptor descriptor) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), descriptor);
        }

        private static Object call(MethodHandle handle, Object... arguments) {
            try {
                return handle.invokeWithArguments(arguments);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
