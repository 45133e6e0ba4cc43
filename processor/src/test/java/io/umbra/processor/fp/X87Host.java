package io.umbra.processor.fp;

import io.umbra.processor.host.NativeCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One x87 instruction on the host. Its operands are ST0 and ST1, or memory at [RDI+16]; its results ST0 and ST1, or
 * memory at [RDI+48]; and the status word.
 *
 * <pre>
 * 0 ST0 | 16 ST1 or memory operand | 32 control word | 34 status word after | 36 masks all | 48 ST0 or memory after | 64 ST1 after
 * </pre>
 */
final class X87Host implements AutoCloseable {
    private static final long UNTOUCHED = 0x5aa5_5aa5_5aa5_5aa5L;
    private static final int ALL_MASKED = 0x37f;
    private static final String CONTROL = "dbe3 d96f20";
    private static final String LOAD_ST1 = "db6f10";
    private static final String LOAD_ST0 = "db2f";
    private static final String STATUS = "dd7f22 dbe2";
    private static final String STORE_BOTH = "d96f24 db7f30 db7f40";
    private static final String RETURN = "dbe3 c3";

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment state = arena.allocate(128, 16);
    private final NativeCode code;

    private X87Host(String... pieces) {
        code = NativeCode.assemble(pieces);
    }

    /** An instruction on ST0 and ST1. */
    static X87Host onRegisters(String instruction) {
        return new X87Host(CONTROL, LOAD_ST1, LOAD_ST0, instruction, STATUS, STORE_BOTH, RETURN);
    }

    /** An instruction on ST0 and a memory operand. */
    static X87Host withOperand(String instruction) {
        return new X87Host(CONTROL, LOAD_ST0, instruction, STATUS, STORE_BOTH, RETURN);
    }

    /** An instruction that loads ST0 from memory, or from nowhere. */
    static X87Host load(String instruction) {
        return new X87Host(CONTROL, instruction, STATUS, STORE_BOTH, RETURN);
    }

    /** An instruction that stores ST0 to memory. */
    static X87Host store(String instruction) {
        return new X87Host(CONTROL, LOAD_ST0, instruction, STATUS, RETURN);
    }

    void run(Float80 a, Float80 b, int controlWord) {
        state.set(ValueLayout.JAVA_LONG, 0, a.significand);
        state.set(ValueLayout.JAVA_LONG, 8, a.signExponent);
        state.set(ValueLayout.JAVA_LONG, 16, b.significand);
        state.set(ValueLayout.JAVA_LONG, 24, b.signExponent);
        state.set(ValueLayout.JAVA_INT, 32, controlWord);
        state.set(ValueLayout.JAVA_INT, 36, ALL_MASKED);
        state.set(ValueLayout.JAVA_LONG, 48, UNTOUCHED);
        state.set(ValueLayout.JAVA_LONG, 56, UNTOUCHED);
        code.call(state);
    }

    long significand() {
        return memory();
    }

    int signExponent() {
        return Short.toUnsignedInt(state.get(ValueLayout.JAVA_SHORT, 56));
    }

    long secondSignificand() {
        return state.get(ValueLayout.JAVA_LONG, 64);
    }

    int secondSignExponent() {
        return Short.toUnsignedInt(state.get(ValueLayout.JAVA_SHORT, 72));
    }

    long memory() {
        return state.get(ValueLayout.JAVA_LONG, 48);
    }

    boolean stored() {
        return memory() != UNTOUCHED;
    }

    int flags() {
        return status() & 63;
    }

    /** C3 C2 C1 C0, as bits 3 to 0. */
    int conditions() {
        return status() >> 11 & 8 | status() >> 8 & 7;
    }

    private int status() {
        return state.get(ValueLayout.JAVA_SHORT, 34);
    }

    @Override
    public void close() {
        code.close();
        arena.close();
    }
}
