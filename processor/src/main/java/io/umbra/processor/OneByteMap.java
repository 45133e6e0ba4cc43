package io.umbra.processor;

/** The one-byte opcodes, without prefixes, escapes and the x87 (SDM vol. 2D, table A-2). The columns are explained in {@link OpcodeMap}. */
final class OneByteMap {
    static final String ROWS = """
            00     *        ADD         Eb,Gb       lock
            01     *        ADD         Ev,Gv       lock
            02     *        ADD         Gb,Eb
            03     *        ADD         Gv,Ev
            04     *        ADD         AL,Ib
            05     *        ADD         rAX,sIz
            06     *        PUSH_SEG    ES          i64
            07     *        POP_SEG     ES          i64
            08     *        OR          Eb,Gb       lock
            09     *        OR          Ev,Gv       lock
            0A     *        OR          Gb,Eb
            0B     *        OR          Gv,Ev
            0C     *        OR          AL,Ib
            0D     *        OR          rAX,sIz
            0E     *        PUSH_SEG    CS          i64
            10     *        ADC         Eb,Gb       lock
            11     *        ADC         Ev,Gv       lock
            12     *        ADC         Gb,Eb
            13     *        ADC         Gv,Ev
            14     *        ADC         AL,Ib
            15     *        ADC         rAX,sIz
            16     *        PUSH_SEG    SS          i64
            17     *        POP_SEG     SS          i64
            18     *        SBB         Eb,Gb       lock
            19     *        SBB         Ev,Gv       lock
            1A     *        SBB         Gb,Eb
            1B     *        SBB         Gv,Ev
            1C     *        SBB         AL,Ib
            1D     *        SBB         rAX,sIz
            1E     *        PUSH_SEG    DS          i64
            1F     *        POP_SEG     DS          i64
            20     *        AND         Eb,Gb       lock
            21     *        AND         Ev,Gv       lock
            22     *        AND         Gb,Eb
            23     *        AND         Gv,Ev
            24     *        AND         AL,Ib
            25     *        AND         rAX,sIz
            27     *        DAA                     i64
            28     *        SUB         Eb,Gb       lock
            29     *        SUB         Ev,Gv       lock
            2A     *        SUB         Gb,Eb
            2B     *        SUB         Gv,Ev
            2C     *        SUB         AL,Ib
            2D     *        SUB         rAX,sIz
            2F     *        DAS                     i64
            30     *        XOR         Eb,Gb       lock
            31     *        XOR         Ev,Gv       lock
            32     *        XOR         Gb,Eb
            33     *        XOR         Gv,Ev
            34     *        XOR         AL,Ib
            35     *        XOR         rAX,sIz
            37     *        AAA                     i64
            38     *        CMP         Eb,Gb
            39     *        CMP         Ev,Gv
            3A     *        CMP         Gb,Eb
            3B     *        CMP         Gv,Ev
            3C     *        CMP         AL,Ib
            3D     *        CMP         rAX,sIz
            3F     *        AAS                     i64
            40-47  *        INC         Zv          i64
            48-4F  *        DEC         Zv          i64
            50-57  *        PUSH        Zv          d64
            58-5F  *        POP         Zv          d64
            60     *        PUSHA                   i64
            61     *        POPA                    i64
            62     *        BOUND       Gv,Ma       i64
            63     *        ARPL        Ew,Gw       i64
            63     *        MOVSXD      Gv,Ed       o64
            68     *        PUSH        sIz         d64
            69     *        IMUL        Gv,Ev,sIz
            6A     *        PUSH        sIb         d64
            6B     *        IMUL        Gv,Ev,sIb
            6C     *        INS                     byte
            6D     *        INS                     max4
            6E     *        OUTS                    byte
            6F     *        OUTS                    max4
            70-7F  *        JCC         Jb          d64
            80/0   *        ADD         Eb,Ib       lock
            80/1   *        OR          Eb,Ib       lock
            80/2   *        ADC         Eb,Ib       lock
            80/3   *        SBB         Eb,Ib       lock
            80/4   *        AND         Eb,Ib       lock
            80/5   *        SUB         Eb,Ib       lock
            80/6   *        XOR         Eb,Ib       lock
            80/7   *        CMP         Eb,Ib
            81/0   *        ADD         Ev,sIz      lock
            81/1   *        OR          Ev,sIz      lock
            81/2   *        ADC         Ev,sIz      lock
            81/3   *        SBB         Ev,sIz      lock
            81/4   *        AND         Ev,sIz      lock
            81/5   *        SUB         Ev,sIz      lock
            81/6   *        XOR         Ev,sIz      lock
            81/7   *        CMP         Ev,sIz
            82/0   *        ADD         Eb,Ib       lock i64
            82/1   *        OR          Eb,Ib       lock i64
            82/2   *        ADC         Eb,Ib       lock i64
            82/3   *        SBB         Eb,Ib       lock i64
            82/4   *        AND         Eb,Ib       lock i64
            82/5   *        SUB         Eb,Ib       lock i64
            82/6   *        XOR         Eb,Ib       lock i64
            82/7   *        CMP         Eb,Ib       i64
            83/0   *        ADD         Ev,sIb      lock
            83/1   *        OR          Ev,sIb      lock
            83/2   *        ADC         Ev,sIb      lock
            83/3   *        SBB         Ev,sIb      lock
            83/4   *        AND         Ev,sIb      lock
            83/5   *        SUB         Ev,sIb      lock
            83/6   *        XOR         Ev,sIb      lock
            83/7   *        CMP         Ev,sIb
            84     *        TEST        Eb,Gb
            85     *        TEST        Ev,Gv
            86     *        XCHG        Eb,Gb       lock
            87     *        XCHG        Ev,Gv       lock
            88     *        MOV         Eb,Gb
            89     *        MOV         Ev,Gv
            8A     *        MOV         Gb,Eb
            8B     *        MOV         Gv,Ev
            8C     *        MOV_SEG     Ev:w,Sw
            8D     *        LEA         Gv,M0
            8E     *        MOV_SEG     Sw,Ew
            8F/0   *        POP         Ev          d64
            90     -,66,F2  NOP
            90     F3       PAUSE
            91-97  *        XCHG        Zv,rAX
            98     *        CBW
            99     *        CWD
            9A     *        CALL_FAR    Ap          i64
            9B     *        FWAIT
            9C     *        PUSHF                   d64
            9D     *        POPF                    d64
            9E     *        SAHF
            9F     *        LAHF
            A0     *        MOV         AL,Ob
            A1     *        MOV         rAX,Ov
            A2     *        MOV         Ob,AL
            A3     *        MOV         Ov,rAX
            A4     *        MOVS                    byte
            A5     *        MOVS
            A6     *        CMPS                    byte
            A7     *        CMPS
            A8     *        TEST        AL,Ib
            A9     *        TEST        rAX,sIz
            AA     *        STOS                    byte
            AB     *        STOS
            AC     *        LODS                    byte
            AD     *        LODS
            AE     *        SCAS                    byte
            AF     *        SCAS
            B0-B7  *        MOV         Zb,Ib
            B8-BF  *        MOV         Zv,Iv
            C0/0   *        ROL         Eb,Ib
            C0/1   *        ROR         Eb,Ib
            C0/2   *        RCL         Eb,Ib
            C0/3   *        RCR         Eb,Ib
            C0/4   *        SHL         Eb,Ib
            C0/5   *        SHR         Eb,Ib
            C0/6   *        SHL         Eb,Ib
            C0/7   *        SAR         Eb,Ib
            C1/0   *        ROL         Ev,Ib
            C1/1   *        ROR         Ev,Ib
            C1/2   *        RCL         Ev,Ib
            C1/3   *        RCR         Ev,Ib
            C1/4   *        SHL         Ev,Ib
            C1/5   *        SHR         Ev,Ib
            C1/6   *        SHL         Ev,Ib
            C1/7   *        SAR         Ev,Ib
            C2     *        RET_NEAR    Iw          d64
            C3     *        RET_NEAR                d64
            C4     *        LES         Gz,Mp       i64
            C5     *        LDS         Gz,Mp       i64
            C6/0   *        MOV         Eb,Ib
            C7/0   *        MOV         Ev,sIz
            C8     *        ENTER       Iw,Ib       d64
            C9     *        LEAVE                   d64
            CA     *        RET_FAR     Iw
            CB     *        RET_FAR
            CC     *        INT3
            CD     *        INT         Ib
            CE     *        INTO                    i64
            CF     *        IRET
            D0/0   *        ROL         Eb,1
            D0/1   *        ROR         Eb,1
            D0/2   *        RCL         Eb,1
            D0/3   *        RCR         Eb,1
            D0/4   *        SHL         Eb,1
            D0/5   *        SHR         Eb,1
            D0/6   *        SHL         Eb,1
            D0/7   *        SAR         Eb,1
            D1/0   *        ROL         Ev,1
            D1/1   *        ROR         Ev,1
            D1/2   *        RCL         Ev,1
            D1/3   *        RCR         Ev,1
            D1/4   *        SHL         Ev,1
            D1/5   *        SHR         Ev,1
            D1/6   *        SHL         Ev,1
            D1/7   *        SAR         Ev,1
            D2/0   *        ROL         Eb,CL
            D2/1   *        ROR         Eb,CL
            D2/2   *        RCL         Eb,CL
            D2/3   *        RCR         Eb,CL
            D2/4   *        SHL         Eb,CL
            D2/5   *        SHR         Eb,CL
            D2/6   *        SHL         Eb,CL
            D2/7   *        SAR         Eb,CL
            D3/0   *        ROL         Ev,CL
            D3/1   *        ROR         Ev,CL
            D3/2   *        RCL         Ev,CL
            D3/3   *        RCR         Ev,CL
            D3/4   *        SHL         Ev,CL
            D3/5   *        SHR         Ev,CL
            D3/6   *        SHL         Ev,CL
            D3/7   *        SAR         Ev,CL
            D4     *        AAM         Ib          i64
            D5     *        AAD         Ib          i64
            D6     *        SALC                    i64
            D7     *        XLAT
            E0     *        LOOPNE      Jb          d64
            E1     *        LOOPE       Jb          d64
            E2     *        LOOP        Jb          d64
            E3     *        JCXZ        Jb          d64
            E4     *        IN          AL,Ib
            E5     *        IN          eAX,Ib      max4
            E6     *        OUT         Ib,AL
            E7     *        OUT         Ib,eAX      max4
            E8     *        CALL_NEAR   Jz          d64
            E9     *        JMP_NEAR    Jz          d64
            EA     *        JMP_FAR     Ap          i64
            EB     *        JMP_NEAR    Jb          d64
            EC     *        IN          AL,DX
            ED     *        IN          eAX,DX      max4
            EE     *        OUT         DX,AL
            EF     *        OUT         DX,eAX      max4
            F1     *        INT1
            F4     *        HLT
            F5     *        CMC
            F6/0   *        TEST        Eb,Ib
            F6/1   *        TEST        Eb,Ib
            F6/2   *        NOT         Eb          lock
            F6/3   *        NEG         Eb          lock
            F6/4   *        MUL         Eb
            F6/5   *        IMUL        Eb
            F6/6   *        DIV         Eb
            F6/7   *        IDIV        Eb
            F7/0   *        TEST        Ev,sIz
            F7/1   *        TEST        Ev,sIz
            F7/2   *        NOT         Ev          lock
            F7/3   *        NEG         Ev          lock
            F7/4   *        MUL         Ev
            F7/5   *        IMUL        Ev
            F7/6   *        DIV         Ev
            F7/7   *        IDIV        Ev
            F8     *        CLC
            F9     *        STC
            FA     *        CLI
            FB     *        STI
            FC     *        CLD
            FD     *        STD
            FE/0   *        INC         Eb          lock
            FE/1   *        DEC         Eb          lock
            FF/0   *        INC         Ev          lock
            FF/1   *        DEC         Ev          lock
            FF/2   *        CALL_NEAR   Ev          d64
            FF/3   *        CALL_FAR    Mp
            FF/4   *        JMP_NEAR    Ev          d64
            FF/5   *        JMP_FAR     Mp
            FF/6   *        PUSH        Ev          d64
            """;

    private OneByteMap() {}
}
