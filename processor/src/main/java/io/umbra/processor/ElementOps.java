package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;

/** The MMX and SSE instructions that choose, insert, extract or extend single elements. None of them changes a flag. */
final class ElementOps {
    private static final int XMM0 = 0;

    private ElementOps() {}

    /** BLENDPS, BLENDPD, PBLENDW: a bit of the immediate chooses for each element of {@code bits}. */
    static Op blend(int bits, Instruction i, int offsetInPage) {
        return new Blend(bits, i, offsetInPage);
    }

    /** BLENDVPS, BLENDVPD, PBLENDVB: the signs in XMM0 choose. */
    static Op blendBySigns(Lanes lanes, Instruction i, int offsetInPage) {
        return new BlendBySigns(lanes, i, offsetInPage);
    }

    /** PMOVSX, PMOVZX: widths in bits. */
    static Op extend(int narrow, int wide, boolean signed, Instruction i, int offsetInPage) {
        return new Extend(narrow, wide, signed, i, offsetInPage);
    }

    /** PINSRB to PINSRQ: elements of {@code bits}. */
    static Op insert(int bits, Instruction i, int offsetInPage) {
        if (i.operands[0].kind() == Kind.MMX) {
            int at = (VectorOp.immediate(i) & 3) * bits;
            return PackedOps.make((a, b) -> replace(a, at, bits, b), i, offsetInPage);
        }
        return new Insert(bits, i, offsetInPage);
    }

    /** PEXTRB to PEXTRQ and EXTRACTPS. */
    static Op extract(int bits, Instruction i, int offsetInPage) {
        return new Extract(bits, i, offsetInPage);
    }

    /** INSERTPS. */
    static Op insertSingle(Instruction i, int offsetInPage) {
        return new InsertSingle(i, offsetInPage);
    }

    private static long replace(long row, int at, int bits, long value) {
        long mask = -1L >>> 64 - bits << at;
        return row & ~mask | value << at & mask;
    }

    private static final class Blend extends LaneOp {
        private final long lowMask;
        private final long highMask;

        Blend(int bits, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            lowMask = mask(immediate(i), bits);
            highMask = mask(immediate(i) >> 64 / bits, bits);
        }

        private static long mask(int choice, int bits) {
            long mask = 0;
            for (int at = 0; at < 64; at += bits) {
                mask |= (choice >> at / bits & 1) != 0 ? -1L >>> 64 - bits << at : 0;
            }
            return mask;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = Lanes.choose(lowMask, bLow, aLow);
            out[at + 1] = Lanes.choose(highMask, bHigh, aHigh);
        }
    }

    private static final class BlendBySigns extends VectorOp {
        private final Lanes lanes;

        BlendBySigns(Lanes lanes, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.lanes = lanes;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            long lowMask = lanes.spread(cpu.state.xmm[XMM0]);
            long highMask = lanes.spread(cpu.state.xmm[XMM0 + 1]);
            to.write(cpu, Lanes.choose(lowMask, low, to.low(cpu)), Lanes.choose(highMask, high, to.high(cpu)));
        }
    }

    /** The first elements of {@code narrow} bits, made {@code wide}: as many as 64 bits hold. */
    static long extended(long elements, int narrow, int wide, boolean signed) {
        long result = 0;
        for (int at = 0; at < 64; at += wide) {
            long top = elements >>> at / wide * narrow << 64 - narrow;
            long value = signed ? top >> 64 - narrow : top >>> 64 - narrow;
            result |= (value & -1L >>> 64 - wide) << at;
        }
        return result;
    }

    private static final class Extend extends VectorOp {
        private final int narrow;
        private final int wide;
        private final boolean signed;

        Extend(int narrow, int wide, boolean signed, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.narrow = narrow;
            this.wide = wide;
            this.signed = signed;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long operand = from.low(cpu);
            long second = operand >>> 64 / wide * narrow;
            to.write(cpu, extended(operand, narrow, wide, signed), extended(second, narrow, wide, signed));
        }
    }

    private static final class Insert extends LaneOp {
        private final int bits;
        private final int half;
        private final int shift;

        Insert(int bits, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            int position = immediate(i) * bits & 127;
            this.bits = bits;
            this.half = position >> 6;
            this.shift = position & 63;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = half == 0 ? replace(aLow, shift, bits, bLow) : aLow;
            out[at + 1] = half == 1 ? replace(aHigh, shift, bits, bLow) : aHigh;
        }
    }

    private static final class Extract extends VectorOp {
        private final long mask;
        private final int half;
        private final int at;

        Extract(int bits, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            int position = immediate(i) * bits & (from.isMmx() ? 63 : 127);
            this.mask = -1L >>> 64 - bits;
            this.half = position >> 6;
            this.at = position & 63;
        }

        @Override
        void execute(Cpu cpu) {
            if (from.isMmx()) {
                Mmx.check(cpu);
            } else {
                check(cpu);
            }
            long row = half == 0 ? from.low(cpu) : from.high(cpu);
            to.write(cpu, row >>> at & mask);
            if (from.isMmx()) {
                Mmx.enter(cpu);
            }
        }
    }

    /** Bits 7..6 of the immediate choose the source element, of a register only; 5..4 where it goes; 3..0 which elements become zero then. */
    private static final class InsertSingle extends LaneOp {
        private final int source;
        private final int target;
        private final long lowKept;
        private final long highKept;

        InsertSingle(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            int immediate = immediate(i);
            source = from.isMemory() ? 0 : immediate >> 6;
            target = immediate >> 4 & 3;
            lowKept = ~Blend.mask(immediate, 32);
            highKept = ~Blend.mask(immediate >> 2, 32);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            long value = ShuffleOps.element(source < 2 ? bLow : bHigh, source);
            long low = target < 2 ? replace(aLow, 32 * target, 32, value) : aLow;
            long high = target < 2 ? aHigh : replace(aHigh, 32 * (target - 2), 32, value);
            out[at] = low & lowKept;
            out[at + 1] = high & highKept;
        }
    }
}
