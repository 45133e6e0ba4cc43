package io.umbra.processor;

import io.umbra.processor.fp.Float32;
import io.umbra.processor.fp.Float64;
import org.jspecify.annotations.Nullable;

/**
 * Makes the operations of MMX and SSE to SSE4.2, and of FXSAVE and FXRSTOR.
 *
 * <ul>
 *   <li>SSE-1: before anything else #UD without CR4.OSFXSR (but MMX, FXSAVE) or with CR0.EM, then #NM with CR0.TS; of what uses MMX registers #MF for a waiting x87 exception.
 *   <li>SSE-2: a memory operand of 16 bytes must be aligned, but for MOVU, LDDQU and PCMPxSTRx: else #GP(0), before its translation.
 *   <li>SSE-3: an unmasked floating-point exception raises #XM, or #UD without CR4.OSXMMEXCPT; MXCSR has its flags, and the destination is as before.
 *   <li>SSE-4: an instruction that uses an MMX register makes TOP 0 and all x87 registers valid; one it writes gets an exponent of all ones.
 * </ul>
 */
final class SseGroup {
    private SseGroup() {}

    /** @return null when {@code i} is none of these */
    static @Nullable Op make(Instruction i, int offsetInPage) {
        Op op = movement(i, offsetInPage);
        if (op == null) {
            op = packedSums(i, offsetInPage);
        }
        if (op == null) {
            op = packedRest(i, offsetInPage);
        }
        if (op == null) {
            op = shuffles(i, offsetInPage);
        }
        if (op == null) {
            op = elements(i, offsetInPage);
        }
        if (op == null) {
            op = doubleArithmetic(i, offsetInPage);
        }
        if (op == null) {
            op = singleArithmetic(i, offsetInPage);
        }
        return op == null ? conversions(i, offsetInPage) : op;
    }

    private static @Nullable Op movement(Instruction i, int at) {
        return switch (i.mnemonic) {
            case MOVAPS, MOVAPD, MOVUPS, MOVUPD, MOVDQA, MOVDQU, LDDQU -> VectorMoveOps.whole(i, at);
            case MOVNTPS, MOVNTPD, MOVNTDQ, MOVNTDQA -> VectorMoveOps.whole(i, at);
            case MOVD, MOVQ, MOVNTQ, MOVQ2DQ, MOVDQ2Q -> VectorMoveOps.quadword(i, at);
            case MOVSS, MOVSD_SSE -> VectorMoveOps.scalar(i, at);
            case MOVLPS, MOVLPD -> VectorMoveOps.half(0, 0, i, at);
            case MOVHPS, MOVHPD -> VectorMoveOps.half(1, 1, i, at);
            case MOVHLPS -> VectorMoveOps.half(0, 1, i, at);
            case MOVLHPS -> VectorMoveOps.half(1, 0, i, at);
            case MOVDDUP -> VectorMoveOps.duplicateLow(i, at);
            case MOVMSKPS -> VectorMoveOps.singleSigns(i, at);
            case MOVMSKPD -> VectorMoveOps.doubleSigns(i, at);
            case PMOVMSKB -> VectorMoveOps.byteSigns(i, at);
            case MASKMOVQ, MASKMOVDQU -> VectorMoveOps.masked(i, at);
            case LDMXCSR -> VectorStateOps.loadMxcsr(i, at);
            case STMXCSR -> VectorStateOps.storeMxcsr(i, at);
            case FXSAVE -> VectorStateOps.save(i, at);
            case FXRSTOR -> VectorStateOps.restore(i, at);
            case XSAVE -> XsaveOps.save(false, i, at);
            case XSAVEOPT -> XsaveOps.save(true, i, at);
            case XRSTOR -> XsaveOps.restore(i, at);
            case EMMS -> new Mmx.Leave();
            default -> null;
        };
    }

