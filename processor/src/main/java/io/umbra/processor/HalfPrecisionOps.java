package io.umbra.processor;

import io.umbra.processor.fp.Float32;
import io.umbra.processor.fp.FloatEnvironment;

/** F16C: VCVTPH2PS and VCVTPS2PH, between binary16 in memory or half a register and binary32. */
final class HalfPrecisionOps {
    private HalfPrecisionOps() {}

    static Op widening(Instruction i, int offsetInPage) {
        return new Widening(i, offsetInPage);
    }

    static Op narrowing(Instruction i, int offsetInPage) {
        return new Narrowing(i, offsetInPage);
    }

    private static final class Widening extends VectorOp {
        private final boolean wide;

        Widening(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            wide = AvxGroup.isWide(i);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = wide ? from.high(cpu) : 0;
            FloatEnvironment env = Mxcsr.begin(cpu);
            long first = pair(low, env);
            long second = pair(low >>> 32, env);
            long third = wide ? pair(high, env) : 0;
            long fourth = wide ? pair(high >>> 32, env) : 0;
            Mxcsr.finish(cpu, env);
            to.write(cpu, first, second, third, fourth);
        }

        private static long pair(long halves, FloatEnvironment env) {
            long even = Float32.fromFloat16((int) halves & 0xFFFF, env) & 0xFFFF_FFFFL;
            return even | (long) Float32.fromFloat16((int) (halves >>> 16) & 0xFFFF, env) << 32;
        }
    }

    /** Immediate: 1..0 a rounding mode, 2 MXCSR's mode instead. */
    private static final class Narrowing extends VectorOp {
        private final boolean wide;
        private final int control;

        Narrowing(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            wide = AvxGroup.isWide(i);
            control = immediate(i);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long low = pair(from.low(cpu), env) | pair(from.high(cpu), env) << 32;
            long high = wide ? pair(from.third(cpu), env) | pair(from.fourth(cpu), env) << 32 : 0;
            if (to.isMemory()) {
                cpu.probeWrite(to.address.linearForWrite(cpu, to.size), to.size);
            }
            Mxcsr.finish(cpu, env);
            if (!to.isMemory()) {
                to.write(cpu, low, high);
            } else if (wide) {
                to.store(cpu, low, high);
            } else {
                to.write(cpu, low);
            }
        }

        private long pair(long singles, FloatEnvironment env) {
            int mode = (control & 4) != 0 ? env.rounding : control & 3;
            long even = Float32.toFloat16((int) singles, mode, env);
            return even | (long) Float32.toFloat16((int) (singles >>> 32), mode, env) << 16;
        }
    }
}
