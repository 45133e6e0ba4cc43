package io.umbra.processor;

/** An SSE instruction whose meaning is a {@link LaneKernel}: both operands are read whole, and the first is replaced. */
abstract class LaneOp extends VectorOp implements LaneKernel {
    LaneOp(Instruction i, int offsetInPage) {
        super(i, offsetInPage);
    }

    @Override
    void execute(Cpu cpu) {
        cpu.checkSse();
        long low = from.low(cpu);
        long high = from.size > 8 ? from.high(cpu) : 0;
        long[] xmm = cpu.state.xmm;
        int register = to.register;
        lane(cpu, xmm, register, xmm[register], xmm[register + 1], low, high);
    }
}
