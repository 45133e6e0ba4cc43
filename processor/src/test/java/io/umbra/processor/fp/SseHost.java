package io.umbra.processor.fp;

import io.umbra.processor.host.NativeCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One SSE instruction on the host, all exceptions masked. Its operands are XMM0, XMM1 and RAX, its results XMM0, RAX and MXCSR.
 *
 * <pre>
 * 0 XMM0 and RAX | 16 XMM1 | 32 MXCSR | 36 MXCSR after | 48 XMM0 after | 64 MXCSR of the JVM | 72 RAX after
 * </pre>
 */
final class SseHost implements AutoCloseable {
    private static final String BEFORE = "0fae5f40 0fae5720 0f1007 0f104f10 488b07";
    private static final String AFTER = "0f114730 48894748 0fae5f24 0fae5740 c3";

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment state = arena.allocate(128, 16);
    private final NativeCode code;

    SseHost(String instruction) {
        code = NativeCode.assemble(BEFORE, instruction, AFTER);
    }

    void run(long a, long b, int mxcsr) {
        run(a, 0, b, 0, mxcsr);
    }

    void run(long a, long highA, long b, long highB, int mxcsr) {
        state.set(ValueLayout.JAVA_LONG, 0, a);
        state.set(ValueLayout.JAVA_LONG, 8, highA);
        state.set(ValueLayout.JAVA_LONG, 16, b);
        state.set(ValueLayout.JAVA_LONG, 24, highB);
        state.set(ValueLayout.JAVA_INT, 32, mxcsr);
        code.call(state);
    }

    long xmm() {
        return state.get(ValueLayout.JAVA_LONG, 48);
    }

    long rax() {
        return state.get(ValueLayout.JAVA_LONG, 72);
    }

    int flags() {
        return state.get(ValueLayout.JAVA_INT, 36) & 63;
    }

    @Override
    public void close() {
        code.close();
        arena.close();
    }
}
