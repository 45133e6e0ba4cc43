package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What MMX and SSE instructions raise, in which order, and that they change nothing when they do. */
class VectorFaultTest {
    private static final long ABSENT = Workbench.BASE + Workbench.BYTES;
    private static final double SEVEN = 7, THREE = 3;
    private static final int NOTHING = -1;

    // Memory operands are [rax], [eax]; MASKMOV stores to [rdi].
    private static final String MOVAPS_LOAD = "0f2800",
            MOVAPS_STORE = "0f2900",
            MOVUPS_LOAD = "0f1000",
            MOVUPS_STORE = "0f1100";
    private static final String PADDB = "660ffc00", PADDB_MMX = "0ffc00", PXOR_MMX = "0fefc1", XORPS = "0f57c1";
    private static final String DIVSD = "f20f5ec1", DIVPD = "660f5ec1", LDMXCSR = "0fae10", STMXCSR = "0fae18";
    private static final String FXSAVE = "0fae00", FXRSTOR = "0fae08", MASKMOVDQU = "660ff7c1", MASKMOVQ = "0ff7c1";
    private static final String PCMPISTRI = "660f3a630000", CVTPI2PD = "660f2a00", EMMS = "0f77", DPPS = "660f3a40c1ff";
    private static final int DIVIDE = 1 << 2,
            INEXACT = 1 << 5,
            ALL_MASKED = 0x1F80,
            DIVIDE_UNMASKED = ALL_MASKED & ~(DIVIDE << 7);
    private static final int ES = 1 << 7, TOP_5 = 5 << 11;

    private final Workbench bench = bench(64);
    private final VcpuState state = bench.state;

