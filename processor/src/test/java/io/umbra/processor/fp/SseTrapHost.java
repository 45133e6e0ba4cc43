package io.umbra.processor.fp;

import io.umbra.processor.host.NativeCode;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * One SSE instruction on the host with unmasked exceptions, which end in SIGFPE. While this is open, a signal handler of
 * machine code takes those that come from the instruction, notes the MXCSR and resumes behind it; others go on to the
 * JVM's handler.
 *
 * <pre>
 * 0 XMM0 | 16 XMM1 | 32 MXCSR | 36 MXCSR after | 40 MXCSR at the trap, or 0 | 48 XMM0 after | 64 MXCSR of the JVM
 * </pre>
 */
final class SseTrapHost implements AutoCloseable {
    private static final int SIGFPE = 8;
    private static final int SA_SIGINFO = 4;
    private static final int SA_ONSTACK = 0x0800_0000;
    private static final long SIGACTION_SIZE = 152;
    private static final long FLAGS_OFFSET = 136;
    private static final int HANDLER = 0x80;

    private static final String BEFORE = "0fae5f40 0fae5720 0f1007 0f104f10";
    private static final String AFTER = "0f114730 0fae5f24 0fae5740 c3";

    private static final MethodHandle SIGACTION = NativeCode.libc(
            "sigaction",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment state = arena.allocate(128, 16);
    private final MemorySegment previous = arena.allocate(SIGACTION_SIZE, 8);
    private final NativeCode code;

    SseTrapHost(String instruction) {
        sigaction(0, previous.address());
        code = NativeCode.assemble(withHandler(instruction, previous.get(ValueLayout.JAVA_LONG, 0)));
        MemorySegment handler = arena.allocate(SIGACTION_SIZE, 8);
        handler.set(ValueLayout.JAVA_LONG, 0, code.address() + HANDLER);
        handler.set(ValueLayout.JAVA_INT, FLAGS_OFFSET, SA_SIGINFO | SA_ONSTACK);
        sigaction(handler.address(), 0);
    }

    private static byte[] withHandler(String instruction, long previousHandler) {
        byte[] before = bytes(BEFORE + instruction);
        ByteBuffer code = ByteBuffer.allocate(2 * HANDLER).order(ByteOrder.LITTLE_ENDIAN);
        code.put(before).put(bytes(AFTER)).position(HANDLER);
        code.put(bytes("488b82a8000000")); // mov rax, [rdx + RIP of the context]
        code.put(bytes("488d0d")).putInt(-code.position() - 4); // lea rcx, [start]
        code.put(bytes("4829c8 4883f87f")); // sub rax, rcx; cmp rax, HANDLER - 1
        code.put(bytes("772a")); // ja chain
        code.put(bytes("488b82e0000000 8b4818")); // mov rax, [rdx + FPU state]; mov ecx, [rax + MXCSR]
        code.put(bytes("4c8b4268 41894828")); // mov r8, [rdx + RDI]; mov [r8 + 40], ecx
        code.put(bytes("c74018801f0000")); // mov dword [rax + MXCSR], 0x1f80
        code.put(bytes("488d0d")).putInt(before.length - code.position() - 4); // lea rcx, [after]
        code.put(bytes("48898aa8000000 c3")); // mov [rdx + RIP], rcx; ret
        code.put(bytes("ff2500000000")).putLong(previousHandler); // chain: jmp previous
        return code.array();
    }

    private static byte[] bytes(String hexadecimal) {
        return HexFormat.of().parseHex(hexadecimal.replace(" ", ""));
    }

    private static void sigaction(long action, long previousAction) {
        try {
            int status = (int) SIGACTION.invokeExact(SIGFPE, action, previousAction);
            if (status != 0) throw new IllegalStateException("sigaction failed");
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    void run(long a, long highA, long b, long highB, int mxcsr) {
        state.set(ValueLayout.JAVA_LONG, 0, a);
        state.set(ValueLayout.JAVA_LONG, 8, highA);
        state.set(ValueLayout.JAVA_LONG, 16, b);
        state.set(ValueLayout.JAVA_LONG, 24, highB);
        state.set(ValueLayout.JAVA_INT, 32, mxcsr);
        state.set(ValueLayout.JAVA_INT, 40, 0);
        code.call(state);
    }

    boolean trapped() {
        return state.get(ValueLayout.JAVA_INT, 40) != 0;
    }

    int flags() {
        return state.get(ValueLayout.JAVA_INT, trapped() ? 40 : 36) & 63;
    }

    @Override
    public void close() {
        sigaction(previous.address(), 0);
        code.close();
        arena.close();
    }
}
