package io.umbra.processor;

/** An MMX or SSE instruction with two operands, of which one at most is in memory. */
abstract class VectorOp extends Op {
    final VectorPlace to;
    final VectorPlace from;
    private final boolean vex;

    VectorOp(Instruction i, int offsetInPage) {
        to = VectorPlace.of(i, 0, offsetInPage);
        from = VectorPlace.of(i, 1, offsetInPage);
        vex = i.vex;
    }

    final boolean isVex() {
        return vex;
    }

    /** Whether the instruction may be executed now: SSE-1, or AVX-1. */
    final void check(Cpu cpu) {
        if (vex) {
            cpu.checkAvx();
        } else {
            cpu.checkSse();
        }
    }

    @Override
    boolean isStackOperand() {
        return to.isOnStack() || from.isOnStack();
    }

    /** The third operand, when that is an immediate byte. */
    static int immediate(Instruction i) {
        return (int) i.operands[2].value() & 0xFF;
    }
}
