package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What AVX and AVX2 add to the meanings of SSE. */
final class AvxOps {
    private AvxOps() {}

    /** @return null when {@code i} is none of these, or has a {@link #kernel} */
    static @Nullable Op make(Instruction i, int at) {
        return switch (i.mnemonic) {
            case VZEROUPPER -> new Zero(false, i);
            case VZEROALL -> new Zero(true, i);
            case VBROADCASTSS, VPBROADCASTD -> new Broadcast(Lanes.DOUBLEWORDS, i, at);
            case VBROADCASTSD, VPBROADCASTQ -> new Broadcast(Lanes.QUADWORDS, i, at);
            case VPBROADCASTB -> new Broadcast(Lanes.BYTES, i, at);
            case VPBROADCASTW -> new Broadcast(Lanes.WORDS, i, at);
            case VBROADCASTF128, VBROADCASTI128 -> new BroadcastLane(i, at);
            case VPERM2F128, VPERM2I128 -> PermuteOps.lanes(i, at);
            case VINSERTF128, VINSERTI128 -> PermuteOps.insertLane(i, at);
            case VEXTRACTF128, VEXTRACTI128 -> PermuteOps.extractLane(i, at);
            case VPERMQ, VPERMPD -> PermuteOps.quadwords(i, at);
            case VPERMD, VPERMPS -> PermuteOps.doublewords(i, at);
            case VMASKMOVPS, VPMASKMOVD -> MaskedMoveOps.make(4, i, at);
            case VMASKMOVPD, VPMASKMOVQ -> MaskedMoveOps.make(8, i, at);
            case VPGATHERDD, VGATHERDPS -> GatherOps.make(4, 4, i);
            case VPGATHERDQ, VGATHERDPD -> GatherOps.make(4, 8, i);
            case VPGATHERQD, VGATHERQPS -> GatherOps.make(8, 4, i);
            case VPGATHERQQ, VGATHERQPD -> GatherOps.make(8, 8, i);
            case VCVTPH2PS -> HalfPrecisionOps.widening(i, at);
            case VCVTPS2PH -> HalfPrecisionOps.narrowing(i, at);
            default -> i.mnemonic.name().startsWith("VF") ? FusedOps.make(i, at) : null;
        };
    }

    /** @param i without its first source: the operation is a {@link LaneKernel} and not executed itself */
    static @Nullable Op kernel(Instruction i, int at) {
        boolean constant = i.operands[i.operands.length - 1].kind() == Kind.IMMEDIATE;
        return switch (i.mnemonic) {
            case VPERMILPS -> constant ? ShuffleOps.doublewords(i, at) : PermuteOps.inLaneSingles(i, at);
            case VPERMILPD -> constant ? PermuteOps.inLaneDoublesByConstant(i, at) : PermuteOps.inLaneDoubles(i, at);
            case VPBLENDD -> ElementOps.blend(32, i, at);
            case VPSLLVD -> PackedOps.make(Lanes.DOUBLEWORDS::shiftLeftEach, i, at);
            case VPSLLVQ -> PackedOps.make(Lanes.QUADWORDS::shiftLeft, i, at);
            case VPSRLVD -> PackedOps.make(Lanes.DOUBLEWORDS::shiftRightEach, i, at);
            case VPSRLVQ -> PackedOps.make(Lanes.QUADWORDS::shiftRight, i, at);
            case VPSRAVD -> PackedOps.make(Lanes.DOUBLEWORDS::shiftRightSignedEach, i, at);
            default -> null;
        };
    }

    /** Of the registers that the mode can name. */
    private static final class Zero extends Op {
        private final boolean all;
        private final int halves;

        Zero(boolean all, Instruction i) {
            this.all = all;
            this.halves = i.mode == 64 ? 32 : 16;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            Arrays.fill(cpu.state.ymmHigh, 0, halves, 0);
            if (all) {
                Arrays.fill(cpu.state.xmm, 0, halves, 0);
            }
        }
    }

    private static final class Broadcast extends VectorOp {
        private final Lanes lanes;
        private final boolean wide;

        Broadcast(Lanes lanes, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.lanes = lanes;
            this.wide = AvxGroup.isWide(i);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long row = lanes.repeat(from.low(cpu));
            if (wide) {
                to.write(cpu, row, row, row, row);
            } else {
                to.write(cpu, row, row);
            }
        }
    }

    private static final class BroadcastLane extends VectorOp {
        BroadcastLane(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            to.write(cpu, low, high, low, high);
        }
    }
}
