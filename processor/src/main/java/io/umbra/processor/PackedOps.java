package io.umbra.processor;

import io.umbra.x86.RFlags;

/**
 * The packed integer instructions, and the logical ones of all names: those whose result in each 64-bit half depends on the same half of the operands, those that fold two
 * halves into one, and shifts. Their arithmetic is in {@link Lanes} and {@link PackedArithmetic}. None of them changes a flag.
 */
final class PackedOps {
    /** {@code a} is the first operand's half, {@code b} the second's. */
    @FunctionalInterface
    interface Lane {
        long apply(long a, long b);
    }

    /** Makes 32 bits of 64. */
    @FunctionalInterface
    interface Fold {
        long apply(long row);
    }

    private PackedOps() {}

    static Op make(Lane function, Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new Xmm(function, i, offsetInPage)
                : new MmxOp(function, i, offsetInPage);
    }

    static Op fold(Fold function, Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new FoldXmm(function, i, offsetInPage)
                : new MmxOp((a, b) -> function.apply(a) | function.apply(b) << 32, i, offsetInPage);
    }

    /** By the count in the low half of the second operand, or by an immediate. */
    static Op shift(Lane function, Instruction i, int offsetInPage) {
        boolean xmm = i.operands[0].kind() == Instruction.Kind.XMM;
        if (i.operands[1].kind() == Instruction.Kind.IMMEDIATE) {
            int count = (int) i.operands[1].value() & 0xFF;
            int register = i.operands[0].register();
            return xmm
                    ? new ShiftXmmByConstant(function, register, count)
                    : new ShiftMmxByConstant(function, register, count);
        }
        return xmm ? new ShiftXmm(function, i, offsetInPage) : new MmxOp(function, i, offsetInPage);
    }

    static Op xor(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new Xor(i, offsetInPage)
                : new MmxOp((a, b) -> a ^ b, i, offsetInPage);
    }

    static Op and(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new And(i, offsetInPage)
                : new MmxOp((a, b) -> a & b, i, offsetInPage);
    }

    static Op or(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new Or(i, offsetInPage)
                : new MmxOp((a, b) -> a | b, i, offsetInPage);
    }

    static Op equalBytes(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new EqualBytes(i, offsetInPage)
                : new MmxOp(Lanes.BYTES::equal, i, offsetInPage);
    }

    static Op minUnsignedBytes(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.XMM
                ? new MinUnsignedBytes(i, offsetInPage)
                : new MmxOp(Lanes.BYTES::minUnsigned, i, offsetInPage);
    }

    /** PTEST. */
    static Op test(Instruction i, int offsetInPage) {
        return new Test(i, offsetInPage);
    }

    /** PHMINPOSUW. */
    static Op minimumPosition(Instruction i, int offsetInPage) {
        return new MinimumPosition(i, offsetInPage);
    }

    /** MPSADBW. */
    static Op sumsOfDifferences(Instruction i, int offsetInPage) {
        return new SumsOfDifferences(i, offsetInPage);
    }

    private static final class Xmm extends LaneOp {
        private final Lane function;

        Xmm(Lane function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long low = from.low(cpu);
            long high = from.high(cpu);
            long[] xmm = cpu.state.xmm;
            int register = to.register;
            xmm[register] = function.apply(xmm[register], low);
            xmm[register + 1] = function.apply(xmm[register + 1], high);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = function.apply(aLow, bLow);
            out[at + 1] = function.apply(aHigh, bHigh);
        }
    }

    private static final class MmxOp extends VectorOp {
        private final Lane function;

        MmxOp(Lane function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            Mmx.check(cpu);
            long operand = from.low(cpu);
            Mmx.write(cpu, to.register, function.apply(Mmx.read(cpu, to.register), operand));
        }
    }

    private static final class FoldXmm extends LaneOp {
        private final Fold function;

        FoldXmm(Fold function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = function.apply(aLow) | function.apply(aHigh) << 32;
            out[at + 1] = function.apply(bLow) | function.apply(bHigh) << 32;
        }
    }

    private static final class ShiftXmm extends LaneOp {
        private final Lane function;

        ShiftXmm(Lane function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = function.apply(aLow, bLow);
            out[at + 1] = function.apply(aHigh, bLow);
        }
    }

    private static final class ShiftXmmByConstant extends Op implements LaneKernel {
        private final Lane function;
        private final int register;
        private final int count;

