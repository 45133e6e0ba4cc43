package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.processor.fp.Float64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes the operations of the VEX-coded vector instructions: AVX, AVX2, and the forms that they give to SSE. Intel SDM vol. 1, chapter 14.
 *
 * <ul>
 *   <li>AVX-1: before anything else #UD without CR4.OSXSAVE or with XMM or YMM registers not enabled in XCR0, then #NM with CR0.TS.
 *   <li>AVX-2: what an SSE instruction computes is said once, by its own operation; a VEX form differs in where operands come from and how many lanes there are.
 *   <li>AVX-3: whatever writes an XMM register clears the upper half of the YMM register. Legacy SSE keeps it.
 *   <li>AVX-4: memory need not be aligned but for moves that say so.
 *   <li>AVX-5: elements that a mask leaves out are not accessed. A gather keeps what it has got when an element faults.
 * </ul>
 */
final class AvxGroup {
    private AvxGroup() {}

    /** @return null when {@code i} is none of these */
    static @Nullable Op make(Instruction i, int offsetInPage) {
        Op op = AvxOps.make(i, offsetInPage);
        if (op == null) {
            op = wide(i, offsetInPage);
        }
        return op == null ? likeSse(i, offsetInPage) : op;
    }

    /** Those whose 256-bit form is not twice the 128-bit form. */
    private static @Nullable Op wide(Instruction i, int at) {
        return switch (i.mnemonic) {
            case MOVAPS, MOVAPD, MOVUPS, MOVUPD, MOVDQA, MOVDQU, LDDQU, MOVNTPS, MOVNTPD, MOVNTDQ, MOVNTDQA ->
                isWide(i) ? WideOps.move(i, at) : null;
            case PMOVMSKB, MOVMSKPS, MOVMSKPD -> isWide(i) ? WideOps.signs(i, at) : null;
            case PTEST, VTESTPS, VTESTPD -> WideOps.test(i, at);
            case BLENDVPS -> WideOps.blendBySigns(Lanes.DOUBLEWORDS, i, at);
            case BLENDVPD -> WideOps.blendBySigns(Lanes.QUADWORDS, i, at);
            case PBLENDVB -> WideOps.blendBySigns(Lanes.BYTES, i, at);
            case CVTPS2PD -> isWide(i) ? WideOps.widening(ConversionOps::singleToDouble, i, at) : null;
            case CVTDQ2PD -> isWide(i) ? WideOps.widening(ConversionOps::int32ToDouble, i, at) : null;
            case CVTPD2PS -> isWide(i) ? WideOps.narrowing(Float64::toFloat32, i, at) : null;
            case CVTPD2DQ -> isWide(i) ? WideOps.narrowing(Float64::toInt32, i, at) : null;
            case CVTTPD2DQ -> isWide(i) ? WideOps.narrowing(Float64::toInt32Truncated, i, at) : null;
            case PMOVSXBW, PMOVSXBD, PMOVSXBQ, PMOVSXWD, PMOVSXWQ, PMOVSXDQ -> isWide(i) ? WideOps.extend(i, at) : null;
            case PMOVZXBW, PMOVZXBD, PMOVZXBQ, PMOVZXWD, PMOVZXWQ, PMOVZXDQ -> isWide(i) ? WideOps.extend(i, at) : null;
            default -> null;
        };
    }

    static boolean isWide(Instruction i) {
        return i.vectorLength == 32;
    }

    /** The operation of the SSE form, on each lane or, where it is not one of lanes, with the checks and the clearing of AVX. */
    private static @Nullable Op likeSse(Instruction i, int at) {
        Instruction sse = withoutFirstSource(i);
        Op op = kernel(sse, at);
        if (!(op instanceof LaneKernel low)) {
            return op;
        }
        Op high = hasOwnImmediate(i.mnemonic) && isWide(i) ? kernel(upperLane(sse), at) : op;
        boolean shiftsByConstant = i.vexOperand == 0;
        int first = shiftsByConstant ? 1 : i.vexOperand < 0 ? 0 : i.vexOperand;
        VectorPlace second = VectorPlace.of(sse, shiftsByConstant ? 0 : 1, at);
        return new VexLanes(i, low, high instanceof LaneKernel k ? k : low, first, second);
    }

    private static @Nullable Op kernel(Instruction sse, int at) {
        return sse.mnemonic.group() == Mnemonic.Group.AVX ? AvxOps.kernel(sse, at) : SseGroup.make(sse, at);
    }

    private static Instruction withoutFirstSource(Instruction i) {
        if (i.vexOperand < 0) {
            return i;
        }
        List<Operand> operands = new ArrayList<>(Arrays.asList(i.operands));
        operands.remove(i.vexOperand);
        return i.with(operands.toArray(new Operand[0]));
    }

    /** Of most instructions both lanes are told the same by the immediate; of these each has bits of its own. */
    private static boolean hasOwnImmediate(Mnemonic mnemonic) {
        return switch (mnemonic) {
            case BLENDPS, BLENDPD, SHUFPD, MPSADBW, VPERMILPD, VPBLENDD -> true;
            default -> false;
        };
    }

    private static Instruction upperLane(Instruction i) {
        int bits = switch (i.mnemonic) {
            case BLENDPS, VPBLENDD -> 4;
            case MPSADBW -> 3;
            default -> 2;
        };
        Operand[] operands = i.operands.clone();
        Operand last = operands[operands.length - 1];
        if (last.kind() == Kind.IMMEDIATE) {
            operands[operands.length - 1] =
                    new Operand(Kind.IMMEDIATE, Instruction.NO_REGISTER, 1, (last.value() & 0xFF) >> bits);
        }
        return i.with(operands);
    }
}