    private static @Nullable Op packedSums(Instruction i, int at) {
        return switch (i.mnemonic) {
            case PADDB -> PackedOps.make(Lanes.BYTES::add, i, at);
            case PADDW -> PackedOps.make(Lanes.WORDS::add, i, at);
            case PADDD -> PackedOps.make(Lanes.DOUBLEWORDS::add, i, at);
            case PADDQ -> PackedOps.make(Lanes.QUADWORDS::add, i, at);
            case PSUBB -> PackedOps.make(Lanes.BYTES::subtract, i, at);
            case PSUBW -> PackedOps.make(Lanes.WORDS::subtract, i, at);
            case PSUBD -> PackedOps.make(Lanes.DOUBLEWORDS::subtract, i, at);
            case PSUBQ -> PackedOps.make(Lanes.QUADWORDS::subtract, i, at);
            case PADDSB -> PackedOps.make(Lanes.BYTES::addSaturated, i, at);
            case PADDSW -> PackedOps.make(Lanes.WORDS::addSaturated, i, at);
            case PADDUSB -> PackedOps.make(Lanes.BYTES::addUnsignedSaturated, i, at);
            case PADDUSW -> PackedOps.make(Lanes.WORDS::addUnsignedSaturated, i, at);
            case PSUBSB -> PackedOps.make(Lanes.BYTES::subtractSaturated, i, at);
            case PSUBSW -> PackedOps.make(Lanes.WORDS::subtractSaturated, i, at);
            case PSUBUSB -> PackedOps.make(Lanes.BYTES::subtractUnsignedSaturated, i, at);
            case PSUBUSW -> PackedOps.make(Lanes.WORDS::subtractUnsignedSaturated, i, at);
            case PMULLW -> PackedOps.make(PackedArithmetic::multiplyWords, i, at);
            case PMULHW -> PackedOps.make(PackedArithmetic::multiplyWordsHigh, i, at);
            case PMULHUW -> PackedOps.make(PackedArithmetic::multiplyWordsHighUnsigned, i, at);
            case PMULHRSW -> PackedOps.make(PackedArithmetic::multiplyWordsRounded, i, at);
            case PMULLD -> PackedOps.make(PackedArithmetic::multiplyDoublewords, i, at);
            case PMULUDQ -> PackedOps.make(PackedArithmetic::multiplyEvenUnsigned, i, at);
            case PMULDQ -> PackedOps.make(PackedArithmetic::multiplyEvenSigned, i, at);
            case PMADDWD -> PackedOps.make(PackedArithmetic::multiplyWordsAndAdd, i, at);
            case PMADDUBSW -> PackedOps.make(PackedArithmetic::multiplyBytesAndAdd, i, at);
            case PAVGB -> PackedOps.make(Lanes.BYTES::average, i, at);
            case PAVGW -> PackedOps.make(Lanes.WORDS::average, i, at);
            case PSADBW -> PackedOps.make(PackedArithmetic::sumOfDifferences, i, at);
            case MPSADBW -> PackedOps.sumsOfDifferences(i, at);
            case PHADDW -> PackedOps.fold(PackedArithmetic::addWordPairs, i, at);
            case PHADDD -> PackedOps.fold(PackedArithmetic::addDoublewordPair, i, at);
            case PHADDSW -> PackedOps.fold(PackedArithmetic::addWordPairsSaturated, i, at);
            case PHSUBW -> PackedOps.fold(PackedArithmetic::subtractWordPairs, i, at);
            case PHSUBD -> PackedOps.fold(PackedArithmetic::subtractDoublewordPair, i, at);
            case PHSUBSW -> PackedOps.fold(PackedArithmetic::subtractWordPairsSaturated, i, at);
            default -> null;
        };
    }

