package io.umbra.processor;

import io.umbra.processor.host.NativeCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One x87 instruction on the host, between FXRSTOR and FNSAVE, which do not wait: an exception that it leaves pending traps nobody. Its memory operand, if any, is at
 * [RDI + {@link #OPERAND}].
 *
 * <pre>
 * 0 FXRSTOR image | 512 RFLAGS before | 520 after | 528 RAX before | 536 after | 640 memory operand | 768 FNSAVE image
 * </pre>
 */
final class X87Native implements AutoCloseable {
    static final int OPERAND = 640;

    private static final int FLAGS_BEFORE = 512, FLAGS_AFTER = 520, RAX_BEFORE = 528, RAX_AFTER = 536, SAVED = 768;
    private static final int MXCSR = 24, STACK = 32, SAVED_STACK = SAVED + 28;
    private static final String BEFORE = "480FAE0F FFB700020000 9D 488B8710020000";
    private static final String AFTER = "9C 8F8708020000 48898718020000 DDB700030000 DBE3 C3";

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment block = arena.allocate(1024, 64);
    private final NativeCode code;

    X87Native(String instruction) {
        code = NativeCode.assemble(BEFORE, instruction, AFTER);
    }

    /** @param absolute the data pointer is not made relative to RDI */
    void run(X87State state, X87Outcome outcome, boolean absolute) {
        fill(state);
        code.call(block);
        read(outcome, absolute);
    }

    private void fill(X87State state) {
        block.asSlice(0, 512).fill((byte) 0);
        putShort(0, state.control);
        putShort(2, state.status);
        putShort(4, state.inUse);
        block.set(ValueLayout.JAVA_INT, MXCSR, 0x1F80);
        for (int i = 0; i < 8; i++) {
            block.set(ValueLayout.JAVA_LONG, STACK + 16L * i, state.stack[i].significand);
            putShort(STACK + 16 * i + 8, state.stack[i].signExponent);
        }
        block.set(ValueLayout.JAVA_LONG, FLAGS_BEFORE, state.rflags | 0x202);
        block.set(ValueLayout.JAVA_LONG, RAX_BEFORE, state.rax);
        MemorySegment.copy(state.memory, 0, block, ValueLayout.JAVA_BYTE, OPERAND, X87State.MEMORY_BYTES);
    }

    private void putShort(int at, int value) {
        block.set(ValueLayout.JAVA_SHORT, at, (short) value);
    }

    private int getShort(int at) {
        return Short.toUnsignedInt(block.get(ValueLayout.JAVA_SHORT, at));
    }

    private void read(X87Outcome outcome, boolean absolute) {
        outcome.control = getShort(SAVED);
        outcome.status = getShort(SAVED + 4);
        outcome.tags = getShort(SAVED + 8);
        outcome.opcode = getShort(SAVED + 18) & 0x7FF;
        int pointer = block.get(ValueLayout.JAVA_INT, SAVED + 20);
        outcome.dataPointer = pointer == 0 || absolute ? pointer : pointer - (int) block.address();
        outcome.rflags = block.get(ValueLayout.JAVA_LONG, FLAGS_AFTER);
        outcome.rax = block.get(ValueLayout.JAVA_LONG, RAX_AFTER);
        for (int i = 0; i < 8; i++) {
            outcome.significand[i] = block.get(ValueLayout.JAVA_LONG_UNALIGNED, SAVED_STACK + 10L * i);
            outcome.signExponent[i] = getShort(SAVED_STACK + 10 * i + 8);
        }
        MemorySegment.copy(block, ValueLayout.JAVA_BYTE, OPERAND, outcome.memory, 0, X87State.MEMORY_BYTES);
    }

    @Override
    public void close() {
        code.close();
        arena.close();
    }
}
