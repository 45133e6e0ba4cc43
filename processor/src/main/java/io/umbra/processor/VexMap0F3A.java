package io.umbra.processor;

/** The VEX-coded opcodes of map 3: AVX, AVX2, F16C, BMI2 (SDM vol. 2D, table A-5). The columns are explained in {@link OpcodeMap}. */
final class VexMap0F3A {
    static final String ROWS = """
            00     66       VPERMQ          VY,WY,Ib     W1 L1
            01     66       VPERMPD         VY,WY,Ib     W1 L1
            02     66       VPBLENDD        Vx,Hx,Wx,Ib  W0
            04     66       VPERMILPS       Vx,Wx,Ib     W0
            05     66       VPERMILPD       Vx,Wx,Ib     W0
            06     66       VPERM2F128      VY,HY,WY,Ib  W0 L1
            08     66       ROUNDPS         Vx,Wx,Ib
            09     66       ROUNDPD         Vx,Wx,Ib
            0A     66       ROUNDSS         Vd,Hd,Wd,Ib
            0B     66       ROUNDSD         Vq,Hq,Wq,Ib
            0C     66       BLENDPS         Vx,Hx,Wx,Ib
            0D     66       BLENDPD         Vx,Hx,Wx,Ib
            0E     66       PBLENDW         Vx,Hx,Wx,Ib
            0F     66       PALIGNR         Vx,Hx,Wx,Ib
            14     66       PEXTRB          Ed:b,Vo,Ib   L0
            15     66       PEXTRW          Ed:w,Vo,Ib   L0
            16     66       PEXTRD          Ey,Vo,Ib     W0 L0
            16     66       PEXTRD          Ey,Vo,Ib     W1 L0 i64
            16     66       PEXTRQ          Ey,Vo,Ib     W1 L0 o64
            17     66       EXTRACTPS       Ed,Vo,Ib     L0
            18     66       VINSERTF128     VY,HY,Wo,Ib  W0 L1
            19     66       VEXTRACTF128    Wo,VY,Ib     W0 L1
            1D     66       VCVTPS2PH       Wh,Vx,Ib     W0
            20     66       PINSRB          Vo,Ho,Ed:b,Ib L0
            21     66       INSERTPS        Vo,Ho,Wo:d,Ib L0
            22     66       PINSRD          Vo,Ho,Ey,Ib  W0 L0
            22     66       PINSRD          Vo,Ho,Ey,Ib  W1 L0 i64
            22     66       PINSRQ          Vo,Ho,Ey,Ib  W1 L0 o64
            38     66       VINSERTI128     VY,HY,Wo,Ib  W0 L1
            39     66       VEXTRACTI128    Wo,VY,Ib     W0 L1
            40     66       DPPS            Vx,Hx,Wx,Ib
            41     66       DPPD            Vo,Ho,Wo,Ib  L0
            42     66       MPSADBW         Vx,Hx,Wx,Ib
            46     66       VPERM2I128      VY,HY,WY,Ib  W0 L1
            4A     66       BLENDVPS        Vx,Hx,Wx,Lx  W0
            4B     66       BLENDVPD        Vx,Hx,Wx,Lx  W0
            4C     66       PBLENDVB        Vx,Hx,Wx,Lx  W0
            60     66       PCMPESTRM       Vo,Wo,Ib     L0
            61     66       PCMPESTRI       Vo,Wo,Ib     L0
            62     66       PCMPISTRM       Vo,Wo,Ib     L0
            63     66       PCMPISTRI       Vo,Wo,Ib     L0
            F0     F2       RORX            Gy,Ey,Ib     L0
            """;

    private VexMap0F3A() {}
}
