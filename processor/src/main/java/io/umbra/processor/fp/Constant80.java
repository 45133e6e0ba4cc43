package io.umbra.processor.fp;

/** The constants that the x87 loads, rounded as RC says (Intel SDM vol. 1, 8.3.8). */
public enum Constant80 {
    /** FLD1. */
    ONE(0x8000_0000_0000_0000L, 0x3fff, 0),
    /** FLDL2T. */
    LOG2_OF_10(0xd49a_784b_cd1b_8afeL, 0x4000, 0x492b_f6ff_4daf_db4cL),
    /** FLDL2E. */
    LOG2_OF_E(0xb8aa_3b29_5c17_f0bbL, 0x3fff, 0xbe87_fed0_691d_3e88L),
    /** FLDPI. */
    PI(0xc90f_daa2_2168_c234L, 0x4000, 0xc4c6_628b_80dc_1cd1L),
    /** FLDLG2. */
    LOG10_OF_2(0x9a20_9a84_fbcf_f798L, 0x3ffd, 0x8f89_59ac_0b7c_9178L),
    /** FLDLN2. */
    LN_OF_2(0xb172_17f7_d1cf_79abL, 0x3ffe, 0xc9e3_b398_03f2_f6afL),
    /** FLDZ. */
    ZERO(0, 0, 0);

    private final long significand;
    private final int exponent;
    private final long below;

    Constant80(long significand, int exponent, long below) {
        this.significand = significand;
        this.exponent = exponent;
        this.below = below;
    }

    /** Loads the constant; raises nothing. */
    void load(Float80 destination, FloatEnvironment env) {
        env.roundedUp = false;
        boolean away = env.roundsAway(false, (significand & 1) != 0, below);
        destination.set(significand + (away ? 1 : 0), exponent);
    }
}
