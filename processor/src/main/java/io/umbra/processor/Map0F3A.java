package io.umbra.processor;

/** The three-byte opcodes behind 0F 3A that CPUID offers: SSSE3, SSE4.1, SSE4.2 (SDM vol. 2D, table A-5). The columns are explained in {@link OpcodeMap}. */
final class Map0F3A {
    static final String ROWS = """
            08     66       ROUNDPS     Vo,Wo,Ib
            09     66       ROUNDPD     Vo,Wo,Ib
            0A     66       ROUNDSS     Vd,Wd,Ib
            0B     66       ROUNDSD     Vq,Wq,Ib
            0C     66       BLENDPS     Vo,Wo,Ib
            0D     66       BLENDPD     Vo,Wo,Ib
            0E     66       PBLENDW     Vo,Wo,Ib
            0F     -        PALIGNR     Pq,Qq,Ib
            0F     66       PALIGNR     Vo,Wo,Ib
            14     66       PEXTRB      Ed:b,Vo,Ib
            15     66       PEXTRW      Ed:w,Vo,Ib
            16     66       PEXTRD      Ey,Vo,Ib    W0
            16     66       PEXTRQ      Ey,Vo,Ib    W1
            17     66       EXTRACTPS   Ed,Vo,Ib
            20     66       PINSRB      Vo,Ed:b,Ib
            21     66       INSERTPS    Vo,Wo:d,Ib
            22     66       PINSRD      Vo,Ey,Ib    W0
            22     66       PINSRQ      Vo,Ey,Ib    W1
            40     66       DPPS        Vo,Wo,Ib
            41     66       DPPD        Vo,Wo,Ib
            42     66       MPSADBW     Vo,Wo,Ib
            60     66       PCMPESTRM   Vo,Wo,Ib
            61     66       PCMPESTRI   Vo,Wo,Ib
            62     66       PCMPISTRM   Vo,Wo,Ib
            63     66       PCMPISTRI   Vo,Wo,Ib
            """;

    private Map0F3A() {}
}
