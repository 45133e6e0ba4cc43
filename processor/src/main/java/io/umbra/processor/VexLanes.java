package io.umbra.processor;

import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.VcpuState;

/** The VEX form of an instruction that works on each 128-bit lane by itself: with a destination of its own, and one lane or two. */
final class VexLanes extends Op {
    private final LaneKernel low;
    private final LaneKernel high;
    private final boolean wide;
    private final boolean floats;
    /** As {@link VectorPlace#register}. */
    private final int to;

    private final int first;
    private final VectorPlace second;

    /**
     * @param high of the upper lane
     * @param first number of the operand that is the first source
     */
    VexLanes(Instruction i, LaneKernel low, LaneKernel high, int first, VectorPlace second) {
        this.low = low;
        this.high = high;
        this.wide = AvxGroup.isWide(i) && i.operands[0].size() == 32;
        this.floats = low instanceof FloatLaneOp;
        this.to = 2 * i.operands[0].register();
        this.first = 2 * i.operands[first].register();
        this.second = second;
    }

    /** A second operand of one lane, as the count of a shift, goes for both. */
    @Override
    void execute(Cpu cpu) {
        cpu.checkAvx();
        VcpuState state = cpu.state;
        long[] xmm = state.xmm;
        long[] upper = state.ymmHigh;
        long[] result = cpu.lanes;
        long b0 = second.low(cpu);
        long b1 = second.size > 8 ? second.high(cpu) : 0;
        boolean both = second.size > 16;
        long b2 = both ? second.third(cpu) : b0;
        long b3 = both ? second.fourth(cpu) : b1;
        if (floats) {
            floats(cpu, b0, b1, b2, b3);
        } else {
            low.lane(cpu, result, 0, xmm[first], xmm[first + 1], b0, b1);
            if (wide) {
                high.lane(cpu, result, 2, upper[first], upper[first + 1], b2, b3);
            }
        }
        xmm[to] = result[0];
        xmm[to + 1] = result[1];
        upper[to] = wide ? result[2] : 0;
        upper[to + 1] = wide ? result[3] : 0;
    }

    /** All elements take part in one set of exceptions. */
    private void floats(Cpu cpu, long b0, long b1, long b2, long b3) {
        VcpuState state = cpu.state;
        FloatEnvironment env = Mxcsr.begin(cpu);
        low.lane(cpu, cpu.lanes, 0, state.xmm[first], state.xmm[first + 1], b0, b1);
        if (wide) {
            high.lane(cpu, cpu.lanes, 2, state.ymmHigh[first], state.ymmHigh[first + 1], b2, b3);
        }
        Mxcsr.finish(cpu, env);
    }

    @Override
    boolean isStackOperand() {
        return second.isOnStack();
    }
}
