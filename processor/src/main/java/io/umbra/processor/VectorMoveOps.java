package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.x86.VcpuState;

/** The MMX and SSE instructions that only move whole registers, halves or single elements, and those that collect sign bits. None of them changes a flag. */
final class VectorMoveOps {
    private static final long LOW_DOUBLEWORD = 0xFFFF_FFFFL;

    private VectorMoveOps() {}

    /** All 16-byte moves: MOVAPS, MOVDQU, MOVNTDQ, LDDQU and the like. Whether the operand must be aligned is {@link VectorPlace}'s business. */
    static Op whole(Instruction i, int offsetInPage) {
        if (i.operands[0].isMemory()) {
            return new Store(i, offsetInPage);
        }
        return i.operands[1].isMemory() ? new Load(i, offsetInPage) : new Copy(i, offsetInPage);
    }

    /** MOVD, MOVQ, MOVNTQ, MOVQ2DQ, MOVDQ2Q: what is read is zero-extended to the register. */
    static Op quadword(Instruction i, int offsetInPage) {
        boolean xmm = i.operands[0].kind() == Kind.XMM || i.operands[1].kind() == Kind.XMM;
        boolean mmx = i.operands[0].kind() == Kind.MMX || i.operands[1].kind() == Kind.MMX;
        return mmx ? new MmxQuadword(xmm, i, offsetInPage) : new Quadword(i, offsetInPage);
    }

    /** MOVSS, MOVSD: between registers the rest of the destination stays, a load clears it. */
    static Op scalar(Instruction i, int offsetInPage) {
        if (i.operands[0].kind() == Kind.XMM && i.operands[1].kind() == Kind.XMM) {
            return i.operands[0].size() == 4 ? new MergeSingle(i, offsetInPage) : new Half(0, 0, i, offsetInPage);
        }
        return new Quadword(i, offsetInPage);
    }

    /** MOVLPS, MOVHLPS and so on: one half to one half. 0 is the low one. */
    static Op half(int toHalf, int fromHalf, Instruction i, int offsetInPage) {
        return i.operands[0].isMemory()
                ? new StoreHalf(fromHalf, i, offsetInPage)
                : new Half(toHalf, i.operands[1].isMemory() ? 0 : fromHalf, i, offsetInPage);
    }

    /** MOVDDUP. */
    static Op duplicateLow(Instruction i, int offsetInPage) {
        return new DuplicateLow(i, offsetInPage);
    }

    /** MOVMSKPS. */
    static Op singleSigns(Instruction i, int offsetInPage) {
        return new SingleSigns(i, offsetInPage);
    }

    /** MOVMSKPD. */
    static Op doubleSigns(Instruction i, int offsetInPage) {
        return new DoubleSigns(i, offsetInPage);
    }

    /** PMOVMSKB. */
    static Op byteSigns(Instruction i, int offsetInPage) {
        return i.operands[1].kind() == Kind.XMM ? new ByteSigns(i, offsetInPage) : new MmxByteSigns(i, offsetInPage);
    }

    /** MASKMOVDQU, MASKMOVQ. */
    static Op masked(Instruction i, int offsetInPage) {
        return new MaskedStore(i, offsetInPage);
    }

    private static final class Copy extends VectorOp {
        Copy(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long[] xmm = cpu.state.xmm;
            to.write(cpu, xmm[from.register], xmm[from.register + 1]);
        }
    }

    private static final class Load extends VectorOp {
        Load(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long linear = from.linear(cpu);
            long low = cpu.load64(linear);
            long high = cpu.load64(from.next(linear));
            to.write(cpu, low, high);
        }
    }

    private static final class Store extends VectorOp {
        Store(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            to.store(cpu, cpu.state.xmm[from.register], cpu.state.xmm[from.register + 1]);
        }
    }

    private static final class Quadword extends VectorOp {
        private final long mask;

        Quadword(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            mask = Place.mask(Math.min(8, Math.min(to.size, from.size)));
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            to.write(cpu, from.low(cpu) & mask);
        }
    }

    private static final class MmxQuadword extends VectorOp {
        private final boolean sse;

        MmxQuadword(boolean sse, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.sse = sse;
        }

