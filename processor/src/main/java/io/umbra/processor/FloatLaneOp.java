package io.umbra.processor;

import io.umbra.processor.fp.FloatEnvironment;

/** The same with floating-point exceptions: the kernel works with {@link Cpu#floats}, and its result is written only if none of them is unmasked. */
abstract class FloatLaneOp extends LaneOp {
    FloatLaneOp(Instruction i, int offsetInPage) {
        super(i, offsetInPage);
    }

    @Override
    void execute(Cpu cpu) {
        cpu.checkSse();
        long low = from.low(cpu);
        long high = from.size > 8 ? from.high(cpu) : 0;
        long[] xmm = cpu.state.xmm;
        long[] result = cpu.lanes;
        int register = to.register;
        FloatEnvironment env = Mxcsr.begin(cpu);
        lane(cpu, result, 0, xmm[register], xmm[register + 1], low, high);
        Mxcsr.finish(cpu, env);
        xmm[register] = result[0];
        xmm[register + 1] = result[1];
    }
}
