package io.umbra.processor;

import io.umbra.processor.fp.Float32;
import io.umbra.processor.fp.Float64;
import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.RFlags;

/**
 * The SSE arithmetic on binary32 and binary64: packed forms, which compute all elements and report the union of their exceptions, and scalar forms, which leave the rest of the
 * destination as it is. The result of an instruction with an unmasked exception is not written. What an operation means is in {@link Float32}, {@link Float64} and
 * {@link FloatArithmetic}.
 */
final class FloatOps {
    /** {@code a} is the first operand's element, {@code b} the second's. */
    @FunctionalInterface
    interface Double64 {
        long apply(long a, long b, FloatEnvironment env);
    }

    /** The same for binary32. */
    @FunctionalInterface
    interface Single32 {
        int apply(int a, int b, FloatEnvironment env);
    }

    private FloatOps() {}

    static Op packedDouble(Double64 function, Instruction i, int offsetInPage) {
        return new PackedDouble(function, function, i, offsetInPage);
    }

    static Op packedSingle(Single32 function, Instruction i, int offsetInPage) {
        return new PackedSingle(function, function, i, offsetInPage);
    }

    static Op scalarDouble(Double64 function, Instruction i, int offsetInPage) {
        return new ScalarDouble(function, i, offsetInPage);
    }

    static Op scalarSingle(Single32 function, Instruction i, int offsetInPage) {
        return new ScalarSingle(function, i, offsetInPage);
    }

    static Op addScalarDouble(Instruction i, int offsetInPage) {
        return new AddDouble(i, offsetInPage);
    }

    static Op subtractScalarDouble(Instruction i, int offsetInPage) {
        return new SubtractDouble(i, offsetInPage);
    }

    static Op multiplyScalarDouble(Instruction i, int offsetInPage) {
        return new MultiplyDouble(i, offsetInPage);
    }

    static Op divideScalarDouble(Instruction i, int offsetInPage) {
        return new DivideDouble(i, offsetInPage);
    }

    /** ADDSUBPD: even elements are subtracted, odd ones added. */
    static Op alternateDouble(Instruction i, int offsetInPage) {
        return new PackedDouble(Float64::sub, Float64::add, i, offsetInPage);
    }

    /** ADDSUBPS. */
    static Op alternateSingle(Instruction i, int offsetInPage) {
        return new PackedSingle(Float32::sub, Float32::add, i, offsetInPage);
    }

    /** HADDPD, HSUBPD. */
    static Op horizontalDouble(Double64 function, Instruction i, int offsetInPage) {
        return new HorizontalDouble(function, i, offsetInPage);
    }

    /** HADDPS, HSUBPS. */
    static Op horizontalSingle(Single32 function, Instruction i, int offsetInPage) {
        return new HorizontalSingle(function, i, offsetInPage);
    }

    /** COMISD, UCOMISD. */
    static Op compareDouble(boolean quiet, Instruction i, int offsetInPage) {
        return new CompareDouble(quiet, i, offsetInPage);
    }

    /** COMISS, UCOMISS. */
    static Op compareSingle(boolean quiet, Instruction i, int offsetInPage) {
        return new CompareSingle(quiet, i, offsetInPage);
    }

    /** DPPD. */
    static Op dotProductDouble(Instruction i, int offsetInPage) {
        return new DotProductDouble(i, offsetInPage);
    }

    /** DPPS. */
    static Op dotProductSingle(Instruction i, int offsetInPage) {
        return new DotProductSingle(i, offsetInPage);
    }

    private static int even(long pair) {
        return (int) pair;
    }

    private static int odd(long pair) {
        return (int) (pair >>> 32);
    }

    private static long pair(int even, int odd) {
        return even & 0xFFFF_FFFFL | (long) odd << 32;
    }

    private static final class PackedDouble extends FloatLaneOp {
        private final Double64 lowHalf;
        private final Double64 highHalf;

        PackedDouble(Double64 lowHalf, Double64 highHalf, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.lowHalf = lowHalf;
            this.highHalf = highHalf;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            FloatEnvironment env = cpu.floats;
            out[at] = lowHalf.apply(aLow, bLow, env);
            out[at + 1] = highHalf.apply(aHigh, bHigh, env);
        }
    }

    private static final class PackedSingle extends FloatLaneOp {
        private final Single32 evenFunction;
        private final Single32 oddFunction;

        PackedSingle(Single32 evenFunction, Single32 oddFunction, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.evenFunction = evenFunction;
            this.oddFunction = oddFunction;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = row(aLow, bLow, cpu.floats);
            out[at + 1] = row(aHigh, bHigh, cpu.floats);
        }

        private long row(long a, long b, FloatEnvironment env) {
            return pair(evenFunction.apply(even(a), even(b), env), oddFunction.apply(odd(a), odd(b), env));
        }
    }

    private static class ScalarDouble extends FloatLaneOp {
        private final Double64 function;

        ScalarDouble(Double64 function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = function.apply(cpu.state.xmm[to.register], operand, env);
            Mxcsr.finish(cpu, env);
            cpu.state.xmm[to.register] = result;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = function.apply(aLow, bLow, cpu.floats);
            out[at + 1] = aHigh;
        }
    }

    private static final class ScalarSingle extends FloatLaneOp {
        private final Single32 function;

        ScalarSingle(Single32 function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long old = cpu.state.xmm[to.register];
            int result = function.apply(even(old), even(operand), env);
            Mxcsr.finish(cpu, env);
            cpu.state.xmm[to.register] = pair(result, odd(old));
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = pair(function.apply(even(aLow), even(bLow), cpu.floats), odd(aLow));
            out[at + 1] = aHigh;
        }
    }

