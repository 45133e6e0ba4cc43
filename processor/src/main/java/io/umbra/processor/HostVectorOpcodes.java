package io.umbra.processor;

import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The opcodes of the SSE instructions that make a register of itself and another operand, and raise no exception of their own: those that this host has. SDM vol. 2D, appendix A. */
final class HostVectorOpcodes {
    /**
     * @param prefix the mandatory one, or 0
     * @param code with the escape bytes: 0F, 0F 38 or 0F 3A
     */
    record Opcode(int prefix, int code) {}

    private static final int NONE = 0, DATA_16 = 0x66, REPNE = 0xF2, REP = 0xF3;

    private static final Map<Mnemonic, Opcode> OPCODES = new EnumMap<>(Mnemonic.class);

    static {
        baseline(DATA_16, 0xF60, "PUNPCKLBW PUNPCKLWD PUNPCKLDQ PACKSSWB PCMPGTB PCMPGTW PCMPGTD PACKUSWB");
        baseline(DATA_16, 0xF68, "PUNPCKHBW PUNPCKHWD PUNPCKHDQ PACKSSDW PUNPCKLQDQ PUNPCKHQDQ");
        baseline(DATA_16, 0xF74, "PCMPEQB PCMPEQW PCMPEQD");
        baseline(DATA_16, 0xFD1, "PSRLW PSRLD PSRLQ PADDQ PMULLW");
        baseline(DATA_16, 0xFD8, "PSUBUSB PSUBUSW PMINUB PAND PADDUSB PADDUSW PMAXUB PANDN");
        baseline(DATA_16, 0xFE0, "PAVGB PSRAW PSRAD PAVGW PMULHUW PMULHW");
        baseline(DATA_16, 0xFE8, "PSUBSB PSUBSW PMINSW POR PADDSB PADDSW PMAXSW PXOR");
        baseline(DATA_16, 0xFF1, "PSLLW PSLLD PSLLQ PMULUDQ PMADDWD PSADBW");
        baseline(DATA_16, 0xFF8, "PSUBB PSUBW PSUBD PSUBQ PADDB PADDW PADDD");
        baseline(DATA_16, 0xF70, "PSHUFD");
        baseline(REPNE, 0xF70, "PSHUFLW");
        baseline(REP, 0xF70, "PSHUFHW");
        baseline(NONE, 0xF14, "UNPCKLPS UNPCKHPS");
        baseline(DATA_16, 0xF14, "UNPCKLPD UNPCKHPD");
        baseline(NONE, 0xF54, "ANDPS ANDNPS ORPS XORPS");
        baseline(DATA_16, 0xF54, "ANDPD ANDNPD ORPD XORPD");
        baseline(NONE, 0xFC6, "SHUFPS");
        baseline(DATA_16, 0xFC6, "SHUFPD");
        add(HostFeature.SSE3, REPNE, 0xF12, "MOVDDUP");
        add(HostFeature.SSE3, REP, 0xF12, "MOVSLDUP");
        add(HostFeature.SSE3, REP, 0xF16, "MOVSHDUP");
        add(HostFeature.SSSE3, DATA_16, 0xF3800, "PSHUFB PHADDW PHADDD PHADDSW PMADDUBSW PHSUBW PHSUBD PHSUBSW");
        add(HostFeature.SSSE3, DATA_16, 0xF3808, "PSIGNB PSIGNW PSIGND PMULHRSW");
        add(HostFeature.SSSE3, DATA_16, 0xF381C, "PABSB PABSW PABSD");
        add(HostFeature.SSSE3, DATA_16, 0xF3A0F, "PALIGNR");
        add(HostFeature.SSE4_1, DATA_16, 0xF3820, "PMOVSXBW PMOVSXBD PMOVSXBQ PMOVSXWD PMOVSXWQ PMOVSXDQ");
        add(HostFeature.SSE4_1, DATA_16, 0xF3830, "PMOVZXBW PMOVZXBD PMOVZXBQ PMOVZXWD PMOVZXWQ PMOVZXDQ");
        add(HostFeature.SSE4_1, DATA_16, 0xF3828, "PMULDQ PCMPEQQ");
        add(HostFeature.SSE4_1, DATA_16, 0xF382B, "PACKUSDW");
        add(HostFeature.SSE4_1, DATA_16, 0xF3838, "PMINSB PMINSD PMINUW PMINUD PMAXSB PMAXSD PMAXUW PMAXUD");
        add(HostFeature.SSE4_1, DATA_16, 0xF3840, "PMULLD PHMINPOSUW");
        add(HostFeature.SSE4_1, DATA_16, 0xF3A0C, "BLENDPS BLENDPD PBLENDW");
        add(HostFeature.SSE4_1, DATA_16, 0xF3A42, "MPSADBW");
        add(HostFeature.SSE4_2, DATA_16, 0xF3837, "PCMPGTQ");
    }

    private HostVectorOpcodes() {}

    private static void baseline(int prefix, int first, String mnemonics) {
        add(HostFeature.BASELINE, prefix, first, mnemonics);
    }

    /** Mnemonics whose opcodes follow one another. */
    private static void add(HostFeature feature, int prefix, int first, String mnemonics) {
        int code = first;
        for (String mnemonic : mnemonics.split(" ", -1)) {
            if (feature.isPresent()) {
                OPCODES.put(Mnemonic.valueOf(mnemonic), new Opcode(prefix, code));
            }
            code++;
        }
    }

    /** @return null when it is none of these, or this host does not have it */
    static @Nullable Opcode of(Mnemonic mnemonic) {
        return OPCODES.get(mnemonic);
    }
}