    private static @Nullable Op packedRest(Instruction i, int at) {
        return switch (i.mnemonic) {
            case PAND, ANDPS, ANDPD -> PackedOps.and(i, at);
            case PANDN, ANDNPS, ANDNPD -> PackedOps.make((a, b) -> ~a & b, i, at);
            case POR, ORPS, ORPD -> PackedOps.or(i, at);
            case PXOR, XORPS, XORPD -> PackedOps.xor(i, at);
            case PTEST -> PackedOps.test(i, at);
            case PCMPEQB -> PackedOps.equalBytes(i, at);
            case PCMPEQW -> PackedOps.make(Lanes.WORDS::equal, i, at);
            case PCMPEQD -> PackedOps.make(Lanes.DOUBLEWORDS::equal, i, at);
            case PCMPEQQ -> PackedOps.make(Lanes.QUADWORDS::equal, i, at);
            case PCMPGTB -> PackedOps.make(Lanes.BYTES::greater, i, at);
            case PCMPGTW -> PackedOps.make(Lanes.WORDS::greater, i, at);
            case PCMPGTD -> PackedOps.make(Lanes.DOUBLEWORDS::greater, i, at);
            case PCMPGTQ -> PackedOps.make(Lanes.QUADWORDS::greater, i, at);
            case PMINUB -> PackedOps.minUnsignedBytes(i, at);
            case PMINUW -> PackedOps.make(Lanes.WORDS::minUnsigned, i, at);
            case PMINUD -> PackedOps.make(Lanes.DOUBLEWORDS::minUnsigned, i, at);
            case PMINSB -> PackedOps.make(Lanes.BYTES::minSigned, i, at);
            case PMINSW -> PackedOps.make(Lanes.WORDS::minSigned, i, at);
            case PMINSD -> PackedOps.make(Lanes.DOUBLEWORDS::minSigned, i, at);
            case PMAXUB -> PackedOps.make(Lanes.BYTES::maxUnsigned, i, at);
            case PMAXUW -> PackedOps.make(Lanes.WORDS::maxUnsigned, i, at);
            case PMAXUD -> PackedOps.make(Lanes.DOUBLEWORDS::maxUnsigned, i, at);
            case PMAXSB -> PackedOps.make(Lanes.BYTES::maxSigned, i, at);
            case PMAXSW -> PackedOps.make(Lanes.WORDS::maxSigned, i, at);
            case PMAXSD -> PackedOps.make(Lanes.DOUBLEWORDS::maxSigned, i, at);
            case PHMINPOSUW -> PackedOps.minimumPosition(i, at);
            case PABSB -> PackedOps.make(Lanes.BYTES::absolute, i, at);
            case PABSW -> PackedOps.make(Lanes.WORDS::absolute, i, at);
            case PABSD -> PackedOps.make(Lanes.DOUBLEWORDS::absolute, i, at);
            case PSIGNB -> PackedOps.make(Lanes.BYTES::applySign, i, at);
            case PSIGNW -> PackedOps.make(Lanes.WORDS::applySign, i, at);
            case PSIGND -> PackedOps.make(Lanes.DOUBLEWORDS::applySign, i, at);
            case PSLLW -> PackedOps.shift(Lanes.WORDS::shiftLeft, i, at);
            case PSLLD -> PackedOps.shift(Lanes.DOUBLEWORDS::shiftLeft, i, at);
            case PSLLQ -> PackedOps.shift(Lanes.QUADWORDS::shiftLeft, i, at);
            case PSRLW -> PackedOps.shift(Lanes.WORDS::shiftRight, i, at);
            case PSRLD -> PackedOps.shift(Lanes.DOUBLEWORDS::shiftRight, i, at);
            case PSRLQ -> PackedOps.shift(Lanes.QUADWORDS::shiftRight, i, at);
            case PSRAW -> PackedOps.shift(Lanes.WORDS::shiftRightSigned, i, at);
            case PSRAD -> PackedOps.shift(Lanes.DOUBLEWORDS::shiftRightSigned, i, at);
            case PCMPESTRI -> StringCompareOps.make(true, true, i, at);
            case PCMPESTRM -> StringCompareOps.make(true, false, i, at);
            case PCMPISTRI -> StringCompareOps.make(false, true, i, at);
            case PCMPISTRM -> StringCompareOps.make(false, false, i, at);
            default -> null;
        };
    }

