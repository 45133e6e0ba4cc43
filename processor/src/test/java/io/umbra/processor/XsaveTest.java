package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** XSAVE, XSAVEOPT, XRSTOR: layout, header, what takes part, what is refused. */
class XsaveTest {
    private static final String XSAVE = "0fae23", XSAVEOPT = "0fae33", XRSTOR = "0fae2b";
    private static final int NOTHING = -1;
    private static final long AREA = Workbench.BASE, BITS = AREA + 512, UPPER = AREA + 576;
    private static final long MARK = 0x5A5A_5A5A_5A5A_5A5AL;

    private final Workbench bench = bench(64);
    private final VcpuState state = bench.state;

    private static Workbench bench(int mode) {
        Workbench bench = new Workbench(mode).withTlb();
        bench.state.cr0 = Cr0.PROTECTION;
        bench.state.cr4 = Cr4.XSAVE;
        bench.state.xcr0 = 7;
        bench.state.gpr[VcpuState.RAX] = -1;
        bench.state.gpr[VcpuState.RDX] = -1;
        bench.state.gpr[VcpuState.RBX] = AREA;
        return bench;
    }

    @AfterEach
    void close() {
        bench.close();
    }

    private void mark() {
        for (long at = AREA; at < AREA + 1024; at += 8) {
            bench.put(at, 8, MARK);
        }
    }

    private void clearHeader() {
        for (long at = BITS; at < UPPER; at += 8) {
            bench.put(at, 8, 0);
        }
    }

    private void fillRegisters(Workbench target) {
        for (int half = 0; half < 32; half++) {
            target.state.xmm[half] = 0x100L + half;
            target.state.ymmHigh[half] = 0x200L + half;
        }
    }

    @Test
    void componentsLieWhereCpuidSays() {
        fillRegisters(bench);
        mark();
        bench.put(BITS, 8, 0);
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(NOTHING);
        assertThat(bench.get(AREA, 2)).isEqualTo(0x37F);
        assertThat(bench.get(AREA + 24, 4)).isEqualTo(0x1F80);
        CpuFeatures.Leaf avx = CpuFeatures.cpuid(0xD, 2, 0);
        for (int half = 0; half < 32; half++) {
            assertThat(bench.get(AREA + 160 + 8L * half, 8)).isEqualTo(0x100L + half);
            assertThat(bench.get(AREA + avx.ebx() + 8L * half, 8)).isEqualTo(0x200L + half);
        }
        assertThat(bench.get(BITS, 8)).as("XSTATE_BV").isEqualTo(6);
        assertThat(bench.get(BITS + 8, 8)).as("the rest of the header").isEqualTo(MARK);
        assertThat(bench.get(AREA + CpuFeatures.cpuid(0xD, 0, state).ebx(), 8)).isEqualTo(MARK);
    }

    @Test
    void onlyWhatIsAskedForTakesPart() {
        fillRegisters(bench);
        mark();
        state.gpr[VcpuState.RAX] = 4;
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(NOTHING);
        assertThat(bench.get(AREA, 8)).isEqualTo(MARK);
        assertThat(bench.get(AREA + 160, 8)).isEqualTo(MARK);
        assertThat(bench.get(AREA + 24, 4)).as("MXCSR goes with AVX").isEqualTo(0x1F80);
        assertThat(bench.get(UPPER, 8)).isEqualTo(0x200);
        assertThat(bench.get(BITS, 8)).isEqualTo(MARK & ~4L | 4);
    }

    @Test
    void whatIsNotInUseIsSavedByXsaveAndLeftOutByXsaveopt() {
        mark();
        bench.put(BITS, 8, 7);
        assertThat(bench.vectorOf(XSAVEOPT)).isEqualTo(NOTHING);
        assertThat(bench.get(BITS, 8)).isZero();
        assertThat(bench.get(AREA + 160, 8)).isEqualTo(MARK);
        assertThat(bench.get(UPPER, 8)).isEqualTo(MARK);
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(NOTHING);
        assertThat(bench.get(BITS, 8)).isZero();
        assertThat(bench.get(AREA + 160, 8)).isZero();
        assertThat(bench.get(UPPER, 8)).isZero();
    }

