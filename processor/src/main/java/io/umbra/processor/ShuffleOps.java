package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;

/** The MMX and SSE instructions that rearrange elements: interleave, shuffle, duplicate, shift by bytes. None of them changes a flag. */
final class ShuffleOps {
    private static final long LOW_DOUBLEWORD = 0xFFFF_FFFFL;

    private ShuffleOps() {}

    /** PUNPCKL and UNPCKL: the low halves of the operands. {@code function} interleaves the low halves of two longs. */
    static Op interleaveLow(PackedOps.Lane function, Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Kind.XMM
                ? new Interleave(0, function, i, offsetInPage)
                : PackedOps.make(function, i, offsetInPage);
    }

    /** PUNPCKH and UNPCKH. */
    static Op interleaveHigh(PackedOps.Lane function, Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Kind.XMM
                ? new Interleave(1, function, i, offsetInPage)
                : PackedOps.make((a, b) -> function.apply(a >>> 32, b >>> 32), i, offsetInPage);
    }

    /** PUNPCKLQDQ, UNPCKLPD; and with {@code half} 1 PUNPCKHQDQ, UNPCKHPD. */
    static Op interleaveQuadwords(int half, Instruction i, int offsetInPage) {
        return new InterleaveQuadwords(half, i, offsetInPage);
    }

    /** PSHUFD. */
    static Op doublewords(Instruction i, int offsetInPage) {
        return new Doublewords(i, offsetInPage);
    }

    /** PSHUFLW, PSHUFHW: one half, the other is copied. */
    static Op words(int half, Instruction i, int offsetInPage) {
        return new Words(half, i, offsetInPage);
    }

    /** PSHUFW. */
    static Op mmxWords(Instruction i, int offsetInPage) {
        int order = VectorOp.immediate(i);
        return PackedOps.make((a, b) -> shuffleWords(b, order), i, offsetInPage);
    }

    /** PSHUFB. */
    static Op bytes(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Kind.XMM
                ? new Bytes(i, offsetInPage)
                : PackedOps.make((a, b) -> shuffleBytes(b, 7, a, 0), i, offsetInPage);
    }

    /** SHUFPS. */
    static Op singles(Instruction i, int offsetInPage) {
        return new Singles(i, offsetInPage);
    }

    /** SHUFPD. */
    static Op doubles(Instruction i, int offsetInPage) {
        return new Doubles(i, offsetInPage);
    }

    /** MOVSLDUP: each even element twice. */
    static Op duplicateEven(Instruction i, int offsetInPage) {
        return PackedOps.make((a, b) -> b & LOW_DOUBLEWORD | b << 32, i, offsetInPage);
    }

    /** MOVSHDUP: each odd element twice. */
    static Op duplicateOdd(Instruction i, int offsetInPage) {
        return PackedOps.make((a, b) -> b >>> 32 | b & ~LOW_DOUBLEWORD, i, offsetInPage);
    }

    /** PALIGNR. */
    static Op align(Instruction i, int offsetInPage) {
        int count = VectorOp.immediate(i);
        return i.operands[0].kind() == Kind.XMM
                ? new Align(i, offsetInPage)
                : PackedOps.make((a, b) -> window(count, b, a, 0, 0), i, offsetInPage);
    }

    /** PSLLDQ, PSRLDQ. */
    static Op shiftBytes(boolean left, Instruction i) {
        return new ShiftBytes(left, i.operands[0].register(), (int) i.operands[1].value() & 0xFF);
    }

    /** @param number of the doubleword; only its bit 0 counts */
    static long element(long row, int number) {
        return row >>> 32 * (number & 1) & LOW_DOUBLEWORD;
    }

    private static long shuffleWords(long row, int order) {
        long result = 0;
        for (int word = 0; word < 4; word++) {
            result |= (row >>> 16 * (order >> 2 * word & 3) & 0xFFFF) << 16 * word;
        }
        return result;
    }

