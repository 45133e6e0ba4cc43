package io.umbra.processor.host;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Memory of the host at an address of our choice, below 2 GiB, so that code in it can name any place in it absolutely and with 32-bit addresses. */
@SuppressWarnings("restricted")
public final class HostMapping implements AutoCloseable {
    private static final int READ_WRITE = 3, READ_EXECUTE = 5;
    private static final int PRIVATE_ANONYMOUS_FIXED_NOREPLACE = 0x10_0022;
    private static final long[] CANDIDATES = {0x1000_0000L, 0x2000_0000L, 0x3000_0000L, 0x5000_0000L, 0x6000_0000L};
    private static final int SIG_BLOCK = 0, SIG_SETMASK = 2;
    /** All but SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV, which an instruction raises itself. */
    private static final long ASYNCHRONOUS = ~(1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10);

    private static final MethodHandle MMAP = NativeCode.libc(
            "mmap",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle MPROTECT = NativeCode.libc(
            "mprotect",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    private static final MethodHandle MUNMAP = NativeCode.libc(
            "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle SIGMASK = NativeCode.libc(
            "pthread_sigmask",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle CALL = Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid());

    public final MemorySegment segment;

    private HostMapping(MemorySegment segment) {
        this.segment = segment;
    }

    /**
     * Readable and writable, zero.
     *
     * @param bytes a multiple of 4096
     */
    public static HostMapping below2GiB(long bytes) {
        for (long candidate : CANDIDATES) {
            long address = map(candidate, bytes);
            if (address == candidate) {
                return new HostMapping(MemorySegment.ofAddress(address).reinterpret(bytes));
            }
            if (address != -1) {
                unmap(address, bytes);
            }
        }
        throw new IllegalStateException("no room below 2 GiB");
    }

    public long address() {
        return segment.address();
    }

    /** Makes whole pages executable, or else writable again. Memory is never both. */
    public void executable(long offset, long bytes, boolean executable) {
        try {
            int status = (int)
                    MPROTECT.invokeExact(segment.address() + offset, bytes, executable ? READ_EXECUTE : READ_WRITE);
            if (status != 0) throw new IllegalStateException("this host forbids executable memory");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Calls the function without arguments that begins at an offset. */
    public void call(long offset) {
        try {
            CALL.invokeExact(segment.asSlice(offset));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Blocks all signals that are not this thread's own fault, so that no signal frame is ever written where RSP points: code may put anything there.
     *
     * @param saved 128 bytes, for {@link #restoreSignals}
     */
    public static void blockSignals(MemorySegment wanted, MemorySegment saved) {
        wanted.fill((byte) 0);
        wanted.set(ValueLayout.JAVA_LONG, 0, ASYNCHRONOUS);
        sigmask(SIG_BLOCK, wanted.address(), saved.address());
    }

    public static void restoreSignals(MemorySegment saved) {
        sigmask(SIG_SETMASK, saved.address(), 0);
    }

    private static void sigmask(int how, long set, long old) {
        try {
            int status = (int) SIGMASK.invokeExact(how, set, old);
            if (status != 0) throw new IllegalStateException("pthread_sigmask failed");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static long map(long address, long bytes) {
        try {
            return (long) MMAP.invokeExact(address, bytes, READ_WRITE, PRIVATE_ANONYMOUS_FIXED_NOREPLACE, -1, 0L);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void unmap(long address, long bytes) {
        try {
            int status = (int) MUNMAP.invokeExact(address, bytes);
            if (status != 0) throw new IllegalStateException("munmap failed");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        unmap(segment.address(), segment.byteSize());
    }
}
