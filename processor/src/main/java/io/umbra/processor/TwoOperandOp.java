package io.umbra.processor;

/** An instruction with two general operands, of which one at most is in memory. */
abstract class TwoOperandOp extends Op {
    final Place first;
    final Place second;

    TwoOperandOp(Place first, Place second) {
        this.first = first;
        this.second = second;
    }

    @Override
    boolean isStackOperand() {
        return first.isOnStack() || second.isOnStack();
    }
}
