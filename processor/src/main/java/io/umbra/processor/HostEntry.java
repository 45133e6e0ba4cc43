package io.umbra.processor;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * The border between Java and generated host code: executable memory, and the call into it. The call is a critical one: the guest's registers and the TLB are arrays on the Java
 * heap, which the code reaches by address, and for its duration the collector waits. So the code must come back soon.
 */
final class HostEntry {
    private static final int READ_WRITE_EXECUTE = 7;
    /** MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE. */
    private static final int ANONYMOUS = 2 | 0x20 | 0x4000;

    private static final boolean IS_AVAILABLE = tries();

    private HostEntry() {}

    /** Whether this is a host that generated code can run on: x86-64, Linux, and executable memory is to be had. */
    static boolean isAvailable() {
        return IS_AVAILABLE;
    }

    private static boolean tries() {
        String architecture = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        if (!system.contains("linux") || !architecture.equals("amd64") && !architecture.equals("x86_64")) {
            return false;
        }
        try {
            return map(4096, Arena.ofAuto()).byteSize() > 0;
        } catch (IllegalStateException refused) {
            return false;
        }
    }

    /** Executable memory, which takes no room until it is written. It goes when the segment is no longer reachable. */
    static MemorySegment reserve(long bytes) {
        return map(bytes, Arena.ofAuto());
    }

    @SuppressWarnings("restricted")
    private static MemorySegment map(long bytes, Arena arena) {
        try {
            long address = (long) Calls.MAP.invokeExact(0L, bytes, READ_WRITE_EXECUTE, ANONYMOUS, -1, 0L);
            if (address == -1) {
                throw new IllegalStateException("the host gives no executable memory");
            }
            return MemorySegment.ofAddress(address).reinterpret(bytes, arena, HostEntry::unmap);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void unmap(MemorySegment segment) {
        try {
            int ignored = (int) Calls.UNMAP.invokeExact(segment.address(), segment.byteSize());
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Calls the entry at {@code function}. @return what it returns */
    static int enter(
            long function,
            long address,
            MemorySegment state,
            MemorySegment registers,
            MemorySegment bank,
            MemorySegment code,
            MemorySegment vectors,
            MemorySegment data) {
        try {
            return (int) Calls.ENTER.invokeExact(
                    MemorySegment.ofAddress(function), address, state, registers, bank, code, vectors, data);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("restricted")
    private static final class Calls {
        private static final Linker LINKER = Linker.nativeLinker();

        static final MethodHandle MAP = function(
                "mmap",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        static final MethodHandle UNMAP = function(
                "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
        static final MethodHandle ENTER = LINKER.downcallHandle(
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS),
                Linker.Option.critical(true));

        private static MethodHandle function(String name, FunctionDescriptor descriptor) {
            return LINKER.downcallHandle(LINKER.defaultLookup().find(name).orElseThrow(), descriptor);
        }
    }
}
