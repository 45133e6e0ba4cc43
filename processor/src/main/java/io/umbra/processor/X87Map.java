package io.umbra.processor;

/** The x87 escapes D8 to DF, with the aliases that every processor executes but no manual lists (SDM vol. 2D, tables ). The columns are explained in {@link OpcodeMap}. */
final class X87Map {
    static final String ROWS = """
            D8/0   *        FADD        Md
            D8/0r  *        FADD        ST0,STi
            D8/1   *        FMUL        Md
            D8/1r  *        FMUL        ST0,STi
            D8/2   *        FCOM        Md
            D8/2r  *        FCOM        STi
            D8/3   *        FCOMP       Md
            D8/3r  *        FCOMP       STi
            D8/4   *        FSUB        Md
            D8/4r  *        FSUB        ST0,STi
            D8/5   *        FSUBR       Md
            D8/5r  *        FSUBR       ST0,STi
            D8/6   *        FDIV        Md
            D8/6r  *        FDIV        ST0,STi
            D8/7   *        FDIVR       Md
            D8/7r  *        FDIVR       ST0,STi
            D9/0   *        FLD         Md
            D9/0r  *        FLD         STi
            D9/1r  *        FXCH        STi
            D9/2   *        FST         Md
            D9/2:0 *        FNOP
            D9/3   *        FSTP        Md
            D9/3r  *        FSTP        STi
            D9/4   *        FLDENV      Me
            D9/4:0 *        FCHS
            D9/4:1 *        FABS
            D9/4:4 *        FTST
            D9/4:5 *        FXAM
            D9/5   *        FLDCW       Mw
            D9/5:0 *        FLD1
            D9/5:1 *        FLDL2T
            D9/5:2 *        FLDL2E
            D9/5:3 *        FLDPI
            D9/5:4 *        FLDLG2
            D9/5:5 *        FLDLN2
            D9/5:6 *        FLDZ
            D9/6   *        FNSTENV     Me
            D9/6:0 *        F2XM1
            D9/6:1 *        FYL2X
            D9/6:2 *        FPTAN
            D9/6:3 *        FPATAN
            D9/6:4 *        FXTRACT
            D9/6:5 *        FPREM1
            D9/6:6 *        FDECSTP
            D9/6:7 *        FINCSTP
            D9/7   *        FNSTCW      Mw
            D9/7:0 *        FPREM
            D9/7:1 *        FYL2XP1
            D9/7:2 *        FSQRT
            D9/7:3 *        FSINCOS
            D9/7:4 *        FRNDINT
            D9/7:5 *        FSCALE
            D9/7:6 *        FSIN
            D9/7:7 *        FCOS
            DA/0   *        FIADD       Md
            DA/0r  *        FCMOVB      ST0,STi
            DA/1   *        FIMUL       Md
            DA/1r  *        FCMOVE      ST0,STi
            DA/2   *        FICOM       Md
            DA/2r  *        FCMOVBE     ST0,STi
            DA/3   *        FICOMP      Md
            DA/3r  *        FCMOVU      ST0,STi
            DA/4   *        FISUB       Md
            DA/5   *        FISUBR      Md
            DA/5:1 *        FUCOMPP
            DA/6   *        FIDIV       Md
            DA/7   *        FIDIVR      Md
            DB/0   *        FILD        Md
            DB/0r  *        FCMOVNB     ST0,STi
            DB/1   *        FISTTP      Md
            DB/1r  *        FCMOVNE     ST0,STi
            DB/2   *        FIST        Md
            DB/2r  *        FCMOVNBE    ST0,STi
            DB/3   *        FISTP       Md
            DB/3r  *        FCMOVNU     ST0,STi
            DB/4:0 *        FNOP
            DB/4:1 *        FNOP
            DB/4:2 *        FNCLEX
            DB/4:3 *        FNINIT
            DB/4:4 *        FNOP
            DB/5   *        FLD         Mt
            DB/5r  *        FUCOMI      ST0,STi
            DB/6r  *        FCOMI       ST0,STi
            DB/7   *        FSTP        Mt
            DC/0   *        FADD        Mq
            DC/0r  *        FADD        STi,ST0
            DC/1   *        FMUL        Mq
            DC/1r  *        FMUL        STi,ST0
            DC/2   *        FCOM        Mq
            DC/2r  *        FCOM        STi
            DC/3   *        FCOMP       Mq
            DC/3r  *        FCOMP       STi
            DC/4   *        FSUB        Mq
            DC/4r  *        FSUBR       STi,ST0
            DC/5   *        FSUBR       Mq
            DC/5r  *        FSUB        STi,ST0
            DC/6   *        FDIV        Mq
            DC/6r  *        FDIVR       STi,ST0
            DC/7   *        FDIVR       Mq
            DC/7r  *        FDIV        STi,ST0
            DD/0   *        FLD         Mq
            DD/0r  *        FFREE       STi
            DD/1   *        FISTTP      Mq
            DD/1r  *        FXCH        STi
            DD/2   *        FST         Mq
            DD/2r  *        FST         STi
            DD/3   *        FSTP        Mq
            DD/3r  *        FSTP        STi
            DD/4   *        FRSTOR      Mf
            DD/4r  *        FUCOM       STi
            DD/5r  *        FUCOMP      STi
            DD/6   *        FNSAVE      Mf
            DD/7   *        FNSTSW      Mw
            DE/0   *        FIADD       Mw
            DE/0r  *        FADDP       STi,ST0
            DE/1   *        FIMUL       Mw
            DE/1r  *        FMULP       STi,ST0
            DE/2   *        FICOM       Mw
            DE/2r  *        FCOMP       STi
            DE/3   *        FICOMP      Mw
            DE/3:1 *        FCOMPP
            DE/4   *        FISUB       Mw
            DE/4r  *        FSUBRP      STi,ST0
            DE/5   *        FISUBR      Mw
            DE/5r  *        FSUBP       STi,ST0
            DE/6   *        FIDIV       Mw
            DE/6r  *        FDIVRP      STi,ST0
            DE/7   *        FIDIVR      Mw
            DE/7r  *        FDIVP       STi,ST0
            DF/0   *        FILD        Mw
            DF/0r  *        FFREEP      STi
            DF/1   *        FISTTP      Mw
            DF/1r  *        FXCH        STi
            DF/2   *        FIST        Mw
            DF/2r  *        FSTP        STi
            DF/3   *        FISTP       Mw
            DF/3r  *        FSTP        STi
            DF/4   *        FBLD        Mt
            DF/4:0 *        FNSTSW      AX
            DF/5   *        FILD        Mq
            DF/5r  *        FUCOMIP     ST0,STi
            DF/6   *        FBSTP       Mt
            DF/6r  *        FCOMIP      ST0,STi
            DF/7   *        FISTP       Mq
            """;

    private X87Map() {}
}
