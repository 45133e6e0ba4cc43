package io.umbra.processor;

/** The VEX-coded opcodes of map 2: AVX, AVX2, FMA, F16C, BMI1, BMI2 (SDM vol. 2D, table A-4). The columns are explained in {@link OpcodeMap}. */
final class VexMap0F38 {
    static final String ROWS = """
            00     66       PSHUFB          Vx,Hx,Wx
            01     66       PHADDW          Vx,Hx,Wx
            02     66       PHADDD          Vx,Hx,Wx
            03     66       PHADDSW         Vx,Hx,Wx
            04     66       PMADDUBSW       Vx,Hx,Wx
            05     66       PHSUBW          Vx,Hx,Wx
            06     66       PHSUBD          Vx,Hx,Wx
            07     66       PHSUBSW         Vx,Hx,Wx
            08     66       PSIGNB          Vx,Hx,Wx
            09     66       PSIGNW          Vx,Hx,Wx
            0A     66       PSIGND          Vx,Hx,Wx
            0B     66       PMULHRSW        Vx,Hx,Wx
            0C     66       VPERMILPS       Vx,Hx,Wx     W0
            0D     66       VPERMILPD       Vx,Hx,Wx     W0
            0E     66       VTESTPS         Vx,Wx        W0
            0F     66       VTESTPD         Vx,Wx        W0
            13     66       VCVTPH2PS       Vx,Wh        W0
            16     66       VPERMPS         VY,HY,WY     W0 L1
            17     66       PTEST           Vx,Wx
            18     66       VBROADCASTSS    Vx,Wd        W0
            19     66       VBROADCASTSD    VY,Wq        W0 L1
            1A     66       VBROADCASTF128  VY,Mo        W0 L1
            1C     66       PABSB           Vx,Wx
            1D     66       PABSW           Vx,Wx
            1E     66       PABSD           Vx,Wx
            20     66       PMOVSXBW        Vx,Wh
            21     66       PMOVSXBD        Vx,Wk
            22     66       PMOVSXBQ        Vx,Wi
            23     66       PMOVSXWD        Vx,Wh
            24     66       PMOVSXWQ        Vx,Wk
            25     66       PMOVSXDQ        Vx,Wh
            28     66       PMULDQ          Vx,Hx,Wx
            29     66       PCMPEQQ         Vx,Hx,Wx
            2A     66       MOVNTDQA        Vx,Mx
            2B     66       PACKUSDW        Vx,Hx,Wx
            2C     66       VMASKMOVPS      Vx,Hx,Mx     W0
            2D     66       VMASKMOVPD      Vx,Hx,Mx     W0
            2E     66       VMASKMOVPS      Mx,Hx,Vx     W0
            2F     66       VMASKMOVPD      Mx,Hx,Vx     W0
            30     66       PMOVZXBW        Vx,Wh
            31     66       PMOVZXBD        Vx,Wk
            32     66       PMOVZXBQ        Vx,Wi
            33     66       PMOVZXWD        Vx,Wh
            34     66       PMOVZXWQ        Vx,Wk
            35     66       PMOVZXDQ        Vx,Wh
            36     66       VPERMD          VY,HY,WY     W0 L1
            37     66       PCMPGTQ         Vx,Hx,Wx
            38     66       PMINSB          Vx,Hx,Wx
            39     66       PMINSD          Vx,Hx,Wx
            3A     66       PMINUW          Vx,Hx,Wx
            3B     66       PMINUD          Vx,Hx,Wx
            3C     66       PMAXSB          Vx,Hx,Wx
            3D     66       PMAXSD          Vx,Hx,Wx
            3E     66       PMAXUW          Vx,Hx,Wx
            3F     66       PMAXUD          Vx,Hx,Wx
            40     66       PMULLD          Vx,Hx,Wx
            41     66       PHMINPOSUW      Vo,Wo        L0
            45     66       VPSRLVD         Vx,Hx,Wx     W0
            45     66       VPSRLVQ         Vx,Hx,Wx     W1
            46     66       VPSRAVD         Vx,Hx,Wx     W0
            47     66       VPSLLVD         Vx,Hx,Wx     W0
            47     66       VPSLLVQ         Vx,Hx,Wx     W1
            58     66       VPBROADCASTD    Vx,Wd        W0
            59     66       VPBROADCASTQ    Vx,Wq        W0
            5A     66       VBROADCASTI128  VY,Mo        W0 L1
            78     66       VPBROADCASTB    Vx,Wb        W0
            79     66       VPBROADCASTW    Vx,Ww        W0
            8C     66       VPMASKMOVD      Vx,Hx,Mx     W0
            8C     66       VPMASKMOVQ      Vx,Hx,Mx     W1
            8E     66       VPMASKMOVD      Mx,Hx,Vx     W0
            8E     66       VPMASKMOVQ      Mx,Hx,Vx     W1
            90     66       VPGATHERDD      Vx,Xd:x,Hx   W0
            90     66       VPGATHERDQ      Vx,Xq:o,Hx   W1
            91     66       VPGATHERQD      Vo,Xd:x,Ho   W0
            91     66       VPGATHERQQ      Vx,Xq:x,Hx   W1
            92     66       VGATHERDPS      Vx,Xd:x,Hx   W0
            92     66       VGATHERDPD      Vx,Xq:o,Hx   W1
            93     66       VGATHERQPS      Vo,Xd:x,Ho   W0
            93     66       VGATHERQPD      Vx,Xq:x,Hx   W1
            96     66       VFMADDSUB132PS  Vx,Hx,Wx     W0
            96     66       VFMADDSUB132PD  Vx,Hx,Wx     W1
            97     66       VFMSUBADD132PS  Vx,Hx,Wx     W0
            97     66       VFMSUBADD132PD  Vx,Hx,Wx     W1
            98     66       VFMADD132PS     Vx,Hx,Wx     W0
            98     66       VFMADD132PD     Vx,Hx,Wx     W1
            99     66       VFMADD132SS     Vd,Hd,Wd     W0
            99     66       VFMADD132SD     Vq,Hq,Wq     W1
            9A     66       VFMSUB132PS     Vx,Hx,Wx     W0
            9A     66       VFMSUB132PD     Vx,Hx,Wx     W1
            9B     66       VFMSUB132SS     Vd,Hd,Wd     W0
            9B     66       VFMSUB132SD     Vq,Hq,Wq     W1
            9C     66       VFNMADD132PS    Vx,Hx,Wx     W0
            9C     66       VFNMADD132PD    Vx,Hx,Wx     W1
            9D     66       VFNMADD132SS    Vd,Hd,Wd     W0
            9D     66       VFNMADD132SD    Vq,Hq,Wq     W1
            9E     66       VFNMSUB132PS    Vx,Hx,Wx     W0
            9E     66       VFNMSUB132PD    Vx,Hx,Wx     W1
            9F     66       VFNMSUB132SS    Vd,Hd,Wd     W0
            9F     66       VFNMSUB132SD    Vq,Hq,Wq     W1
            A6     66       VFMADDSUB213PS  Vx,Hx,Wx     W0
            A6     66       VFMADDSUB213PD  Vx,Hx,Wx     W1
            A7     66       VFMSUBADD213PS  Vx,Hx,Wx     W0
            A7     66       VFMSUBADD213PD  Vx,Hx,Wx     W1
            A8     66       VFMADD213PS     Vx,Hx,Wx     W0
            A8     66       VFMADD213PD     Vx,Hx,Wx     W1
            A9     66       VFMADD213SS     Vd,Hd,Wd     W0
            A9     66       VFMADD213SD     Vq,Hq,Wq     W1
            AA     66       VFMSUB213PS     Vx,Hx,Wx     W0
            AA     66       VFMSUB213PD     Vx,Hx,Wx     W1
            AB     66       VFMSUB213SS     Vd,Hd,Wd     W0
            AB     66       VFMSUB213SD     Vq,Hq,Wq     W1
            AC     66       VFNMADD213PS    Vx,Hx,Wx     W0
            AC     66       VFNMADD213PD    Vx,Hx,Wx     W1
            AD     66       VFNMADD213SS    Vd,Hd,Wd     W0
            AD     66       VFNMADD213SD    Vq,Hq,Wq     W1
            AE     66       VFNMSUB213PS    Vx,Hx,Wx     W0
            AE     66       VFNMSUB213PD    Vx,Hx,Wx     W1
            AF     66       VFNMSUB213SS    Vd,Hd,Wd     W0
            AF     66       VFNMSUB213SD    Vq,Hq,Wq     W1
            B6     66       VFMADDSUB231PS  Vx,Hx,Wx     W0
            B6     66       VFMADDSUB231PD  Vx,Hx,Wx     W1
            B7     66       VFMSUBADD231PS  Vx,Hx,Wx     W0
            B7     66       VFMSUBADD231PD  Vx,Hx,Wx     W1
            B8     66       VFMADD231PS     Vx,Hx,Wx     W0
            B8     66       VFMADD231PD     Vx,Hx,Wx     W1
            B9     66       VFMADD231SS     Vd,Hd,Wd     W0
            B9     66       VFMADD231SD     Vq,Hq,Wq     W1
            BA     66       VFMSUB231PS     Vx,Hx,Wx     W0
            BA     66       VFMSUB231PD     Vx,Hx,Wx     W1
            BB     66       VFMSUB231SS     Vd,Hd,Wd     W0
            BB     66       VFMSUB231SD     Vq,Hq,Wq     W1
            BC     66       VFNMADD231PS    Vx,Hx,Wx     W0
            BC     66       VFNMADD231PD    Vx,Hx,Wx     W1
            BD     66       VFNMADD231SS    Vd,Hd,Wd     W0
            BD     66       VFNMADD231SD    Vq,Hq,Wq     W1
            BE     66       VFNMSUB231PS    Vx,Hx,Wx     W0
            BE     66       VFNMSUB231PD    Vx,Hx,Wx     W1
            BF     66       VFNMSUB231SS    Vd,Hd,Wd     W0
            BF     66       VFNMSUB231SD    Vq,Hq,Wq     W1
            F2     -        ANDN            Gy,By,Ey     L0
            F3/1   -        BLSR            By,Ey        L0
            F3/2   -        BLSMSK          By,Ey        L0
            F3/3   -        BLSI            By,Ey        L0
            F5     -        BZHI            Gy,Ey,By     L0
            F5     F3       PEXT            Gy,By,Ey     L0
            F5     F2       PDEP            Gy,By,Ey     L0
            F6     F2       MULX            Gy,By,Ey     L0
            F7     -        BEXTR           Gy,Ey,By     L0
            F7     66       SHLX            Gy,Ey,By     L0
            F7     F3       SARX            Gy,Ey,By     L0
            F7     F2       SHRX            Gy,Ey,By     L0
            """;

    private VexMap0F38() {}
}