    private static @Nullable Op shuffles(Instruction i, int at) {
        return switch (i.mnemonic) {
            case PACKSSWB -> PackedOps.fold(PackedArithmetic::packWordsSigned, i, at);
            case PACKUSWB -> PackedOps.fold(PackedArithmetic::packWordsUnsigned, i, at);
            case PACKSSDW -> PackedOps.fold(PackedArithmetic::packDoublewordsSigned, i, at);
            case PACKUSDW -> PackedOps.fold(PackedArithmetic::packDoublewordsUnsigned, i, at);
            case PUNPCKLBW -> ShuffleOps.interleaveLow(PackedArithmetic::interleaveBytes, i, at);
            case PUNPCKLWD -> ShuffleOps.interleaveLow(PackedArithmetic::interleaveWords, i, at);
            case PUNPCKLDQ, UNPCKLPS -> ShuffleOps.interleaveLow(PackedArithmetic::interleaveDoublewords, i, at);
            case PUNPCKHBW -> ShuffleOps.interleaveHigh(PackedArithmetic::interleaveBytes, i, at);
            case PUNPCKHWD -> ShuffleOps.interleaveHigh(PackedArithmetic::interleaveWords, i, at);
            case PUNPCKHDQ, UNPCKHPS -> ShuffleOps.interleaveHigh(PackedArithmetic::interleaveDoublewords, i, at);
            case PUNPCKLQDQ, UNPCKLPD -> ShuffleOps.interleaveQuadwords(0, i, at);
            case PUNPCKHQDQ, UNPCKHPD -> ShuffleOps.interleaveQuadwords(1, i, at);
            case PSHUFW -> ShuffleOps.mmxWords(i, at);
            case PSHUFD -> ShuffleOps.doublewords(i, at);
            case PSHUFLW -> ShuffleOps.words(0, i, at);
            case PSHUFHW -> ShuffleOps.words(1, i, at);
            case PSHUFB -> ShuffleOps.bytes(i, at);
            case SHUFPS -> ShuffleOps.singles(i, at);
            case SHUFPD -> ShuffleOps.doubles(i, at);
            case MOVSLDUP -> ShuffleOps.duplicateEven(i, at);
            case MOVSHDUP -> ShuffleOps.duplicateOdd(i, at);
            case PALIGNR -> ShuffleOps.align(i, at);
            case PSLLDQ -> ShuffleOps.shiftBytes(true, i);
            case PSRLDQ -> ShuffleOps.shiftBytes(false, i);
            default -> null;
        };
    }

    private static @Nullable Op elements(Instruction i, int at) {
        return switch (i.mnemonic) {
            case BLENDPS -> ElementOps.blend(32, i, at);
            case BLENDPD -> ElementOps.blend(64, i, at);
            case PBLENDW -> ElementOps.blend(16, i, at);
            case BLENDVPS -> ElementOps.blendBySigns(Lanes.DOUBLEWORDS, i, at);
            case BLENDVPD -> ElementOps.blendBySigns(Lanes.QUADWORDS, i, at);
            case PBLENDVB -> ElementOps.blendBySigns(Lanes.BYTES, i, at);
            case PINSRB -> ElementOps.insert(8, i, at);
            case PINSRW -> ElementOps.insert(16, i, at);
            case PINSRD -> ElementOps.insert(32, i, at);
            case PINSRQ -> ElementOps.insert(64, i, at);
            case PEXTRB -> ElementOps.extract(8, i, at);
            case PEXTRW -> ElementOps.extract(16, i, at);
            case PEXTRD, EXTRACTPS -> ElementOps.extract(32, i, at);
            case PEXTRQ -> ElementOps.extract(64, i, at);
            case INSERTPS -> ElementOps.insertSingle(i, at);
            case PMOVSXBW -> ElementOps.extend(8, 16, true, i, at);
            case PMOVSXBD -> ElementOps.extend(8, 32, true, i, at);
            case PMOVSXBQ -> ElementOps.extend(8, 64, true, i, at);
            case PMOVSXWD -> ElementOps.extend(16, 32, true, i, at);
            case PMOVSXWQ -> ElementOps.extend(16, 64, true, i, at);
            case PMOVSXDQ -> ElementOps.extend(32, 64, true, i, at);
            case PMOVZXBW -> ElementOps.extend(8, 16, false, i, at);
            case PMOVZXBD -> ElementOps.extend(8, 32, false, i, at);
            case PMOVZXBQ -> ElementOps.extend(8, 64, false, i, at);
            case PMOVZXWD -> ElementOps.extend(16, 32, false, i, at);
            case PMOVZXWQ -> ElementOps.extend(16, 64, false, i, at);
            case PMOVZXDQ -> ElementOps.extend(32, 64, false, i, at);
            default -> null;
        };
    }

