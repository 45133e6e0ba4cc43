package io.umbra.processor;

/** A form of an instruction whose memory operand is known to be there. */
abstract class MemoryOp extends Op {
    final Address address;

    MemoryOp(Address address) {
        this.address = address;
    }

    @Override
    boolean isStackOperand() {
        return address.isStack();
    }
}
