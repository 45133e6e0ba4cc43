package io.umbra.processor;

/** An instruction with one general operand. */
abstract class OneOperandOp extends Op {
    final Place operand;

    OneOperandOp(Place operand) {
        this.operand = operand;
    }

    @Override
    boolean isStackOperand() {
        return operand.isOnStack();
    }
}
