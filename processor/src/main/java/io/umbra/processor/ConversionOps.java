package io.umbra.processor;

import io.umbra.processor.fp.Float32;
import io.umbra.processor.fp.Float64;
import io.umbra.processor.fp.FloatEnvironment;

/**
 * The conversions between integers and binary32 and binary64. Each is a function of one element; the classes differ in how the elements lie: one in the low end of a register,
 * pairs that keep their width, pairs that become wider or narrower.
 */
final class ConversionOps {
    /** Elements of 32 bits come in the low half of a long, with anything above; they are cut when they are stored. */
    @FunctionalInterface
    interface Conversion {
        long apply(long element, FloatEnvironment env);
    }

    private static final long LOW_DOUBLEWORD = 0xFFFF_FFFFL;

    private ConversionOps() {}

    /** To a general register, or to the low 32 or 64 bits of an XMM register. */
    static Op scalar(Conversion function, Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.GENERAL
                ? new ToGeneral(function, i, offsetInPage)
                : new Scalar(function, i, offsetInPage);
    }

    /** Four elements of 32 bits to four. */
    static Op packed(Conversion function, Instruction i, int offsetInPage) {
        return new Packed(function, i, offsetInPage);
    }

    /** Two elements of 32 bits to two; one operand is MMX. An XMM destination keeps its high half. */
    static Op pair(Conversion function, Instruction i, int offsetInPage) {
        return new Pair(function, i, offsetInPage);
    }

    /** Two elements of 32 bits to two of 64. */
    static Op widening(Conversion function, Instruction i, int offsetInPage) {
        return new Widening(function, i, offsetInPage);
    }

    /** Two elements of 64 bits to two of 32. An XMM destination's high half becomes zero. */
    static Op narrowing(Conversion function, Instruction i, int offsetInPage) {
        return new Narrowing(function, i, offsetInPage);
    }

    static long int32ToDouble(long value, FloatEnvironment env) {
        return Float64.fromInt32((int) value);
    }

    static long int32ToSingle(long value, FloatEnvironment env) {
        return Float32.fromInt32((int) value, env);
    }

    static long singleToDouble(long value, FloatEnvironment env) {
        return Float32.toFloat64((int) value, env);
    }

    static long singleToInt32(long value, FloatEnvironment env) {
        return Float32.toInt32((int) value, env);
    }

    static long singleToInt32Truncated(long value, FloatEnvironment env) {
        return Float32.toInt32Truncated((int) value, env);
    }

    static long singleToInt64(long value, FloatEnvironment env) {
        return Float32.toInt64((int) value, env);
    }

    static long singleToInt64Truncated(long value, FloatEnvironment env) {
        return Float32.toInt64Truncated((int) value, env);
    }

    private static long both(Conversion function, long pair, FloatEnvironment env) {
        return function.apply(pair, env) & LOW_DOUBLEWORD | function.apply(pair >>> 32, env) << 32;
    }

    /** An MMX operand in memory does not count as use of the MMX registers. */
    private abstract static class MaybeMmx extends VectorOp {
        private final boolean mmx;

        MaybeMmx(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            mmx = to.isMmx() || from.isMmx();
        }

        final void checkBoth(Cpu cpu) {
            if (mmx) {
                Mmx.checkWithSse(cpu);
            } else {
                check(cpu);
            }
        }

        final void finish(Cpu cpu) {
            if (mmx) {
                Mmx.enter(cpu);
            }
        }
    }

    private static final class ToGeneral extends VectorOp {
        private final Conversion function;

        ToGeneral(Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = function.apply(operand, env);
            Mxcsr.finish(cpu, env);
            to.write(cpu, result);
        }
    }

    private static final class Scalar extends FloatLaneOp {
        private final Conversion function;
        private final long kept;

        Scalar(Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
            this.kept = to.size == 8 ? 0 : ~LOW_DOUBLEWORD;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = aLow & kept | function.apply(bLow, cpu.floats) & ~kept;
            out[at + 1] = aHigh;
        }
    }

    private static final class Packed extends FloatLaneOp {
        private final Conversion function;

        Packed(Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = both(function, bLow, cpu.floats);
            out[at + 1] = both(function, bHigh, cpu.floats);
        }
    }

    private static final class Pair extends MaybeMmx {
        private final Conversion function;

        Pair(Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            checkBoth(cpu);
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = both(function, operand, env);
            Mxcsr.finish(cpu, env);
            if (to.isXmm()) {
                cpu.state.xmm[to.register] = result;
            } else {
                to.write(cpu, result);
            }
            finish(cpu);
        }
    }

    private static final class Widening extends MaybeMmx {
        private final Conversion function;

        Widening(Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            checkBoth(cpu);
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long low = function.apply(operand, env);
            long high = function.apply(operand >>> 32, env);
            Mxcsr.finish(cpu, env);
            to.write(cpu, low, high);
            finish(cpu);
        }
    }

    private static final class Narrowing extends MaybeMmx {
        private final Conversion function;

        Narrowing(Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            checkBoth(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = function.apply(low, env) & LOW_DOUBLEWORD | function.apply(high, env) << 32;
            Mxcsr.finish(cpu, env);
            to.write(cpu, result);
            finish(cpu);
        }
    }
}