    private static @Nullable Op doubleArithmetic(Instruction i, int at) {
        return switch (i.mnemonic) {
            case ADDPD -> FloatOps.packedDouble(Float64::add, i, at);
            case ADDSD -> FloatOps.addScalarDouble(i, at);
            case SUBPD -> FloatOps.packedDouble(Float64::sub, i, at);
            case SUBSD -> FloatOps.subtractScalarDouble(i, at);
            case MULPD -> FloatOps.packedDouble(Float64::mul, i, at);
            case MULSD -> FloatOps.multiplyScalarDouble(i, at);
            case DIVPD -> FloatOps.packedDouble(Float64::div, i, at);
            case DIVSD -> FloatOps.divideScalarDouble(i, at);
            case MINPD -> FloatOps.packedDouble(Float64::min, i, at);
            case MINSD -> FloatOps.scalarDouble(Float64::min, i, at);
            case MAXPD -> FloatOps.packedDouble(Float64::max, i, at);
            case MAXSD -> FloatOps.scalarDouble(Float64::max, i, at);
            case SQRTPD -> FloatOps.packedDouble((a, b, env) -> Float64.sqrt(b, env), i, at);
            case SQRTSD -> FloatOps.scalarDouble((a, b, env) -> Float64.sqrt(b, env), i, at);
            case ADDSUBPD -> FloatOps.alternateDouble(i, at);
            case HADDPD -> FloatOps.horizontalDouble(Float64::add, i, at);
            case HSUBPD -> FloatOps.horizontalDouble(Float64::sub, i, at);
            case DPPD -> FloatOps.dotProductDouble(i, at);
            case ROUNDPD -> FloatOps.packedDouble(roundDouble(i), i, at);
            case ROUNDSD -> FloatOps.scalarDouble(roundDouble(i), i, at);
            case CMPPD -> FloatOps.packedDouble(compareDouble(i), i, at);
            case CMPSD_SSE -> FloatOps.scalarDouble(compareDouble(i), i, at);
            case COMISD -> FloatOps.compareDouble(false, i, at);
            case UCOMISD -> FloatOps.compareDouble(true, i, at);
            default -> null;
        };
    }

    private static @Nullable Op singleArithmetic(Instruction i, int at) {
        return switch (i.mnemonic) {
            case ADDPS -> FloatOps.packedSingle(Float32::add, i, at);
            case ADDSS -> FloatOps.scalarSingle(Float32::add, i, at);
            case SUBPS -> FloatOps.packedSingle(Float32::sub, i, at);
            case SUBSS -> FloatOps.scalarSingle(Float32::sub, i, at);
            case MULPS -> FloatOps.packedSingle(Float32::mul, i, at);
            case MULSS -> FloatOps.scalarSingle(Float32::mul, i, at);
            case DIVPS -> FloatOps.packedSingle(Float32::div, i, at);
            case DIVSS -> FloatOps.scalarSingle(Float32::div, i, at);
            case MINPS -> FloatOps.packedSingle(Float32::min, i, at);
            case MINSS -> FloatOps.scalarSingle(Float32::min, i, at);
            case MAXPS -> FloatOps.packedSingle(Float32::max, i, at);
            case MAXSS -> FloatOps.scalarSingle(Float32::max, i, at);
            case SQRTPS -> FloatOps.packedSingle((a, b, env) -> Float32.sqrt(b, env), i, at);
            case SQRTSS -> FloatOps.scalarSingle((a, b, env) -> Float32.sqrt(b, env), i, at);
            case RCPPS -> FloatOps.packedSingle((a, b, env) -> FloatArithmetic.reciprocal(b), i, at);
            case RCPSS -> FloatOps.scalarSingle((a, b, env) -> FloatArithmetic.reciprocal(b), i, at);
            case RSQRTPS -> FloatOps.packedSingle((a, b, env) -> FloatArithmetic.reciprocalRoot(b), i, at);
            case RSQRTSS -> FloatOps.scalarSingle((a, b, env) -> FloatArithmetic.reciprocalRoot(b), i, at);
            case ADDSUBPS -> FloatOps.alternateSingle(i, at);
            case HADDPS -> FloatOps.horizontalSingle(Float32::add, i, at);
            case HSUBPS -> FloatOps.horizontalSingle(Float32::sub, i, at);
            case DPPS -> FloatOps.dotProductSingle(i, at);
            case ROUNDPS -> FloatOps.packedSingle(roundSingle(i), i, at);
            case ROUNDSS -> FloatOps.scalarSingle(roundSingle(i), i, at);
            case CMPPS -> FloatOps.packedSingle(compareSingle(i), i, at);
            case CMPSS -> FloatOps.scalarSingle(compareSingle(i), i, at);
            case COMISS -> FloatOps.compareSingle(false, i, at);
            case UCOMISS -> FloatOps.compareSingle(true, i, at);
            default -> null;
        };
    }

