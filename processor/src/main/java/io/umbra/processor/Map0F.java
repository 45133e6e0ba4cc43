package io.umbra.processor;

/** The two-byte opcodes, behind 0F (SDM vol. 2D, table A-3). The columns are explained in {@link OpcodeMap}. */
final class Map0F {
    static final String ROWS = """
            00/0   *        SLDT        Ev:w
            00/1   *        STR         Ev:w
            00/2   *        LLDT        Ew
            00/3   *        LTR         Ew
            00/4   *        VERR        Ew
            00/5   *        VERW        Ew
            01/0m  *        SGDT        Ms          n64
            01/0:1 -        VMCALL
            01/1m  *        SIDT        Ms          n64
            01/1:2 -        CLAC
            01/1:3 -        STAC
            01/2:0 -        XGETBV
            01/2:1 -        XSETBV
            01/2m  *        LGDT        Ms          n64
            01/3m  *        LIDT        Ms          n64
            01/3:1 *        VMMCALL
            01/4   *        SMSW        Ev:w
            01/6   *        LMSW        Ew
            01/5:6 -        RDPKRU
            01/5:7 -        WRPKRU
            01/7m  *        INVLPG      M0
            01/7:0 *        SWAPGS                  o64
            01/7:1 *        RDTSCP
            02     *        LAR         Gv,Ev:w
            03     *        LSL         Gv,Ev:w
            05     *        SYSCALL
            06     *        CLTS
            07     *        SYSRET
            08     *        INVD
            09     *        WBINVD
            0B     *        UD2
            0D/m   *        PREFETCHW   M0
            10     -        MOVUPS      Vo,Wo
            10     66       MOVUPD      Vo,Wo
            10     F3       MOVSS       Vd,Wd
            10     F2       MOVSD_SSE   Vq,Wq
            11     -        MOVUPS      Wo,Vo
            11     66       MOVUPD      Wo,Vo
            11     F3       MOVSS       Wd,Vd
            11     F2       MOVSD_SSE   Wq,Vq
            12/m   -        MOVLPS      Vq,Mq
            12/r   -        MOVHLPS     Vq,Uo
            12     66       MOVLPD      Vq,Mq
            12     F3       MOVSLDUP    Vo,Wo
            12     F2       MOVDDUP     Vo,Wq
            13     -        MOVLPS      Mq,Vq
            13     66       MOVLPD      Mq,Vq
            14     -        UNPCKLPS    Vo,Wo
            14     66       UNPCKLPD    Vo,Wo
            15     -        UNPCKHPS    Vo,Wo
            15     66       UNPCKHPD    Vo,Wo
            16/m   -        MOVHPS      Vq,Mq
            16/r   -        MOVLHPS     Vq,Uq
            16     66       MOVHPD      Vq,Mq
            16     F3       MOVSHDUP    Vo,Wo
            17     -        MOVHPS      Mq,Vq
            17     66       MOVHPD      Mq,Vq
            18-1F  *        NOP         Ev:0
            20     *        MOV_CR      Rn,Cn       native
            21     *        MOV_DR      Rn,Dn       native
            22     *        MOV_CR      Cn,Rn       native
            23     *        MOV_DR      Dn,Rn       native
            28     -        MOVAPS      Vo,Wo
            28     66       MOVAPD      Vo,Wo
            29     -        MOVAPS      Wo,Vo
            29     66       MOVAPD      Wo,Vo
            2A     -        CVTPI2PS    Vq,Qq
            2A     66       CVTPI2PD    Vo,Qq
            2A     F3       CVTSI2SS    Vd,Ey
            2A     F2       CVTSI2SD    Vq,Ey
            2B     -        MOVNTPS     Mo,Vo
            2B     66       MOVNTPD     Mo,Vo
            2C     -        CVTTPS2PI   Pq,Wq
            2C     66       CVTTPD2PI   Pq,Wo
            2C     F3       CVTTSS2SI   Gy,Wd
            2C     F2       CVTTSD2SI   Gy,Wq
            2D     -        CVTPS2PI    Pq,Wq
            2D     66       CVTPD2PI    Pq,Wo
            2D     F3       CVTSS2SI    Gy,Wd
            2D     F2       CVTSD2SI    Gy,Wq
            2E     -        UCOMISS     Vd,Wd
            2E     66       UCOMISD     Vq,Wq
            2F     -        COMISS      Vd,Wd
            2F     66       COMISD      Vq,Wq
            30     *        WRMSR
            31     *        RDTSC
            32     *        RDMSR
            33     *        RDPMC
            34     *        SYSENTER
            35     *        SYSEXIT
            40-4F  *        CMOVCC      Gv,Ev
            50     -        MOVMSKPS    Gy,Uo
            50     66       MOVMSKPD    Gy,Uo
            51     -        SQRTPS      Vo,Wo
            51     66       SQRTPD      Vo,Wo
            51     F3       SQRTSS      Vd,Wd
            51     F2       SQRTSD      Vq,Wq
            52     -        RSQRTPS     Vo,Wo
            52     F3       RSQRTSS     Vd,Wd
            53     -        RCPPS       Vo,Wo
            53     F3       RCPSS       Vd,Wd
            54     -        ANDPS       Vo,Wo
            54     66       ANDPD       Vo,Wo
            55     -        ANDNPS      Vo,Wo
            55     66       ANDNPD      Vo,Wo
            56     -        ORPS        Vo,Wo
            56     66       ORPD        Vo,Wo
            57     -        XORPS       Vo,Wo
            57     66       XORPD       Vo,Wo
            58     -        ADDPS       Vo,Wo
            58     66       ADDPD       Vo,Wo
            58     F3       ADDSS       Vd,Wd
            58     F2       ADDSD       Vq,Wq
            59     -        MULPS       Vo,Wo
            59     66       MULPD       Vo,Wo
            59     F3       MULSS       Vd,Wd
            59     F2       MULSD       Vq,Wq
            5A     -        CVTPS2PD    Vo,Wq
            5A     66       CVTPD2PS    Vo,Wo
            5A     F3       CVTSS2SD    Vq,Wd
            5A     F2       CVTSD2SS    Vd,Wq
            5B     -        CVTDQ2PS    Vo,Wo
            5B     66       CVTPS2DQ    Vo,Wo
            5B     F3       CVTTPS2DQ   Vo,Wo
            5C     -        SUBPS       Vo,Wo
            5C     66       SUBPD       Vo,Wo
            5C     F3       SUBSS       Vd,Wd
            5C     F2       SUBSD       Vq,Wq
            5D     -        MINPS       Vo,Wo
            5D     66       MINPD       Vo,Wo
            5D     F3       MINSS       Vd,Wd
            5D     F2       MINSD       Vq,Wq
            5E     -        DIVPS       Vo,Wo
            5E     66       DIVPD       Vo,Wo
            5E     F3       DIVSS       Vd,Wd
            5E     F2       DIVSD       Vq,Wq
            5F     -        MAXPS       Vo,Wo
            5F     66       MAXPD       Vo,Wo
            5F     F3       MAXSS       Vd,Wd
            5F     F2       MAXSD       Vq,Wq
            60     -        PUNPCKLBW   Pq,Qd
            60     66       PUNPCKLBW   Vo,Wo
            61     -        PUNPCKLWD   Pq,Qd
            61     66       PUNPCKLWD   Vo,Wo
            62     -        PUNPCKLDQ   Pq,Qd
            62     66       PUNPCKLDQ   Vo,Wo
            63     -        PACKSSWB    Pq,Qq
            63     66       PACKSSWB    Vo,Wo
            64     -        PCMPGTB     Pq,Qq
            64     66       PCMPGTB     Vo,Wo
            65     -        PCMPGTW     Pq,Qq
            65     66       PCMPGTW     Vo,Wo
            66     -        PCMPGTD     Pq,Qq
            66     66       PCMPGTD     Vo,Wo
            67     -        PACKUSWB    Pq,Qq
            67     66       PACKUSWB    Vo,Wo
            68     -        PUNPCKHBW   Pq,Qq
            68     66       PUNPCKHBW   Vo,Wo
            69     -        PUNPCKHWD   Pq,Qq
            69     66       PUNPCKHWD   Vo,Wo
            6A     -        PUNPCKHDQ   Pq,Qq
            6A     66       PUNPCKHDQ   Vo,Wo
            6B     -        PACKSSDW    Pq,Qq
            6B     66       PACKSSDW    Vo,Wo
            6C     66       PUNPCKLQDQ  Vo,Wo
            6D     66       PUNPCKHQDQ  Vo,Wo
            6E     -        MOVD        Pq,Ey       W0
            6E     -        MOVQ        Pq,Ey       W1
            6E     66       MOVD        Vo,Ey       W0
            6E     66       MOVQ        Vo,Ey       W1
            6F     -        MOVQ        Pq,Qq
            6F     66       MOVDQA      Vo,Wo
            6F     F3       MOVDQU      Vo,Wo
            70     -        PSHUFW      Pq,Qq,Ib
            70     66       PSHUFD      Vo,Wo,Ib
            70     F3       PSHUFHW     Vo,Wo,Ib
            70     F2       PSHUFLW     Vo,Wo,Ib
            71/2   -        PSRLW       Nq,Ib
            71/2   66       PSRLW       Uo,Ib
            71/4   -        PSRAW       Nq,Ib
            71/4   66       PSRAW       Uo,Ib
            71/6   -        PSLLW       Nq,Ib
            71/6   66       PSLLW       Uo,Ib
            72/2   -        PSRLD       Nq,Ib
            72/2   66       PSRLD       Uo,Ib
            72/4   -        PSRAD       Nq,Ib
            72/4   66       PSRAD       Uo,Ib
            72/6   -        PSLLD       Nq,Ib
            72/6   66       PSLLD       Uo,Ib
            73/2   -        PSRLQ       Nq,Ib
            73/2   66       PSRLQ       Uo,Ib
            73/3   66       PSRLDQ      Uo,Ib
            73/6   -        PSLLQ       Nq,Ib
            73/6   66       PSLLQ       Uo,Ib
            73/7   66       PSLLDQ      Uo,Ib
            74     -        PCMPEQB     Pq,Qq
            74     66       PCMPEQB     Vo,Wo
            75     -        PCMPEQW     Pq,Qq
            75     66       PCMPEQW     Vo,Wo
            76     -        PCMPEQD     Pq,Qq
            76     66       PCMPEQD     Vo,Wo
            77     -        EMMS
            7C     66       HADDPD      Vo,Wo
            7C     F2       HADDPS      Vo,Wo
            7D     66       HSUBPD      Vo,Wo
            7D     F2       HSUBPS      Vo,Wo
            7E     -        MOVD        Ey,Pq       W0
            7E     -        MOVQ        Ey,Pq       W1
            7E     66       MOVD        Ey,Vo       W0
            7E     66       MOVQ        Ey,Vo       W1
            7E     F3       MOVQ        Vq,Wq
            7F     -        MOVQ        Qq,Pq
            7F     66       MOVDQA      Wo,Vo
            7F     F3       MOVDQU      Wo,Vo
            80-8F  *        JCC         Jz          d64
            90-9F  *        SETCC       Eb
            A0     *        PUSH_SEG    FS          d64
            A1     *        POP_SEG     FS          d64
            A2     *        CPUID
            A3     *        BT          Ev,Gv
            A4     *        SHLD        Ev,Gv,Ib
            A5     *        SHLD        Ev,Gv,CL
            A8     *        PUSH_SEG    GS          d64
            A9     *        POP_SEG     GS          d64
            AB     *        BTS         Ev,Gv       lock
            AC     *        SHRD        Ev,Gv,Ib
            AD     *        SHRD        Ev,Gv,CL
            AE/0m  -        FXSAVE      MF
            AE/1m  -        FXRSTOR     MF
            AE/2m  -        LDMXCSR     Md
            AE/3m  -        STMXCSR     Md
            AE/4m  -        XSAVE       M0
            AE/5m  -        XRSTOR      M0
            AE/5r  -        LFENCE
            AE/6m  -        XSAVEOPT    M0
            AE/6r  -        MFENCE
            AE/7m  -        CLFLUSH     Mb
            AE/7r  -        SFENCE
            AF     *        IMUL        Gv,Ev
            B0     *        CMPXCHG     Eb,Gb       lock
            B1     *        CMPXCHG     Ev,Gv       lock
            B2     *        LSS         Gz,Mp
            B3     *        BTR         Ev,Gv       lock
            B4     *        LFS         Gz,Mp
            B5     *        LGS         Gz,Mp
            B6     *        MOVZX       Gv,Eb
            B7     *        MOVZX       Gv,Ew
            B8     F3       POPCNT      Gv,Ev
            B9     *        UD1         Gv,Ev:0
            BA/4   *        BT          Ev,Ib
            BA/5   *        BTS         Ev,Ib       lock
            BA/6   *        BTR         Ev,Ib       lock
            BA/7   *        BTC         Ev,Ib       lock
            BB     *        BTC         Ev,Gv       lock
            BC     -,66,F2  BSF         Gv,Ev
            BC     F3       TZCNT       Gv,Ev
            BD     -,66,F2  BSR         Gv,Ev
            BD     F3       LZCNT       Gv,Ev
            BE     *        MOVSX       Gv,Eb
            BF     *        MOVSX       Gv,Ew
            C0     *        XADD        Eb,Gb       lock
            C1     *        XADD        Ev,Gv       lock
            C2     -        CMPPS       Vo,Wo,Ib
            C2     66       CMPPD       Vo,Wo,Ib
            C2     F3       CMPSS       Vd,Wd,Ib
            C2     F2       CMPSD_SSE   Vq,Wq,Ib
            C3     -        MOVNTI      My,Gy
            C4     -        PINSRW      Pq,Ed:w,Ib
            C4     66       PINSRW      Vo,Ed:w,Ib
            C5     -        PEXTRW      Gd,Nq,Ib
            C5     66       PEXTRW      Gd,Uo,Ib
            C6     -        SHUFPS      Vo,Wo,Ib
            C6     66       SHUFPD      Vo,Wo,Ib
            C7/1m  *        CMPXCHG8B   Mq          W0 lock
            C7/1m  *        CMPXCHG16B  Mo          W1 lock
            C8-CF  *        BSWAP       Zv
            D0     66       ADDSUBPD    Vo,Wo
            D0     F2       ADDSUBPS    Vo,Wo
            D1     -        PSRLW       Pq,Qq
            D1     66       PSRLW       Vo,Wo
            D2     -        PSRLD       Pq,Qq
            D2     66       PSRLD       Vo,Wo
            D3     -        PSRLQ       Pq,Qq
            D3     66       PSRLQ       Vo,Wo
            D4     -        PADDQ       Pq,Qq
            D4     66       PADDQ       Vo,Wo
            D5     -        PMULLW      Pq,Qq
            D5     66       PMULLW      Vo,Wo
            D6     66       MOVQ        Wq,Vq
            D6     F3       MOVQ2DQ     Vo,Nq
            D6     F2       MOVDQ2Q     Pq,Uq
            D7     -        PMOVMSKB    Gy,Nq
            D7     66       PMOVMSKB    Gy,Uo
            D8     -        PSUBUSB     Pq,Qq
            D8     66       PSUBUSB     Vo,Wo
            D9     -        PSUBUSW     Pq,Qq
            D9     66       PSUBUSW     Vo,Wo
            DA     -        PMINUB      Pq,Qq
            DA     66       PMINUB      Vo,Wo
            DB     -        PAND        Pq,Qq
            DB     66       PAND        Vo,Wo
            DC     -        PADDUSB     Pq,Qq
            DC     66       PADDUSB     Vo,Wo
            DD     -        PADDUSW     Pq,Qq
            DD     66       PADDUSW     Vo,Wo
            DE     -        PMAXUB      Pq,Qq
            DE     66       PMAXUB      Vo,Wo
            DF     -        PANDN       Pq,Qq
            DF     66       PANDN       Vo,Wo
            E0     -        PAVGB       Pq,Qq
            E0     66       PAVGB       Vo,Wo
            E1     -        PSRAW       Pq,Qq
            E1     66       PSRAW       Vo,Wo
            E2     -        PSRAD       Pq,Qq
            E2     66       PSRAD       Vo,Wo
            E3     -        PAVGW       Pq,Qq
            E3     66       PAVGW       Vo,Wo
            E4     -        PMULHUW     Pq,Qq
            E4     66       PMULHUW     Vo,Wo
            E5     -        PMULHW      Pq,Qq
            E5     66       PMULHW      Vo,Wo
            E6     66       CVTTPD2DQ   Vo,Wo
            E6     F3       CVTDQ2PD    Vo,Wq
            E6     F2       CVTPD2DQ    Vo,Wo
            E7     -        MOVNTQ      Mq,Pq
            E7     66       MOVNTDQ     Mo,Vo
            E8     -        PSUBSB      Pq,Qq
            E8     66       PSUBSB      Vo,Wo
            E9     -        PSUBSW      Pq,Qq
            E9     66       PSUBSW      Vo,Wo
            EA     -        PMINSW      Pq,Qq
            EA     66       PMINSW      Vo,Wo
            EB     -        POR         Pq,Qq
            EB     66       POR         Vo,Wo
            EC     -        PADDSB      Pq,Qq
            EC     66       PADDSB      Vo,Wo
            ED     -        PADDSW      Pq,Qq
            ED     66       PADDSW      Vo,Wo
            EE     -        PMAXSW      Pq,Qq
            EE     66       PMAXSW      Vo,Wo
            EF     -        PXOR        Pq,Qq
            EF     66       PXOR        Vo,Wo
            F0     F2       LDDQU       Vo,Mo
            F1     -        PSLLW       Pq,Qq
            F1     66       PSLLW       Vo,Wo
            F2     -        PSLLD       Pq,Qq
            F2     66       PSLLD       Vo,Wo
            F3     -        PSLLQ       Pq,Qq
            F3     66       PSLLQ       Vo,Wo
            F4     -        PMULUDQ     Pq,Qq
            F4     66       PMULUDQ     Vo,Wo
            F5     -        PMADDWD     Pq,Qq
            F5     66       PMADDWD     Vo,Wo
            F6     -        PSADBW      Pq,Qq
            F6     66       PSADBW      Vo,Wo
            F7     -        MASKMOVQ    Pq,Nq
            F7     66       MASKMOVDQU  Vo,Uo
            F8     -        PSUBB       Pq,Qq
            F8     66       PSUBB       Vo,Wo
            F9     -        PSUBW       Pq,Qq
            F9     66       PSUBW       Vo,Wo
            FA     -        PSUBD       Pq,Qq
            FA     66       PSUBD       Vo,Wo
            FB     -        PSUBQ       Pq,Qq
            FB     66       PSUBQ       Vo,Wo
            FC     -        PADDB       Pq,Qq
            FC     66       PADDB       Vo,Wo
            FD     -        PADDW       Pq,Qq
            FD     66       PADDW       Vo,Wo
            FE     -        PADDD       Pq,Qq
            FE     66       PADDD       Vo,Wo
            FF     *        UD0         Gv,Ev:0
            """;

    private Map0F() {}
}
