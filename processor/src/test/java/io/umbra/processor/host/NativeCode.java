package io.umbra.processor.host;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Machine code of the host's own processor, to hold the software processor against: x86-64 under Linux only.
 *
 * <p>A snippet is a function of the System V ABI: its one argument, in RDI, is the address of a state block that the
 * caller lays out; it preserves RBX, RBP, RSP, R12 to R15, MXCSR and the x87 control word, leaves the x87 stack empty,
 * and ends with RET.
 */
@SuppressWarnings("restricted")
public final class NativeCode implements AutoCloseable {
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int PROT_EXEC = 4;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle MMAP = libc(
            "mmap",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle MPROTECT = libc(
            "mprotect",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    private static final MethodHandle MUNMAP =
            libc("munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle CALL = LINKER.downcallHandle(FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));

    private final MemorySegment code;

    private NativeCode(MemorySegment code) {
        this.code = code;
    }

    /** A function of the C library. */
    public static MethodHandle libc(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type);
    }

    /** Whether this host can run snippets. Ask before anything else here: a test skips where it cannot. */
    public static boolean isSupported() {
        String architecture = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return System.getProperty("os.name").equals("Linux")
                && (architecture.equals("amd64") || architecture.equals("x86_64"));
    }

    /** Copies machine code to an executable mapping of its own, which {@link #close} unmaps. */
    public static NativeCode assemble(byte[] instructions) {
        try {
            long size = instructions.length;
            long address =
                    (long) MMAP.invokeExact(0L, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
            if (address == -1) throw new IllegalStateException("mmap of " + size + " bytes failed");
            MemorySegment code = MemorySegment.ofAddress(address).reinterpret(size);
            MemorySegment.copy(instructions, 0, code, ValueLayout.JAVA_BYTE, 0, instructions.length);
            int status = (int) MPROTECT.invokeExact(address, size, PROT_READ | PROT_EXEC);
            if (status != 0) throw new IllegalStateException("this host forbids executable memory");
            return new NativeCode(code);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Joins pieces of machine code, each written as hexadecimal digits; spaces are ignored. */
    public static NativeCode assemble(String... pieces) {
        return assemble(HexFormat.of().parseHex(String.join("", pieces).replace(" ", "")));
    }

    /** Where the first instruction is. */
    public long address() {
        return code.address();
    }

    /** Runs the snippet on a native state block. */
    public void call(MemorySegment state) {
        try {
            CALL.invokeExact(code, state.address());
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        try {
            int status = (int) MUNMAP.invokeExact(code.address(), code.byteSize());
            if (status != 0) throw new IllegalStateException("munmap failed");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