        @Override
        void execute(Cpu cpu) {
            if (sse) {
                Mmx.checkWithSse(cpu);
            } else {
                Mmx.check(cpu);
            }
            to.write(cpu, from.low(cpu));
            Mmx.enter(cpu);
        }
    }

    private static final class MergeSingle extends LaneOp {
        MergeSingle(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = aLow & ~LOW_DOUBLEWORD | bLow & LOW_DOUBLEWORD;
            out[at + 1] = aHigh;
        }
    }

    private static final class Half extends LaneOp {
        private final int toHalf;
        private final int fromHalf;

        Half(int toHalf, int fromHalf, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.toHalf = toHalf;
            this.fromHalf = fromHalf;
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            long half = fromHalf == 0 ? bLow : bHigh;
            out[at] = toHalf == 0 ? half : aLow;
            out[at + 1] = toHalf == 1 ? half : aHigh;
        }
    }

    private static final class StoreHalf extends VectorOp {
        private final int fromHalf;

        StoreHalf(int fromHalf, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.fromHalf = fromHalf;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            to.write(cpu, cpu.state.xmm[from.register + fromHalf]);
        }
    }

    private static final class DuplicateLow extends LaneOp {
        DuplicateLow(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        public void lane(Cpu cpu, long[] out, int at, long aLow, long aHigh, long bLow, long bHigh) {
            out[at] = bLow;
            out[at + 1] = bLow;
        }
    }

    /** Two sign bits of binary32. */
    static long signsOfSingles(long pair) {
        return pair >>> 31 & 1 | pair >>> 62 & 2;
    }

    private static final class SingleSigns extends VectorOp {
        SingleSigns(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.gpr[to.register] = signsOfSingles(from.low(cpu)) | signsOfSingles(from.high(cpu)) << 2;
        }
    }

    private static final class DoubleSigns extends VectorOp {
        DoubleSigns(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.gpr[to.register] = from.low(cpu) >>> 63 | from.high(cpu) >>> 62 & 2;
        }
    }

    /** The product moves bit 7 of byte n to bit 56 + n; no two of its terms meet. */
    static long signsOfBytes(long row) {
        return (row >>> 7 & 0x0101_0101_0101_0101L) * 0x0102_0408_1020_4080L >>> 56;
    }

    private static final class ByteSigns extends VectorOp {
        ByteSigns(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.gpr[to.register] = signsOfBytes(from.low(cpu)) | signsOfBytes(from.high(cpu)) << 8;
        }
    }

    private static final class MmxByteSigns extends VectorOp {
        MmxByteSigns(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            Mmx.check(cpu);
            cpu.gpr[to.register] = signsOfBytes(from.low(cpu));
            Mmx.enter(cpu);
        }
    }

    /** Stores the bytes of the first operand that the second one's sign bits select, to DS:rDI. As AMD has it, nothing is touched outside the span of the selected bytes. */
    private static final class MaskedStore extends VectorOp {
        private final SegmentOffset target;

        MaskedStore(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            target = new SegmentOffset(i.segment, i.addressSize, i.mode == 64);
        }

        @Override
        void execute(Cpu cpu) {
            boolean mmx = to.isMmx();
            if (mmx) {
                Mmx.check(cpu);
            } else {
                check(cpu);
            }
            long mask = signsOfBytes(from.low(cpu)) | (mmx ? 0 : signsOfBytes(from.high(cpu)) << 8);
            if (mask != 0) {
                store(cpu, mask, to.low(cpu), mmx ? 0 : to.high(cpu));
            }
            if (mmx) {
                Mmx.enter(cpu);
            }
        }

        private void store(Cpu cpu, long mask, long low, long high) {
            int first = Long.numberOfTrailingZeros(mask);
            int bytes = 64 - Long.numberOfLeadingZeros(mask) - first;
            long offset = cpu.gpr[VcpuState.RDI] + first;
            long linear = target.linear(cpu, offset, bytes, true);
            cpu.probeWrite(linear, bytes);
            for (int at = 0; at < bytes; at++) {
                int index = first + at;
                if ((mask >>> index & 1) != 0) {
                    cpu.store8(linear + at, (index < 8 ? low : high) >>> 8 * (index & 7) & 0xFF);
                }
            }
        }

        @Override
        boolean isStackOperand() {
            return target.isStack();
        }
    }
}