    private static final class AddDouble extends ScalarDouble {
        AddDouble(Instruction i, int offsetInPage) {
            super(Float64::add, i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = Float64.add(cpu.state.xmm[to.register], operand, env);
            Mxcsr.finish(cpu, env);
            cpu.state.xmm[to.register] = result;
        }
    }

    private static final class SubtractDouble extends ScalarDouble {
        SubtractDouble(Instruction i, int offsetInPage) {
            super(Float64::sub, i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = Float64.sub(cpu.state.xmm[to.register], operand, env);
            Mxcsr.finish(cpu, env);
            cpu.state.xmm[to.register] = result;
        }
    }

    private static final class MultiplyDouble extends ScalarDouble {
        MultiplyDouble(Instruction i, int offsetInPage) {
            super(Float64::mul, i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = Float64.mul(cpu.state.xmm[to.register], operand, env);
            Mxcsr.finish(cpu, env);
            cpu.state.xmm[to.register] = result;
        }
    }

    private static final class DivideDouble extends ScalarDouble {
        DivideDouble(Instruction i, int offsetInPage) {
            super(Float64::div, i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long operand = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long result = Float64.div(cpu.state.xmm[to.register], operand, env);
            Mxcsr.finish(cpu, env);
            cpu.state.xmm[to.register] = result;
        }
    }

    private static final class HorizontalDouble extends FloatLaneOp {
        private final Double64 function;

        HorizontalDouble(Double64 function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = function.apply(aLow, aHigh, cpu.floats);
            out[at + 1] = function.apply(bLow, bHigh, cpu.floats);
        }
    }

    private static final class HorizontalSingle extends FloatLaneOp {
        private final Single32 function;

        HorizontalSingle(Single32 function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            FloatEnvironment env = cpu.floats;
            out[at] = pair(fold(aLow, env), fold(aHigh, env));
            out[at + 1] = pair(fold(bLow, env), fold(bHigh, env));
        }

        private int fold(long row, FloatEnvironment env) {
            return function.apply(even(row), odd(row), env);
        }
    }

    /** ZF, PF and CF say what the order is; the other flags are cleared. */
    private static void setFlags(Cpu cpu, int order) {
        cpu.flags.fromRFlags(
                switch (order) {
                    case Float64.GREATER -> 0;
                    case Float64.LESS -> RFlags.CARRY;
                    case Float64.EQUAL -> RFlags.ZERO;
                    default -> RFlags.ZERO | RFlags.PARITY | RFlags.CARRY;
                });
    }

    private static final class CompareDouble extends VectorOp {
        private final boolean quiet;

        CompareDouble(boolean quiet, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.quiet = quiet;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long a = to.low(cpu);
            long b = from.low(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            int order = quiet ? Float64.compareQuiet(a, b, env) : Float64.compareSignalling(a, b, env);
            Mxcsr.finish(cpu, env);
            setFlags(cpu, order);
        }
    }

    private static final class CompareSingle extends VectorOp {
        private final boolean quiet;

        CompareSingle(boolean quiet, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.quiet = quiet;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            int a = even(to.low(cpu));
            int b = even(from.low(cpu));
            FloatEnvironment env = Mxcsr.begin(cpu);
            int order = quiet ? Float32.compareQuiet(a, b, env) : Float32.compareSignalling(a, b, env);
            Mxcsr.finish(cpu, env);
            setFlags(cpu, order);
        }
    }

    /** Bits 4 and 5 of the immediate choose the products, bits 0 and 1 where the sum goes. */
    private static final class DotProductDouble extends FloatLaneOp {
        private final int selection;

        DotProductDouble(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            selection = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            FloatEnvironment env = cpu.floats;
            long first = (selection & 0x10) != 0 ? Float64.mul(aLow, bLow, env) : 0;
            long second = (selection & 0x20) != 0 ? Float64.mul(aHigh, bHigh, env) : 0;
            Mxcsr.finish(cpu, env);
            long sum = Float64.add(first, second, env);
            Mxcsr.finish(cpu, env);
            out[at] = (selection & 1) != 0 ? sum : 0;
            out[at + 1] = (selection & 2) != 0 ? sum : 0;
        }
    }

    /** The same with bits 7..4 and 3..0. Neighbours are added first. */
    private static final class DotProductSingle extends FloatLaneOp {
        private final int selection;

        DotProductSingle(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            selection = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            FloatEnvironment env = cpu.floats;
            long first = products(selection >> 4, aLow, bLow, env);
            long second = products(selection >> 6, aHigh, bHigh, env);
            Mxcsr.finish(cpu, env);
            int firstSum = Float32.add(even(first), odd(first), env);
            int secondSum = Float32.add(even(second), odd(second), env);
            Mxcsr.finish(cpu, env);
            int sum = Float32.add(firstSum, secondSum, env);
            out[at] = copies(selection, sum);
            out[at + 1] = copies(selection >> 2, sum);
        }

        private static long products(int chosen, long a, long b, FloatEnvironment env) {
            int even = (chosen & 1) != 0 ? Float32.mul(even(a), even(b), env) : 0;
            int odd = (chosen & 2) != 0 ? Float32.mul(odd(a), odd(b), env) : 0;
            return pair(even, odd);
        }

        private static long copies(int chosen, int sum) {
            return pair((chosen & 1) != 0 ? sum : 0, (chosen & 2) != 0 ? sum : 0);
        }
    }
}
