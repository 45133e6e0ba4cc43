package io.umbra.processor;

/** The VEX-coded opcodes of map 1, which are SSE's of the map behind 0F (SDM vol. 2D, table A-3). The columns are explained in {@link OpcodeMap}. */
final class VexMap0F {
    static final String ROWS = """
            10     -        MOVUPS          Vx,Wx
            10     66       MOVUPD          Vx,Wx
            10/m   F3       MOVSS           Vd,Md
            10/r   F3       MOVSS           Vd,Hd,Ud
            10/m   F2       MOVSD_SSE       Vq,Mq
            10/r   F2       MOVSD_SSE       Vq,Hq,Uq
            11     -        MOVUPS          Wx,Vx
            11     66       MOVUPD          Wx,Vx
            11/m   F3       MOVSS           Md,Vd
            11/r   F3       MOVSS           Ud,Hd,Vd
            11/m   F2       MOVSD_SSE       Mq,Vq
            11/r   F2       MOVSD_SSE       Uq,Hq,Vq
            12/m   -        MOVLPS          Vo,Ho,Mq     L0
            12/r   -        MOVHLPS         Vo,Ho,Uo     L0
            12     66       MOVLPD          Vo,Ho,Mq     L0
            12     F3       MOVSLDUP        Vx,Wx
            12     F2       MOVDDUP         Vo,Wq        L0
            12     F2       MOVDDUP         VY,WY        L1
            13     -        MOVLPS          Mq,Vq        L0
            13     66       MOVLPD          Mq,Vq        L0
            14     -        UNPCKLPS        Vx,Hx,Wx
            14     66       UNPCKLPD        Vx,Hx,Wx
            15     -        UNPCKHPS        Vx,Hx,Wx
            15     66       UNPCKHPD        Vx,Hx,Wx
            16/m   -        MOVHPS          Vo,Ho,Mq     L0
            16/r   -        MOVLHPS         Vo,Ho,Uo     L0
            16     66       MOVHPD          Vo,Ho,Mq     L0
            16     F3       MOVSHDUP        Vx,Wx
            17     -        MOVHPS          Mq,Vq        L0
            17     66       MOVHPD          Mq,Vq        L0
            28     -        MOVAPS          Vx,Wx
            28     66       MOVAPD          Vx,Wx
            29     -        MOVAPS          Wx,Vx
            29     66       MOVAPD          Wx,Vx
            2A     F3       CVTSI2SS        Vd,Hd,Ey
            2A     F2       CVTSI2SD        Vq,Hq,Ey
            2B     -        MOVNTPS         Mx,Vx
            2B     66       MOVNTPD         Mx,Vx
            2C     F3       CVTTSS2SI       Gy,Wd
            2C     F2       CVTTSD2SI       Gy,Wq
            2D     F3       CVTSS2SI        Gy,Wd
            2D     F2       CVTSD2SI        Gy,Wq
            2E     -        UCOMISS         Vd,Wd
            2E     66       UCOMISD         Vq,Wq
            2F     -        COMISS          Vd,Wd
            2F     66       COMISD          Vq,Wq
            50     -        MOVMSKPS        Gy,Ux
            50     66       MOVMSKPD        Gy,Ux
            51     -        SQRTPS          Vx,Wx
            51     66       SQRTPD          Vx,Wx
            51     F3       SQRTSS          Vd,Hd,Wd
            51     F2       SQRTSD          Vq,Hq,Wq
            52     -        RSQRTPS         Vx,Wx
            52     F3       RSQRTSS         Vd,Hd,Wd
            53     -        RCPPS           Vx,Wx
            53     F3       RCPSS           Vd,Hd,Wd
            54     -        ANDPS           Vx,Hx,Wx
            54     66       ANDPD           Vx,Hx,Wx
            55     -        ANDNPS          Vx,Hx,Wx
            55     66       ANDNPD          Vx,Hx,Wx
            56     -        ORPS            Vx,Hx,Wx
            56     66       ORPD            Vx,Hx,Wx
            57     -        XORPS           Vx,Hx,Wx
            57     66       XORPD           Vx,Hx,Wx
            58     -        ADDPS           Vx,Hx,Wx
            58     66       ADDPD           Vx,Hx,Wx
            58     F3       ADDSS           Vd,Hd,Wd
            58     F2       ADDSD           Vq,Hq,Wq
            59     -        MULPS           Vx,Hx,Wx
            59     66       MULPD           Vx,Hx,Wx
            59     F3       MULSS           Vd,Hd,Wd
            59     F2       MULSD           Vq,Hq,Wq
            5A     -        CVTPS2PD        Vx,Wh
            5A     66       CVTPD2PS        Vo,Wx
            5A     F3       CVTSS2SD        Vq,Hq,Wd
            5A     F2       CVTSD2SS        Vd,Hd,Wq
            5B     -        CVTDQ2PS        Vx,Wx
            5B     66       CVTPS2DQ        Vx,Wx
            5B     F3       CVTTPS2DQ       Vx,Wx
            5C     -        SUBPS           Vx,Hx,Wx
            5C     66       SUBPD           Vx,Hx,Wx
            5C     F3       SUBSS           Vd,Hd,Wd
            5C     F2       SUBSD           Vq,Hq,Wq
            5D     -        MINPS           Vx,Hx,Wx
            5D     66       MINPD           Vx,Hx,Wx
            5D     F3       MINSS           Vd,Hd,Wd
            5D     F2       MINSD           Vq,Hq,Wq
            5E     -        DIVPS           Vx,Hx,Wx
            5E     66       DIVPD           Vx,Hx,Wx
            5E     F3       DIVSS           Vd,Hd,Wd
            5E     F2       DIVSD           Vq,Hq,Wq
            5F     -        MAXPS           Vx,Hx,Wx
            5F     66       MAXPD           Vx,Hx,Wx
            5F     F3       MAXSS           Vd,Hd,Wd
            5F     F2       MAXSD           Vq,Hq,Wq
            60     66       PUNPCKLBW       Vx,Hx,Wx
            61     66       PUNPCKLWD       Vx,Hx,Wx
            62     66       PUNPCKLDQ       Vx,Hx,Wx
            63     66       PACKSSWB        Vx,Hx,Wx
            64     66       PCMPGTB         Vx,Hx,Wx
            65     66       PCMPGTW         Vx,Hx,Wx
            66     66       PCMPGTD         Vx,Hx,Wx
            67     66       PACKUSWB        Vx,Hx,Wx
            68     66       PUNPCKHBW       Vx,Hx,Wx
            69     66       PUNPCKHWD       Vx,Hx,Wx
            6A     66       PUNPCKHDQ       Vx,Hx,Wx
            6B     66       PACKSSDW        Vx,Hx,Wx
            6C     66       PUNPCKLQDQ      Vx,Hx,Wx
            6D     66       PUNPCKHQDQ      Vx,Hx,Wx
            6E     66       MOVD            Vo,Ey        W0 L0
            6E     66       MOVD            Vo,Ey        W1 L0 i64
            6E     66       MOVQ            Vo,Ey        W1 L0 o64
            6F     66       MOVDQA          Vx,Wx
            6F     F3       MOVDQU          Vx,Wx
            70     66       PSHUFD          Vx,Wx,Ib
            70     F3       PSHUFHW         Vx,Wx,Ib
            70     F2       PSHUFLW         Vx,Wx,Ib
            71/2   66       PSRLW           Hx,Ux,Ib
            71/4   66       PSRAW           Hx,Ux,Ib
            71/6   66       PSLLW           Hx,Ux,Ib
            72/2   66       PSRLD           Hx,Ux,Ib
            72/4   66       PSRAD           Hx,Ux,Ib
            72/6   66       PSLLD           Hx,Ux,Ib
            73/2   66       PSRLQ           Hx,Ux,Ib
            73/3   66       PSRLDQ          Hx,Ux,Ib
            73/6   66       PSLLQ           Hx,Ux,Ib
            73/7   66       PSLLDQ          Hx,Ux,Ib
            74     66       PCMPEQB         Vx,Hx,Wx
            75     66       PCMPEQW         Vx,Hx,Wx
            76     66       PCMPEQD         Vx,Hx,Wx
            77     -        VZEROUPPER      L0
            77     -        VZEROALL        L1
            7C     66       HADDPD          Vx,Hx,Wx
            7C     F2       HADDPS          Vx,Hx,Wx
            7D     66       HSUBPD          Vx,Hx,Wx
            7D     F2       HSUBPS          Vx,Hx,Wx
            7E     66       MOVD            Ey,Vo        W0 L0
            7E     66       MOVD            Ey,Vo        W1 L0 i64
            7E     66       MOVQ            Ey,Vo        W1 L0 o64
            7E     F3       MOVQ            Vq,Wq        L0
            7F     66       MOVDQA          Wx,Vx
            7F     F3       MOVDQU          Wx,Vx
            AE/2m  -        LDMXCSR         Md           L0
            AE/3m  -        STMXCSR         Md           L0
            C2     -        CMPPS           Vx,Hx,Wx,Ib
            C2     66       CMPPD           Vx,Hx,Wx,Ib
            C2     F3       CMPSS           Vd,Hd,Wd,Ib
            C2     F2       CMPSD_SSE       Vq,Hq,Wq,Ib
            C4     66       PINSRW          Vo,Ho,Ed:w,Ib L0
            C5     66       PEXTRW          Gd,Uo,Ib     L0
            C6     -        SHUFPS          Vx,Hx,Wx,Ib
            C6     66       SHUFPD          Vx,Hx,Wx,Ib
            D0     66       ADDSUBPD        Vx,Hx,Wx
            D0     F2       ADDSUBPS        Vx,Hx,Wx
            D1     66       PSRLW           Vx,Hx,Wo
            D2     66       PSRLD           Vx,Hx,Wo
            D3     66       PSRLQ           Vx,Hx,Wo
            D4     66       PADDQ           Vx,Hx,Wx
            D5     66       PMULLW          Vx,Hx,Wx
            D6     66       MOVQ            Wq,Vq        L0
            D7     66       PMOVMSKB        Gy,Ux
            D8     66       PSUBUSB         Vx,Hx,Wx
            D9     66       PSUBUSW         Vx,Hx,Wx
            DA     66       PMINUB          Vx,Hx,Wx
            DB     66       PAND            Vx,Hx,Wx
            DC     66       PADDUSB         Vx,Hx,Wx
            DD     66       PADDUSW         Vx,Hx,Wx
            DE     66       PMAXUB          Vx,Hx,Wx
            DF     66       PANDN           Vx,Hx,Wx
            E0     66       PAVGB           Vx,Hx,Wx
            E1     66       PSRAW           Vx,Hx,Wo
            E2     66       PSRAD           Vx,Hx,Wo
            E3     66       PAVGW           Vx,Hx,Wx
            E4     66       PMULHUW         Vx,Hx,Wx
            E5     66       PMULHW          Vx,Hx,Wx
            E6     66       CVTTPD2DQ       Vo,Wx
            E6     F3       CVTDQ2PD        Vx,Wh
            E6     F2       CVTPD2DQ        Vo,Wx
            E7     66       MOVNTDQ         Mx,Vx
            E8     66       PSUBSB          Vx,Hx,Wx
            E9     66       PSUBSW          Vx,Hx,Wx
            EA     66       PMINSW          Vx,Hx,Wx
            EB     66       POR             Vx,Hx,Wx
            EC     66       PADDSB          Vx,Hx,Wx
            ED     66       PADDSW          Vx,Hx,Wx
            EE     66       PMAXSW          Vx,Hx,Wx
            EF     66       PXOR            Vx,Hx,Wx
            F0     F2       LDDQU           Vx,Mx
            F1     66       PSLLW           Vx,Hx,Wo
            F2     66       PSLLD           Vx,Hx,Wo
            F3     66       PSLLQ           Vx,Hx,Wo
            F4     66       PMULUDQ         Vx,Hx,Wx
            F5     66       PMADDWD         Vx,Hx,Wx
            F6     66       PSADBW          Vx,Hx,Wx
            F7     66       MASKMOVDQU      Vo,Uo        L0
            F8     66       PSUBB           Vx,Hx,Wx
            F9     66       PSUBW           Vx,Hx,Wx
            FA     66       PSUBD           Vx,Hx,Wx
            FB     66       PSUBQ           Vx,Hx,Wx
            FC     66       PADDB           Vx,Hx,Wx
            FD     66       PADDW           Vx,Hx,Wx
            FE     66       PADDD           Vx,Hx,Wx
            """;

    private VexMap0F() {}
}