    @Test
    void aComponentWithoutItsBitIsReset() {
        fillRegisters(bench);
        mark();
        clearHeader();
        bench.put(AREA + 24, 4, 0x3F80);
        bench.put(BITS, 8, 4);
        state.x87Control = 0x27F;
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(NOTHING);
        assertThat(state.ymmHigh).containsOnly(MARK);
        assertThat(state.xmm).containsOnly(0);
        assertThat(state.x87Control).isEqualTo(0x37F);
        assertThat(state.mxcsr).as("loaded whatever the bits say").isEqualTo(0x3F80);
        assertThat(ExtendedState.inUse(state)).isEqualTo(4);
    }

    @Test
    void keyRightsAreSavedAndRestored() {
        state.xcr0 = 0x201;
        state.pkru = 0x5555_5554;
        mark();
        bench.put(BITS, 8, 0);
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(NOTHING);
        assertThat(bench.get(AREA + CpuFeatures.cpuid(0xD, 9, 0).ebx(), 8)).isEqualTo(0x5555_5554);
        assertThat(bench.get(BITS, 8)).isEqualTo(0x200);
        clearHeader();
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(NOTHING);
        assertThat(state.pkru).isZero();
        bench.put(BITS, 8, 0x200);
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(NOTHING);
        assertThat(state.pkru).isEqualTo(0x5555_5554);
    }

    @Test
    void aBadAreaIsRefusedBeforeAnythingIsLoaded() {
        fillRegisters(bench);
        mark();
        clearHeader();
        bench.put(AREA + 24, 4, 0x1F80);
        for (long[] bad : new long[][] {{0, 8}, {0, 1L << 63}, {8, 1}, {8, 1L << 63}, {16, 1}}) {
            bench.put(BITS + bad[0], 8, bad[1]);
            assertThat(bench.vectorOf(XRSTOR)).isEqualTo(Vector.GENERAL_PROTECTION);
            bench.put(BITS + bad[0], 8, 0);
        }
        bench.put(AREA + 24, 4, 0x1_0000);
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(Vector.GENERAL_PROTECTION);
        bench.put(AREA + 24, 4, 0x1F80);
        state.gpr[VcpuState.RBX] = AREA + 16;
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(Vector.GENERAL_PROTECTION);
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(Vector.GENERAL_PROTECTION);
        assertThat(state.xmm[0]).isEqualTo(0x100);
        assertThat(state.ymmHigh[31]).isEqualTo(0x21F);
        state.gpr[VcpuState.RBX] = AREA;
        bench.put(BITS + 24, 8, 1);
        assertThat(bench.vectorOf(XRSTOR)).as("bytes behind 23 do not count").isEqualTo(NOTHING);
    }

    @Test
    void anAbsentSecondPageSavesAndRestoresNothing() {
        fillRegisters(bench);
        state.gpr[VcpuState.RBX] = bench.end - 576;
        byte[] before = bench.contents();
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(Vector.PAGE_FAULT);
        assertThat(bench.contents()).isEqualTo(before);
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(Vector.PAGE_FAULT);
        assertThat(state.xmm[0]).isEqualTo(0x100);
    }

    @Test
    void controlRegistersDecideFirst() {
        state.gpr[VcpuState.RBX] = bench.end + 1;
        state.cr0 |= Cr0.TASK_SWITCHED;
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(Vector.DEVICE_NOT_AVAILABLE);
        state.cr4 = Cr4.FXSAVE;
        assertThat(bench.vectorOf(XSAVE)).isEqualTo(Vector.INVALID_OPCODE);
        assertThat(bench.vectorOf(XRSTOR)).isEqualTo(Vector.INVALID_OPCODE);
    }

    @Test
    void outside64BitModeThereAreEightRegisters() {
        try (Workbench narrow = bench(32)) {
            fillRegisters(narrow);
            narrow.put(AREA + 160 + 128, 8, MARK);
            assertThat(narrow.vectorOf(XSAVE)).isEqualTo(NOTHING);
            assertThat(narrow.get(AREA + 160 + 120, 8)).isEqualTo(0x10F);
            assertThat(narrow.get(AREA + 160 + 128, 8)).isEqualTo(MARK);
            narrow.put(BITS, 8, 0);
            assertThat(narrow.vectorOf(XRSTOR)).isEqualTo(NOTHING);
            assertThat(Arrays.copyOf(narrow.state.ymmHigh, 16)).containsOnly(0);
            assertThat(narrow.state.ymmHigh[16]).isEqualTo(0x210);
        }
    }
}