    /**
     * @param indices eight bytes, of which one with bit 7 set gives zero
     * @param mask of the bits of an index that count
     */
    private static long shuffleBytes(long indices, int mask, long low, long high) {
        long result = 0;
        for (int at = 0; at < 64; at += 8) {
            int index = (int) (indices >>> at) & (mask | 0x80);
            if (index < 0x80) {
                result |= ((index < 8 ? low : high) >>> 8 * (index & 7) & 0xFF) << at;
            }
        }
        return result;
    }

    /** Eight bytes from byte {@code offset} on of four longs, behind which there are zeroes. */
    private static long window(int offset, long first, long second, long third, long fourth) {
        int index = offset >> 3;
        int shift = 8 * (offset & 7);
        long low = pick(index, first, second, third, fourth);
        if (shift == 0) {
            return low;
        }
        return low >>> shift | pick(index + 1, first, second, third, fourth) << 64 - shift;
    }

    private static long pick(int index, long first, long second, long third, long fourth) {
        return switch (index) {
            case 0 -> first;
            case 1 -> second;
            case 2 -> third;
            case 3 -> fourth;
            default -> 0;
        };
    }

    private static final class Interleave extends LaneOp {
        private final int half;
        private final PackedOps.Lane function;

        Interleave(int half, PackedOps.Lane function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.half = half;
            this.function = function;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            long a = half == 0 ? aLow : aHigh;
            long b = half == 0 ? bLow : bHigh;
            out[at] = function.apply(a, b);
            out[at + 1] = function.apply(a >>> 32, b >>> 32);
        }
    }

    private static final class InterleaveQuadwords extends LaneOp {
        private final int half;

        InterleaveQuadwords(int half, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.half = half;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = half == 0 ? aLow : aHigh;
            out[at + 1] = half == 0 ? bLow : bHigh;
        }
    }

    private static final class Doublewords extends LaneOp {
        private final int order;

        Doublewords(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            order = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = pair(order, bLow, bHigh);
            out[at + 1] = pair(order >> 4, bLow, bHigh);
        }

        private static long pair(int order, long low, long high) {
            long even = element((order & 2) == 0 ? low : high, order);
            return even | element((order & 8) == 0 ? low : high, order >> 2) << 32;
        }
    }

    private static final class Words extends LaneOp {
        private final int half;
        private final int order;

        Words(int half, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.half = half;
            this.order = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = half == 0 ? shuffleWords(bLow, order) : bLow;
            out[at + 1] = half == 1 ? shuffleWords(bHigh, order) : bHigh;
        }
    }

    private static final class Bytes extends LaneOp {
        Bytes(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = shuffleBytes(bLow, 15, aLow, aHigh);
            out[at + 1] = shuffleBytes(bHigh, 15, aLow, aHigh);
        }
    }

    private static final class Singles extends LaneOp {
        private final int order;

        Singles(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            order = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = Doublewords.pair(order, aLow, aHigh);
            out[at + 1] = Doublewords.pair(order >> 4, bLow, bHigh);
        }
    }

    private static final class Doubles extends LaneOp {
        private final int order;

        Doubles(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            order = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = (order & 1) == 0 ? aLow : aHigh;
            out[at + 1] = (order & 2) == 0 ? bLow : bHigh;
        }
    }

    private static final class Align extends LaneOp {
        private final int count;

        Align(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            count = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = window(count, bLow, bHigh, aLow, aHigh);
            out[at + 1] = window(count + 8, bLow, bHigh, aLow, aHigh);
        }
    }

    private static final class ShiftBytes extends Op implements LaneKernel {
        private static final int OCTOWORD = 16;

        private final int register;
        private final boolean left;
        private final int count;

        ShiftBytes(boolean left, int number, int count) {
            this.register = 2 * number;
            this.left = left;
            this.count = Math.min(count, OCTOWORD);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            long[] xmm = cpu.state.xmm;
            lane(cpu, xmm, register, xmm[register], xmm[register + 1], 0, 0);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            if (left) {
                out[at] = window(OCTOWORD - count, 0, 0, aLow, aHigh);
                out[at + 1] = window(OCTOWORD + 8 - count, 0, 0, aLow, aHigh);
            } else {
                out[at] = window(count, aLow, aHigh, 0, 0);
                out[at + 1] = window(count + 8, aLow, aHigh, 0, 0);
            }
        }
    }
}