    private static Workbench bench(int mode) {
        Workbench bench = new Workbench(mode).withTlb();
        bench.state.cr0 = Cr0.PROTECTION | Cr0.NUMERIC_ERROR;
        bench.state.cr4 = Cr4.FXSAVE | Cr4.SIMD_EXCEPTIONS;
        return bench;
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private int vectorAt(long linear, String hex) {
        state.gpr[VcpuState.RAX] = linear;
        return bench.vectorOf(hex);
    }

    @Test
    void misalignedOperandRaisesGeneralProtectionBeforeItsPageFaults() {
        for (String hex : new String[] {MOVAPS_LOAD, MOVAPS_STORE, PADDB}) {
            assertThat(vectorAt(ABSENT + 8, hex)).isEqualTo(Vector.GENERAL_PROTECTION);
            assertThat(vectorAt(ABSENT, hex)).isEqualTo(Vector.PAGE_FAULT);
            assertThat(vectorAt(Workbench.BASE + 8, hex)).isEqualTo(Vector.GENERAL_PROTECTION);
            assertThat(vectorAt(Workbench.BASE + 16, hex)).isEqualTo(NOTHING);
        }
    }

    @Test
    void operandsOfEightBytesAndThoseOfUnalignedMovesNeedNoAlignment() {
        for (String hex : new String[] {MOVUPS_LOAD, MOVUPS_STORE, PADDB_MMX, CVTPI2PD, PCMPISTRI}) {
            assertThat(vectorAt(Workbench.BASE + 1, hex)).isEqualTo(NOTHING);
        }
    }

    @Test
    void unalignedMoveCrossesPages() {
        long linear = Workbench.BASE + 4096 - 5;
        state.xmm[0] = 0x1122_3344_5566_7788L;
        state.xmm[1] = 0x99AA_BBCC_DDEE_FF00L;
        assertThat(vectorAt(linear, MOVUPS_STORE)).isEqualTo(NOTHING);
        assertThat(bench.get(linear, 8)).isEqualTo(0x1122_3344_5566_7788L);
        assertThat(bench.get(linear + 8, 8)).isEqualTo(0x99AA_BBCC_DDEE_FF00L);
        state.xmm[0] = 0;
        state.xmm[1] = 0;
        assertThat(vectorAt(linear, MOVUPS_LOAD)).isEqualTo(NOTHING);
        assertThat(state.xmm[0]).isEqualTo(0x1122_3344_5566_7788L);
        assertThat(state.xmm[1]).isEqualTo(0x99AA_BBCC_DDEE_FF00L);
    }

    @Test
    void storeIntoAnAbsentSecondPageWritesNothing() {
        for (int inFirst = 1; inFirst < 16; inFirst++) {
            state.xmm[0] = -1;
            state.xmm[1] = -1;
            assertThat(vectorAt(ABSENT - inFirst, MOVUPS_STORE)).isEqualTo(Vector.PAGE_FAULT);
            assertThat(bench.get(ABSENT - 16, 8) | bench.get(ABSENT - 8, 8)).isZero();
        }
    }

    @Test
    void loadFromAnAbsentSecondPageLeavesTheRegister() {
        state.xmm[0] = 5;
        state.xmm[1] = 6;
        assertThat(vectorAt(ABSENT - 8, MOVUPS_LOAD)).isEqualTo(Vector.PAGE_FAULT);
        assertThat(state.xmm[0]).isEqualTo(5);
        assertThat(state.xmm[1]).isEqualTo(6);
    }

    @Test
    void controlRegistersDecideBeforeAnythingElse() {
        state.cr0 |= Cr0.TASK_SWITCHED;
        for (String hex : new String[] {XORPS, PXOR_MMX, EMMS, MOVAPS_LOAD, PADDB_MMX, LDMXCSR, FXSAVE, FXRSTOR}) {
            assertThat(vectorAt(ABSENT + 8, hex)).as(hex).isEqualTo(Vector.DEVICE_NOT_AVAILABLE);
        }
        state.cr0 |= Cr0.EMULATION;
        for (String hex : new String[] {XORPS, PXOR_MMX, EMMS, MOVAPS_LOAD, PADDB_MMX, LDMXCSR}) {
            assertThat(vectorAt(ABSENT + 8, hex)).as(hex).isEqualTo(Vector.INVALID_OPCODE);
        }
        assertThat(vectorAt(ABSENT, FXSAVE)).isEqualTo(Vector.DEVICE_NOT_AVAILABLE);
    }

    @Test
    void withoutOsfxsrOnlyMmxIsThere() {
        state.cr4 = 0;
        for (String hex : new String[] {XORPS, MOVAPS_LOAD, LDMXCSR, STMXCSR, CVTPI2PD}) {
            assertThat(vectorAt(Workbench.BASE, hex)).as(hex).isEqualTo(Vector.INVALID_OPCODE);
        }
        assertThat(bench.vectorOf(PXOR_MMX)).isEqualTo(NOTHING);
    }

    @Test
    void waitingX87ExceptionStopsMmxButNotSse() {
        state.x87Status = ES;
        assertThat(bench.vectorOf(PXOR_MMX)).isEqualTo(Vector.FLOATING_POINT);
        assertThat(bench.vectorOf(EMMS)).isEqualTo(Vector.FLOATING_POINT);
        assertThat(bench.vectorOf(XORPS)).isEqualTo(NOTHING);
    }

    @Test
    void faultingMmxInstructionLeavesTheX87AsItWas() {
        state.x87Status = TOP_5;
        state.x87Empty = 0x5A;
        assertThat(vectorAt(ABSENT, PADDB_MMX)).isEqualTo(Vector.PAGE_FAULT);
        assertThat(state.x87Status).isEqualTo(TOP_5);
        assertThat(state.x87Empty).isEqualTo(0x5A);
        assertThat(vectorAt(Workbench.BASE, PADDB_MMX)).isEqualTo(NOTHING);
        assertThat(state.x87Status).isZero();
        assertThat(state.x87Empty).isZero();
        assertThat(state.x87SignExponent[0]).isEqualTo(0xFFFF);
    }

    @Test
    void unmaskedExceptionLeavesTheDestination() {
        state.xmm[0] = Double.doubleToRawLongBits(SEVEN);
        state.xmm[2] = 0;
        state.mxcsr = DIVIDE_UNMASKED;
        assertThat(bench.vectorOf(DIVSD)).isEqualTo(Vector.SIMD_FLOATING_POINT);
        assertThat(state.xmm[0]).isEqualTo(Double.doubleToRawLongBits(SEVEN));
        assertThat(state.mxcsr).isEqualTo(DIVIDE_UNMASKED | DIVIDE);
    }

    @Test
    void unmaskedExceptionIsAnInvalidOpcodeWithoutOsxmmexcpt() {
        state.cr4 = Cr4.FXSAVE;
        state.mxcsr = DIVIDE_UNMASKED;
        state.xmm[0] = Double.doubleToRawLongBits(SEVEN);
        assertThat(bench.vectorOf(DIVSD)).isEqualTo(Vector.INVALID_OPCODE);
    }

    @Test
    void stickyFlagAloneRaisesNothing() {
        state.mxcsr = DIVIDE_UNMASKED | DIVIDE;
        state.xmm[0] = Double.doubleToRawLongBits(SEVEN);
        state.xmm[2] = Double.doubleToRawLongBits(THREE);
        assertThat(bench.vectorOf(DIVSD)).isEqualTo(NOTHING);
        assertThat(Double.longBitsToDouble(state.xmm[0])).isEqualTo(SEVEN / THREE);
        assertThat(state.mxcsr).isEqualTo(DIVIDE_UNMASKED | DIVIDE | INEXACT);
    }

    @Test
    void unmaskedDivisionByZeroOfOneElementHidesTheInexactResultOfTheOther() {
        for (int zero = 0; zero < 2; zero++) {
            state.xmm[0] = Double.doubleToRawLongBits(SEVEN);
            state.xmm[1] = Double.doubleToRawLongBits(SEVEN);
            state.xmm[2] = Double.doubleToRawLongBits(THREE);
            state.xmm[3] = Double.doubleToRawLongBits(THREE);
            state.xmm[2 + zero] = 0;
            state.mxcsr = DIVIDE_UNMASKED;
            assertThat(bench.vectorOf(DIVPD)).isEqualTo(Vector.SIMD_FLOATING_POINT);
            assertThat(state.mxcsr).isEqualTo(DIVIDE_UNMASKED | DIVIDE);
            assertThat(state.xmm[1 - zero]).isEqualTo(Double.doubleToRawLongBits(SEVEN));
        }
    }

    @Test
    void dotProductStopsAtItsProducts() {
        int unmasked = ALL_MASKED & ~(1 << 7);
        long infinityAndOne = Float.floatToRawIntBits(Float.POSITIVE_INFINITY) | 0x3F80_0000L << 32;
        state.xmm[0] = infinityAndOne;
        state.xmm[1] = infinityAndOne;
        state.xmm[2] = 0;
        state.xmm[3] = 0;
        state.mxcsr = unmasked;
        assertThat(bench.vectorOf(DPPS)).isEqualTo(Vector.SIMD_FLOATING_POINT);
        assertThat(state.xmm[0]).isEqualTo(infinityAndOne);
        assertThat(state.mxcsr).isEqualTo(unmasked | 1);
    }

    @Test
    void reservedBitsOfMxcsrRaiseGeneralProtection() {
        for (int bit = 16; bit < 32; bit++) {
            bench.put(Workbench.BASE, 4, ALL_MASKED | 1L << bit);
            assertThat(vectorAt(Workbench.BASE, LDMXCSR)).isEqualTo(Vector.GENERAL_PROTECTION);
            bench.put(Workbench.BASE + 24, 4, ALL_MASKED | 1L << bit);
            bench.put(Workbench.BASE, 2, 0x0040);
            assertThat(vectorAt(Workbench.BASE, FXRSTOR)).isEqualTo(Vector.GENERAL_PROTECTION);
            assertThat(state.x87Control).isEqualTo(0x37F);
        }
        assertThat(state.mxcsr).isEqualTo(ALL_MASKED);
    }

    @Test
    void imageMustBeAlignedAndWhollyPresent() {
        for (String hex : new String[] {FXSAVE, FXRSTOR}) {
            assertThat(vectorAt(ABSENT + 8, hex)).isEqualTo(Vector.GENERAL_PROTECTION);
            state.mxcsr = ALL_MASKED | INEXACT;
            bench.put(ABSENT - 256 + 24, 4, ALL_MASKED);
            assertThat(vectorAt(ABSENT - 256, hex)).isEqualTo(Vector.PAGE_FAULT);
            assertThat(bench.get(ABSENT - 256, 2)).isZero();
            assertThat(state.mxcsr).isEqualTo(ALL_MASKED | INEXACT);
        }
    }

    @Test
    void imageHasNoSseStateWithoutOsfxsr() {
        state.cr4 = 0;
        state.xmm[0] = -1;
        bench.put(Workbench.BASE + 24, 8, 0x55);
        assertThat(vectorAt(Workbench.BASE, FXSAVE)).isEqualTo(NOTHING);
        assertThat(bench.get(Workbench.BASE, 2)).isEqualTo(0x37F);
        assertThat(bench.get(Workbench.BASE + 24, 8)).isEqualTo(0x55);
        assertThat(bench.get(Workbench.BASE + 160, 8)).isZero();
        assertThat(vectorAt(Workbench.BASE, FXRSTOR)).isEqualTo(NOTHING);
        assertThat(state.mxcsr).isEqualTo(ALL_MASKED);
        assertThat(state.xmm[0]).isEqualTo(-1);
    }

    @Test
    void imageHasEightRegistersOutsideLongMode() {
        try (Workbench legacy = bench(32)) {
            legacy.state.xmm[15] = 15;
            legacy.state.xmm[16] = 16;
            legacy.state.gpr[VcpuState.RAX] = Workbench.BASE;
            assertThat(legacy.vectorOf(FXSAVE)).isEqualTo(NOTHING);
            assertThat(legacy.get(Workbench.BASE + 160 + 8 * 15, 8)).isEqualTo(15);
            assertThat(legacy.get(Workbench.BASE + 160 + 8 * 16, 8)).isZero();
        }
    }

    @Test
    void maskedStoreTouchesOnlyWhatIsSelected() {
        state.xmm[0] = 0x8877_6655_4433_2211L;
        state.xmm[1] = 0x00FF_EEDD_CCBB_AA99L;
        state.xmm[2] = 0x8000_0000_0000_0080L;
        state.xmm[3] = 0x0000_0000_0000_0080L;
        state.gpr[VcpuState.RDI] = ABSENT - 9;
        assertThat(bench.vectorOf(MASKMOVDQU)).isEqualTo(NOTHING);
        assertThat(bench.get(ABSENT - 9, 8)).isEqualTo(0x8800_0000_0000_0011L);
        assertThat(bench.get(ABSENT - 1, 1)).isEqualTo(0x99);
    }

    @Test
    void maskedStoreThatFaultsStoresNothing() {
        state.xmm[0] = -1;
        state.xmm[1] = -1;
        state.xmm[2] = -1;
        state.xmm[3] = -1;
        state.gpr[VcpuState.RDI] = ABSENT - 9;
        assertThat(bench.vectorOf(MASKMOVDQU)).isEqualTo(Vector.PAGE_FAULT);
        assertThat(bench.get(ABSENT - 9, 8)).isZero();
    }

    @Test
    void emptyMaskStoresNothingAnywhere() {
        state.gpr[VcpuState.RDI] = ABSENT;
        assertThat(bench.vectorOf(MASKMOVDQU)).isEqualTo(NOTHING);
        assertThat(bench.vectorOf(MASKMOVQ)).isEqualTo(NOTHING);
    }

    @Test
    void segmentLimitHoldsForAllSixteenBytes() {
        try (Workbench legacy = bench(32)) {
            legacy.state.segments[VcpuState.DS].limit = Workbench.BASE + 0x1F;
            legacy.state.gpr[VcpuState.RAX] = Workbench.BASE + 0x10;
            assertThat(legacy.vectorOf(MOVUPS_STORE)).isEqualTo(NOTHING);
            legacy.state.gpr[VcpuState.RAX] = Workbench.BASE + 0x11;
            assertThat(legacy.vectorOf(MOVUPS_STORE)).isEqualTo(Vector.GENERAL_PROTECTION);
            assertThat(legacy.vectorOf(MOVUPS_LOAD)).isEqualTo(Vector.GENERAL_PROTECTION);
        }
    }

    @Test
    void emulationTakesTheSameWayThroughAPort() {
        try (Workbench port = new Workbench(64)) {
            port.state.cr4 = Cr4.FXSAVE;
            port.state.xmm[0] = 0x1111_2222_3333_4444L;
            port.state.xmm[1] = 0x5555_6666_7777_8888L;
            port.state.gpr[VcpuState.RAX] = Workbench.BASE + 32;
            assertThat(port.vectorOf(MOVAPS_STORE)).isEqualTo(NOTHING);
            assertThat(port.get(Workbench.BASE + 32, 8)).isEqualTo(0x1111_2222_3333_4444L);
            assertThat(port.get(Workbench.BASE + 40, 8)).isEqualTo(0x5555_6666_7777_8888L);
        }
    }
}
