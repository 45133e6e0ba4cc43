package io.umbra.processor;

/** An MMX or SSE instruction with two operands, of which one at most is in memory. */
abstract class VectorOp extends Op {
    final VectorPlace to;
    final VectorPlace from;

    VectorOp(Instruction i, int offsetInPage) {
        to = VectorPlace.of(i, 0, offsetInPage);
        from = VectorPlace.of(i, 1, offsetInPage);
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
