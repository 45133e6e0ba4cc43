package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** When VEX-coded instructions fault, and that nothing has happened then. */
class VexFaultTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int NOTHING = -1;
    private static final long ABSENT = Workbench.BASE + Workbench.BYTES;
    private static final String VMOVAPS_LOAD = "c5fc2800", VMOVUPS_LOAD = "c5fc1000", VMOVUPS_STORE = "c5fc1100";
    private static final String VPADDB = "c5f5fc00",
            VPADDB_128 = "c5f1fc00",
            VADDSS = "c5f258c2",
            VZEROUPPER = "c5f877";
    private static final String VMASKMOVPS_LOAD = "c4e2752c00", VMASKMOVPS_STORE = "c4e2752e00";
    private static final String VLDMXCSR = "c5f8ae10", ANDN = "c4e278f2c1", VGATHERDPS = "c4e26d920488";

    private final Workbench bench = bench(64);
    private final VcpuState state = bench.state;

    private static Workbench bench(int mode) {
        Workbench bench = new Workbench(mode).withTlb();
        bench.state.cr0 = Cr0.PROTECTION | Cr0.NUMERIC_ERROR;
        bench.state.cr4 = Cr4.XSAVE | Cr4.SIMD_EXCEPTIONS;
        bench.state.xcr0 = ExtendedState.X87 | ExtendedState.VECTORS;
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
    void theOperatingSystemMustHaveEnabledYmmRegisters() {
        for (String hex : new String[] {VMOVAPS_LOAD, VPADDB, VPADDB_128, VADDSS, VZEROUPPER, VLDMXCSR, VGATHERDPS}) {
            state.cr4 = Cr4.XSAVE;
            for (long xcr0 : new long[] {ExtendedState.X87, ExtendedState.X87 | ExtendedState.SSE}) {
                state.xcr0 = xcr0;
                assertThat(vectorAt(ABSENT + 8, hex)).as(hex).isEqualTo(Vector.INVALID_OPCODE);
            }
            state.xcr0 = ExtendedState.X87 | ExtendedState.VECTORS;
            state.cr4 = Cr4.FXSAVE;
            assertThat(vectorAt(ABSENT + 8, hex)).as(hex).isEqualTo(Vector.INVALID_OPCODE);
        }
        assertThat(bench.vectorOf(ANDN)).isEqualTo(NOTHING);
    }

    @Test
    void taskSwitchedStopsVectorsBeforeAnythingElseAndEmulationDoesNot() {
        state.cr0 |= Cr0.EMULATION;
        assertThat(bench.vectorOf(VADDSS)).isEqualTo(NOTHING);
        state.cr0 |= Cr0.TASK_SWITCHED;
        for (String hex :
                new String[] {VMOVAPS_LOAD, VPADDB, VADDSS, VZEROUPPER, VLDMXCSR, VMASKMOVPS_STORE, VGATHERDPS}) {
            assertThat(vectorAt(ABSENT + 8, hex)).as(hex).isEqualTo(Vector.DEVICE_NOT_AVAILABLE);
        }
        assertThat(bench.vectorOf(ANDN)).isEqualTo(NOTHING);
    }

    @Test
    void realAndVirtualModeHaveNoVex() {
        try (Workbench real = bench(16)) {
            assertThat(real.vectorOf(VADDSS)).isEqualTo(NOTHING);
            assertThat(real.vectorOf(ANDN)).isEqualTo(NOTHING);
            real.state.rflags |= RFlags.VIRTUAL_8086;
            assertThat(real.vectorOf(VADDSS)).isEqualTo(Vector.INVALID_OPCODE);
            real.state.rflags &= ~RFlags.VIRTUAL_8086;
            real.state.cr0 &= ~Cr0.PROTECTION;
            assertThat(real.vectorOf(VADDSS)).isEqualTo(Vector.INVALID_OPCODE);
            assertThat(real.vectorOf(ANDN)).isEqualTo(Vector.INVALID_OPCODE);
        }
    }

    @Test
    void onlyMovesThatSaySoNeedAlignedMemory() {
        assertThat(vectorAt(Workbench.BASE + 16, VMOVAPS_LOAD)).isEqualTo(Vector.GENERAL_PROTECTION);
        assertThat(vectorAt(ABSENT + 16, VMOVAPS_LOAD)).isEqualTo(Vector.GENERAL_PROTECTION);
        assertThat(vectorAt(Workbench.BASE + 32, VMOVAPS_LOAD)).isEqualTo(NOTHING);
        for (String hex : new String[] {VMOVUPS_LOAD, VMOVUPS_STORE, VPADDB, VPADDB_128}) {
            assertThat(vectorAt(Workbench.BASE + 4093, hex)).as(hex).isEqualTo(NOTHING);
        }
    }

    @Test
    void anAccessIntoAnAbsentSecondPageDoesNothing() {
        for (int inFirst = 1; inFirst < 32; inFirst++) {
            state.xmm[0] = state.xmm[1] = state.ymmHigh[0] = state.ymmHigh[1] = -1;
            assertThat(vectorAt(ABSENT - inFirst, VMOVUPS_STORE)).isEqualTo(Vector.PAGE_FAULT);
            assertThat(vectorAt(ABSENT - inFirst, VPADDB)).isEqualTo(Vector.PAGE_FAULT);
            assertThat(state.ymmHigh[1] & state.xmm[0]).isEqualTo(-1);
            for (int at = 8; at <= 32; at += 8) {
                assertThat(bench.get(ABSENT - at, 8)).isZero();
            }
        }
    }

    @Test
    void elementsThatAMaskLeavesOutDoNotFault() {
        Random random = new Random(SEED);
        for (int n = 0; n < 2000; n++) {
            for (int half = 0; half < 4; half++) {
                state.xmm[half] = random.nextLong();
                state.ymmHigh[half] = random.nextLong();
            }
            int inFirst = random.nextInt(40);
            int signs = 0;
            int absent = 0;
            for (int element = 0; element < 8; element++) {
                long half = (element < 4 ? state.xmm : state.ymmHigh)[2 + (element >> 1 & 1)];
                signs |= (int) (half >>> 32 * (element & 1) + 31 & 1) << element;
                absent |= 4 * element + 4 > inFirst ? 1 << element : 0;
            }
            byte[] before = bench.contents();
            long[] register = {state.xmm[0], state.xmm[1], state.ymmHigh[0], state.ymmHigh[1]};
            boolean faults = (signs & absent) != 0;
            assertThat(vectorAt(ABSENT - inFirst, VMASKMOVPS_STORE))
                    .as("seed %d case %d", SEED, n)
                    .isEqualTo(faults ? Vector.PAGE_FAULT : NOTHING);
            if (faults) {
                assertThat(bench.contents()).isEqualTo(before);
            }
            assertThat(vectorAt(ABSENT - inFirst, VMASKMOVPS_LOAD)).isEqualTo(faults ? Vector.PAGE_FAULT : NOTHING);
            long[] now = {state.xmm[0], state.xmm[1], state.ymmHigh[0], state.ymmHigh[1]};
            for (int element = 0; element < 8; element++) {
                long old = register[element / 2] >>> 32 * (element & 1) & 0xFFFF_FFFFL;
                long expected = faults || (signs >> element & 1) != 0 ? old : 0;
                assertThat(now[element / 2] >>> 32 * (element & 1) & 0xFFFF_FFFFL)
                        .as("seed %d case %d element %d", SEED, n, element)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void outside64BitModeOnlyEightRegistersAreCleared() {
        try (Workbench narrow = bench(32)) {
            Arrays.fill(narrow.state.ymmHigh, 5);
            assertThat(narrow.vectorOf(VZEROUPPER)).isEqualTo(NOTHING);
            assertThat(narrow.state.ymmHigh[15]).isZero();
            assertThat(narrow.state.ymmHigh[16]).isEqualTo(5);
        }
    }
}
