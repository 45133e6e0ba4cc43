package io.umbra.processor;

/** The three-byte opcodes behind 0F 38 that CPUID offers: SSSE3, SSE4.1, SSE4.2, MOVBE, INVPCID (SDM vol. 2D, table A-4). The columns are explained in {@link OpcodeMap}. */
final class Map0F38 {
    static final String ROWS = """
            00     -        PSHUFB      Pq,Qq
            00     66       PSHUFB      Vo,Wo
            01     -        PHADDW      Pq,Qq
            01     66       PHADDW      Vo,Wo
            02     -        PHADDD      Pq,Qq
            02     66       PHADDD      Vo,Wo
            03     -        PHADDSW     Pq,Qq
            03     66       PHADDSW     Vo,Wo
            04     -        PMADDUBSW   Pq,Qq
            04     66       PMADDUBSW   Vo,Wo
            05     -        PHSUBW      Pq,Qq
            05     66       PHSUBW      Vo,Wo
            06     -        PHSUBD      Pq,Qq
            06     66       PHSUBD      Vo,Wo
            07     -        PHSUBSW     Pq,Qq
            07     66       PHSUBSW     Vo,Wo
            08     -        PSIGNB      Pq,Qq
            08     66       PSIGNB      Vo,Wo
            09     -        PSIGNW      Pq,Qq
            09     66       PSIGNW      Vo,Wo
            0A     -        PSIGND      Pq,Qq
            0A     66       PSIGND      Vo,Wo
            0B     -        PMULHRSW    Pq,Qq
            0B     66       PMULHRSW    Vo,Wo
            10     66       PBLENDVB    Vo,Wo,XMM0
            14     66       BLENDVPS    Vo,Wo,XMM0
            15     66       BLENDVPD    Vo,Wo,XMM0
            17     66       PTEST       Vo,Wo
            1C     -        PABSB       Pq,Qq
            1C     66       PABSB       Vo,Wo
            1D     -        PABSW       Pq,Qq
            1D     66       PABSW       Vo,Wo
            1E     -        PABSD       Pq,Qq
            1E     66       PABSD       Vo,Wo
            20     66       PMOVSXBW    Vo,Wq
            21     66       PMOVSXBD    Vo,Wd
            22     66       PMOVSXBQ    Vo,Ww
            23     66       PMOVSXWD    Vo,Wq
            24     66       PMOVSXWQ    Vo,Wd
            25     66       PMOVSXDQ    Vo,Wq
            28     66       PMULDQ      Vo,Wo
            29     66       PCMPEQQ     Vo,Wo
            2A     66       MOVNTDQA    Vo,Mo
            2B     66       PACKUSDW    Vo,Wo
            30     66       PMOVZXBW    Vo,Wq
            31     66       PMOVZXBD    Vo,Wd
            32     66       PMOVZXBQ    Vo,Ww
            33     66       PMOVZXWD    Vo,Wq
            34     66       PMOVZXWQ    Vo,Wd
            35     66       PMOVZXDQ    Vo,Wq
            37     66       PCMPGTQ     Vo,Wo
            38     66       PMINSB      Vo,Wo
            39     66       PMINSD      Vo,Wo
            3A     66       PMINUW      Vo,Wo
            3B     66       PMINUD      Vo,Wo
            3C     66       PMAXSB      Vo,Wo
            3D     66       PMAXSD      Vo,Wo
            3E     66       PMAXUW      Vo,Wo
            3F     66       PMAXUD      Vo,Wo
            40     66       PMULLD      Vo,Wo
            41     66       PHMINPOSUW  Vo,Wo
            82/m   66       INVPCID     Gn,Mo
            F0     -,66     MOVBE       Gv,Mv
            F0     F2       CRC32       Gy,Eb
            F1     -,66     MOVBE       Mv,Gv
            F1     F2       CRC32       Gy,Ev
            """;

    private Map0F38() {}
}
