package io.umbra.processor;

/** AVX and AVX2: rearranging elements under a control in another register, and across the two lanes. */
final class PermuteOps {
    private PermuteOps() {}

    /** VPERMILPS by a register: bits 1..0 of each element of the second operand choose in its lane of the first. */
    static Op inLaneSingles(Instruction i, int offsetInPage) {
        return new InLaneSingles(i, offsetInPage);
    }

    /** VPERMILPD by a register: bit 1 of each element chooses. */
    static Op inLaneDoubles(Instruction i, int offsetInPage) {
        return new InLaneDoubles(i, offsetInPage);
    }

    /** VPERMILPD by an immediate: a bit for each element. */
    static Op inLaneDoublesByConstant(Instruction i, int offsetInPage) {
        return new InLaneDoublesByConstant(i, offsetInPage);
    }

    /** VPERM2F128, VPERM2I128. */
    static Op lanes(Instruction i, int offsetInPage) {
        return new LanesOfTwo(i, offsetInPage);
    }

    /** VINSERTF128, VINSERTI128. */
    static Op insertLane(Instruction i, int offsetInPage) {
        return new InsertLane(i, offsetInPage);
    }

    /** VEXTRACTF128, VEXTRACTI128. */
    static Op extractLane(Instruction i, int offsetInPage) {
        return new ExtractLane(i, offsetInPage);
    }

    /** VPERMQ, VPERMPD. */
    static Op quadwords(Instruction i, int offsetInPage) {
        return new Quadwords(i, offsetInPage);
    }

    /** VPERMD, VPERMPS. */
    static Op doublewords(Instruction i, int offsetInPage) {
        return new Doublewords(i, offsetInPage);
    }

    private static final class InLaneSingles extends LaneOp {
        InLaneSingles(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = pair(bLow, aLow, aHigh);
            out[at + 1] = pair(bHigh, aLow, aHigh);
        }

        private static long pair(long control, long low, long high) {
            return single((int) control, low, high) | single((int) (control >>> 32), low, high) << 32;
        }

        private static long single(int number, long low, long high) {
            return ShuffleOps.element((number & 2) == 0 ? low : high, number);
        }
    }

    private static final class InLaneDoubles extends LaneOp {
        InLaneDoubles(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = (bLow & 2) == 0 ? aLow : aHigh;
            out[at + 1] = (bHigh & 2) == 0 ? aLow : aHigh;
        }
    }

    private static final class InLaneDoublesByConstant extends LaneOp {
        private final int order;

        InLaneDoublesByConstant(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            order = immediate(i);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = (order & 1) == 0 ? bLow : bHigh;
            out[at + 1] = (order & 2) == 0 ? bLow : bHigh;
        }
    }

    /** A 256-bit instruction of two sources and an immediate. */
    private abstract static class TwoSources extends Op {
        final VectorPlace to;
        final VectorPlace first;
        final VectorPlace second;
        final int control;

        TwoSources(Instruction i, int offsetInPage) {
            to = VectorPlace.of(i, 0, offsetInPage);
            first = VectorPlace.of(i, 1, offsetInPage);
            second = VectorPlace.of(i, 2, offsetInPage);
            control = i.operands.length > 3 ? (int) i.operands[3].value() & 0xFF : 0;
        }

        @Override
        boolean isStackOperand() {
            return second.isOnStack();
        }
    }

    /** For each lane four bits: 1..0 which of the four lanes, 3 zero instead. */
    private static final class LanesOfTwo extends TwoSources {
        LanesOfTwo(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            long b0 = second.low(cpu);
            long b1 = second.high(cpu);
            long b2 = second.third(cpu);
            long b3 = second.fourth(cpu);
            long first0 = first.low(cpu);
            long first1 = first.high(cpu);
            long first2 = first.third(cpu);
            long first3 = first.fourth(cpu);
            to.write(
                    cpu,
                    choose(control, first0, first2, b0, b2),
                    choose(control, first1, first3, b1, b3),
                    choose(control >> 4, first0, first2, b0, b2),
                    choose(control >> 4, first1, first3, b1, b3));
        }

        private static long choose(int control, long first, long second, long third, long fourth) {
            if ((control & 8) != 0) {
                return 0;
            }
            return switch (control & 3) {
                case 0 -> first;
                case 1 -> second;
                case 2 -> third;
                default -> fourth;
            };
        }
    }

    private static final class InsertLane extends TwoSources {
        InsertLane(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            long low = second.low(cpu);
            long high = second.high(cpu);
            if ((control & 1) == 0) {
                to.write(cpu, low, high, first.third(cpu), first.fourth(cpu));
            } else {
                to.write(cpu, first.low(cpu), first.high(cpu), low, high);
            }
        }
    }

    private static final class ExtractLane extends VectorOp {
        private final boolean upper;

        ExtractLane(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            upper = (immediate(i) & 1) != 0;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = upper ? from.third(cpu) : from.low(cpu);
            long high = upper ? from.fourth(cpu) : from.high(cpu);
            if (to.isMemory()) {
                to.store(cpu, low, high);
            } else {
                to.write(cpu, low, high);
            }
        }
    }

    private static final class Quadwords extends VectorOp {
        private final int order;

        Quadwords(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            order = immediate(i);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long first = from.low(cpu);
            long second = from.high(cpu);
            long third = from.third(cpu);
            long fourth = from.fourth(cpu);
            to.write(
                    cpu,
                    choose(order, first, second, third, fourth),
                    choose(order >> 2, first, second, third, fourth),
                    choose(order >> 4, first, second, third, fourth),
                    choose(order >> 6, first, second, third, fourth));
        }

        static long choose(int order, long first, long second, long third, long fourth) {
            return switch (order & 3) {
                case 0 -> first;
                case 1 -> second;
                case 2 -> third;
                default -> fourth;
            };
        }
    }

    /** The first source is the control: bits 2..0 of each element. */
    private static final class Doublewords extends TwoSources {
        Doublewords(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            long b0 = second.low(cpu);
            long b1 = second.high(cpu);
            long b2 = second.third(cpu);
            long b3 = second.fourth(cpu);
            to.write(
                    cpu,
                    pair(first.low(cpu), b0, b1, b2, b3),
                    pair(first.high(cpu), b0, b1, b2, b3),
                    pair(first.third(cpu), b0, b1, b2, b3),
                    pair(first.fourth(cpu), b0, b1, b2, b3));
        }

        private static long pair(long control, long b0, long b1, long b2, long b3) {
            int even = (int) control;
            int odd = (int) (control >>> 32);
            return ShuffleOps.element(Quadwords.choose(even >> 1, b0, b1, b2, b3), even)
                    | ShuffleOps.element(Quadwords.choose(odd >> 1, b0, b1, b2, b3), odd) << 32;
        }
    }
}