    private static FloatOps.Double64 compareDouble(Instruction i) {
        int predicate = VectorOp.immediate(i) & (i.vex ? 31 : 7);
        return (a, b, env) -> FloatArithmetic.compare(predicate, a, b, env);
    }

    private static FloatOps.Single32 compareSingle(Instruction i) {
        int predicate = VectorOp.immediate(i) & (i.vex ? 31 : 7);
        return (a, b, env) -> FloatArithmetic.compare(predicate, a, b, env);
    }

    /** Immediate of ROUNDPS: 1..0 a rounding mode, 2 MXCSR's mode instead, 3 no INEXACT. */
    private static FloatOps.Double64 roundDouble(Instruction i) {
        int mode = VectorOp.immediate(i) & 3;
        boolean current = (VectorOp.immediate(i) & 4) != 0;
        boolean quiet = (VectorOp.immediate(i) & 8) != 0;
        return (a, b, env) -> Float64.roundToInteger(b, current ? env.rounding : mode, quiet, env);
    }

    private static FloatOps.Single32 roundSingle(Instruction i) {
        int mode = VectorOp.immediate(i) & 3;
        boolean current = (VectorOp.immediate(i) & 4) != 0;
        boolean quiet = (VectorOp.immediate(i) & 8) != 0;
        return (a, b, env) -> Float32.roundToInteger(b, current ? env.rounding : mode, quiet, env);
    }

    private static @Nullable Op conversions(Instruction i, int at) {
        boolean wide = i.operands.length > 1 && Math.min(i.operands[0].size(), 8) == 8;
        boolean fromWide = i.operands.length > 1 && i.operands[1].size() == 8;
        return switch (i.mnemonic) {
            case CVTSI2SD -> ConversionOps.scalar(fromWide ? Float64::fromInt64 : ConversionOps::int32ToDouble, i, at);
            case CVTSI2SS -> ConversionOps.scalar(fromWide ? Float32::fromInt64 : ConversionOps::int32ToSingle, i, at);
            case CVTSD2SI -> ConversionOps.scalar(wide ? Float64::toInt64 : Float64::toInt32, i, at);
            case CVTTSD2SI -> ConversionOps.scalar(wide ? Float64::toInt64Truncated : Float64::toInt32Truncated, i, at);
            case CVTSS2SI ->
                ConversionOps.scalar(wide ? ConversionOps::singleToInt64 : ConversionOps::singleToInt32, i, at);
            case CVTTSS2SI ->
                ConversionOps.scalar(
                        wide ? ConversionOps::singleToInt64Truncated : ConversionOps::singleToInt32Truncated, i, at);
            case CVTSS2SD -> ConversionOps.scalar(ConversionOps::singleToDouble, i, at);
            case CVTSD2SS -> ConversionOps.scalar(Float64::toFloat32, i, at);
            case CVTPS2PD -> ConversionOps.widening(ConversionOps::singleToDouble, i, at);
            case CVTPD2PS -> ConversionOps.narrowing(Float64::toFloat32, i, at);
            case CVTDQ2PS -> ConversionOps.packed(ConversionOps::int32ToSingle, i, at);
            case CVTPS2DQ -> ConversionOps.packed(ConversionOps::singleToInt32, i, at);
            case CVTTPS2DQ -> ConversionOps.packed(ConversionOps::singleToInt32Truncated, i, at);
            case CVTDQ2PD, CVTPI2PD -> ConversionOps.widening(ConversionOps::int32ToDouble, i, at);
            case CVTPD2DQ, CVTPD2PI -> ConversionOps.narrowing(Float64::toInt32, i, at);
            case CVTTPD2DQ, CVTTPD2PI -> ConversionOps.narrowing(Float64::toInt32Truncated, i, at);
            case CVTPI2PS -> ConversionOps.pair(ConversionOps::int32ToSingle, i, at);
            case CVTPS2PI -> ConversionOps.pair(ConversionOps::singleToInt32, i, at);
            case CVTTPS2PI -> ConversionOps.pair(ConversionOps::singleToInt32Truncated, i, at);
            default -> null;
        };
    }
}