        ShiftXmmByConstant(Lane function, int number, int count) {
            this.function = function;
            this.register = 2 * number;
            this.count = count;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long[] xmm = cpu.state.xmm;
            xmm[register] = function.apply(xmm[register], count);
            xmm[register + 1] = function.apply(xmm[register + 1], count);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = function.apply(aLow, count);
            out[at + 1] = function.apply(aHigh, count);
        }
    }

    private static final class ShiftMmxByConstant extends Op {
        private final Lane function;
        private final int register;
        private final int count;

        ShiftMmxByConstant(Lane function, int register, int count) {
            this.function = function;
            this.register = register;
            this.count = count;
        }

        @Override
        void execute(Cpu cpu) {
            Mmx.check(cpu);
            Mmx.write(cpu, register, function.apply(Mmx.read(cpu, register), count));
        }
    }

    private static final class Xor extends LaneOp {
        Xor(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long low = from.low(cpu);
            long high = from.high(cpu);
            cpu.state.xmm[to.register] ^= low;
            cpu.state.xmm[to.register + 1] ^= high;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = aLow ^ bLow;
            out[at + 1] = aHigh ^ bHigh;
        }
    }

    private static final class And extends LaneOp {
        And(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long low = from.low(cpu);
            long high = from.high(cpu);
            cpu.state.xmm[to.register] &= low;
            cpu.state.xmm[to.register + 1] &= high;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = aLow & bLow;
            out[at + 1] = aHigh & bHigh;
        }
    }

    private static final class Or extends LaneOp {
        Or(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long low = from.low(cpu);
            long high = from.high(cpu);
            cpu.state.xmm[to.register] |= low;
            cpu.state.xmm[to.register + 1] |= high;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = aLow | bLow;
            out[at + 1] = aHigh | bHigh;
        }
    }

    private static final class EqualBytes extends LaneOp {
        EqualBytes(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long low = from.low(cpu);
            long high = from.high(cpu);
            long[] xmm = cpu.state.xmm;
            int register = to.register;
            xmm[register] = Lanes.BYTES.equal(xmm[register], low);
            xmm[register + 1] = Lanes.BYTES.equal(xmm[register + 1], high);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = Lanes.BYTES.equal(aLow, bLow);
            out[at + 1] = Lanes.BYTES.equal(aHigh, bHigh);
        }
    }

    private static final class MinUnsignedBytes extends LaneOp {
        MinUnsignedBytes(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long low = from.low(cpu);
            long high = from.high(cpu);
            long[] xmm = cpu.state.xmm;
            int register = to.register;
            xmm[register] = Lanes.BYTES.minUnsigned(xmm[register], low);
            xmm[register + 1] = Lanes.BYTES.minUnsigned(xmm[register + 1], high);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = Lanes.BYTES.minUnsigned(aLow, bLow);
            out[at + 1] = Lanes.BYTES.minUnsigned(aHigh, bHigh);
        }
    }

    private static final class Test extends VectorOp {
        Test(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            long both = to.low(cpu) & low | to.high(cpu) & high;
            long onlySecond = ~to.low(cpu) & low | ~to.high(cpu) & high;
            cpu.flags.fromRFlags((both == 0 ? RFlags.ZERO : 0) | (onlySecond == 0 ? RFlags.CARRY : 0));
        }
    }

    private static final class MinimumPosition extends VectorOp {
        MinimumPosition(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            long minimum = 0xFFFF;
            long position = 0;
            for (int word = 7; word >= 0; word--) {
                long value = (word < 4 ? low : high) >>> 16 * (word & 3) & 0xFFFF;
                if (value <= minimum) {
                    minimum = value;
                    position = word;
                }
            }
            to.write(cpu, minimum | position << 16);
        }
    }

    private static final class SumsOfDifferences extends LaneOp {
        private final int firstShift;
        private final int secondShift;

        SumsOfDifferences(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            firstShift = (immediate(i) >> 2 & 1) * 32;
            secondShift = (immediate(i) & 3) * 32;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            long block = secondShift < 64 ? bLow >>> secondShift : bHigh >>> secondShift;
            // Eleven bytes of the first operand take part, from byte 0 or 4 on.
            long first = firstShift == 0 ? aLow : aLow >>> 32 | aHigh << 32;
            long rest = aHigh >>> firstShift;
            long middle = first >>> 32 | rest << 32;
            out[at] = PackedArithmetic.slidingDifferences(first, block);
            out[at + 1] = PackedArithmetic.slidingDifferences(middle, block);
        }
    }
}
