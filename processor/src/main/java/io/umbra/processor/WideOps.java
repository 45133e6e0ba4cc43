package io.umbra.processor;

import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.RFlags;

/** Those forms of SSE instructions that AVX makes other than lane by lane: whole moves, signs, tests, elements that change their width, blending by a fourth operand. */
final class WideOps {
    private static final long LOW_DOUBLEWORD = 0xFFFF_FFFFL;

    private WideOps() {}

    /** VMOVAPS, VMOVDQU, VMOVNTDQ, VLDDQU and the like, of 256 bits. */
    static Op move(Instruction i, int offsetInPage) {
        return i.operands[0].isMemory() ? new Store(i, offsetInPage) : new Load(i, offsetInPage);
    }

    /** VPMOVMSKB, VMOVMSKPS, VMOVMSKPD of 256 bits. */
    static Op signs(Instruction i, int offsetInPage) {
        return new Signs(i, offsetInPage);
    }

    /** VPTEST, VTESTPS, VTESTPD. */
    static Op test(Instruction i, int offsetInPage) {
        long relevant = switch (i.mnemonic) {
            case VTESTPS -> Lanes.DOUBLEWORDS.top();
            case VTESTPD -> Lanes.QUADWORDS.top();
            default -> -1L;
        };
        return new Test(relevant, i, offsetInPage);
    }

    /** VBLENDVPS, VBLENDVPD, VPBLENDVB. */
    static Op blendBySigns(Lanes lanes, Instruction i, int offsetInPage) {
        return new BlendBySigns(lanes, i, offsetInPage);
    }

    /** Four elements of 32 bits to four of 64. */
    static Op widening(ConversionOps.Conversion function, Instruction i, int offsetInPage) {
        return new Widening(function, i, offsetInPage);
    }

    /** Four elements of 64 bits to four of 32. */
    static Op narrowing(ConversionOps.Conversion function, Instruction i, int offsetInPage) {
        return new Narrowing(function, i, offsetInPage);
    }

    /** VPMOVSX, VPMOVZX of 256 bits. */
    static Op extend(Instruction i, int offsetInPage) {
        return new Extend(i, offsetInPage);
    }

    private static final class Load extends VectorOp {
        Load(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long first = from.low(cpu);
            long second = from.high(cpu);
            long third = from.third(cpu);
            long fourth = from.fourth(cpu);
            to.write(cpu, first, second, third, fourth);
        }
    }

    private static final class Store extends VectorOp {
        Store(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            to.store(cpu, from.low(cpu), from.high(cpu), from.third(cpu), from.fourth(cpu));
        }
    }

    private static final class Signs extends VectorOp {
        private final int bits;

        Signs(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            bits = switch (i.mnemonic) {
                case PMOVMSKB -> 8;
                case MOVMSKPS -> 2;
                default -> 1;
            };
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.gpr[to.register] = signs(from.low(cpu))
                    | signs(from.high(cpu)) << bits
                    | signs(from.third(cpu)) << 2 * bits
                    | signs(from.fourth(cpu)) << 3 * bits;
        }

        private long signs(long row) {
            return switch (bits) {
                case 8 -> VectorMoveOps.signsOfBytes(row);
                case 2 -> VectorMoveOps.signsOfSingles(row);
                default -> row >>> 63;
            };
        }
    }

    private static final class Test extends VectorOp {
        private final long relevant;
        private final boolean wide;

        Test(long relevant, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.relevant = relevant;
            this.wide = AvxGroup.isWide(i);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            long third = wide ? from.third(cpu) : 0;
            long fourth = wide ? from.fourth(cpu) : 0;
            long both = to.low(cpu) & low | to.high(cpu) & high | to.third(cpu) & third | to.fourth(cpu) & fourth;
            long onlySecond =
                    ~to.low(cpu) & low | ~to.high(cpu) & high | ~to.third(cpu) & third | ~to.fourth(cpu) & fourth;
            cpu.flags.fromRFlags(
                    ((both & relevant) == 0 ? RFlags.ZERO : 0) | ((onlySecond & relevant) == 0 ? RFlags.CARRY : 0));
        }
    }

    /** Destination, what is kept, what is taken where the mask is negative, mask. */
    private static final class BlendBySigns extends Op {
        private final Lanes lanes;
        private final boolean wide;
        private final VectorPlace to;
        private final VectorPlace kept;
        private final VectorPlace taken;
        private final VectorPlace mask;

        BlendBySigns(Lanes lanes, Instruction i, int offsetInPage) {
            this.lanes = lanes;
            this.wide = AvxGroup.isWide(i);
            to = VectorPlace.of(i, 0, offsetInPage);
            kept = VectorPlace.of(i, 1, offsetInPage);
            taken = VectorPlace.of(i, 2, offsetInPage);
            mask = VectorPlace.of(i, 3, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            long first = choose(mask.low(cpu), taken.low(cpu), kept.low(cpu));
            long second = choose(mask.high(cpu), taken.high(cpu), kept.high(cpu));
            if (!wide) {
                to.write(cpu, first, second);
                return;
            }
            long third = choose(mask.third(cpu), taken.third(cpu), kept.third(cpu));
            long fourth = choose(mask.fourth(cpu), taken.fourth(cpu), kept.fourth(cpu));
            to.write(cpu, first, second, third, fourth);
        }

        private long choose(long signs, long a, long b) {
            return Lanes.choose(lanes.spread(signs), a, b);
        }

        @Override
        boolean isStackOperand() {
            return taken.isOnStack();
        }
    }

    private static final class Widening extends VectorOp {
        private final ConversionOps.Conversion function;

        Widening(ConversionOps.Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long first = function.apply(low, env);
            long second = function.apply(low >>> 32, env);
            long third = function.apply(high, env);
            long fourth = function.apply(high >>> 32, env);
            Mxcsr.finish(cpu, env);
            to.write(cpu, first, second, third, fourth);
        }
    }

    private static final class Narrowing extends VectorOp {
        private final ConversionOps.Conversion function;

        Narrowing(ConversionOps.Conversion function, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.function = function;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long first = from.low(cpu);
            long second = from.high(cpu);
            long third = from.third(cpu);
            long fourth = from.fourth(cpu);
            FloatEnvironment env = Mxcsr.begin(cpu);
            long low = pair(first, second, env);
            long high = pair(third, fourth, env);
            Mxcsr.finish(cpu, env);
            to.write(cpu, low, high);
        }

        private long pair(long even, long odd, FloatEnvironment env) {
            return function.apply(even, env) & LOW_DOUBLEWORD | function.apply(odd, env) << 32;
        }
    }

    private static final class Extend extends VectorOp {
        private final int narrow;
        private final int wide;
        private final boolean signed;

        Extend(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            String name = i.mnemonic.name();
            signed = name.charAt(4) == 'S';
            narrow = bits(name.charAt(6));
            wide = bits(name.charAt(7));
        }

        private static int bits(char width) {
            return switch (width) {
                case 'B' -> 8;
                case 'W' -> 16;
                case 'D' -> 32;
                default -> 64;
            };
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.size > 8 ? from.high(cpu) : 0;
            to.write(cpu, row(low, high, 0), row(low, high, 1), row(low, high, 2), row(low, high, 3));
        }

        /** @param number of the quadword of the result */
        private long row(long low, long high, int number) {
            int at = 64 / wide * narrow * number;
            return ElementOps.extended((at < 64 ? low : high) >>> at, narrow, wide, signed);
        }
    }
}
