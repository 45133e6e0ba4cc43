package io.umbra.tools.matrix;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.Paging;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.Cr0;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The slice that the suite plays is large enough to find defects: in a stand-in for the engine, and around the engine itself. */
class MatrixSensitivityTest {
    private static final long SEED = Long.getLong("umbra.seed", 20_240_901);
    /** Of one mode under one model, as in {@link AccessMatrixTest}. */
    private static final int SLICE = 13_000;

    private static long differences(MatrixMode mode, Supplier<? extends Subject> subjects) {
        AccessMatrix matrix = new AccessMatrix(mode);
        long[] slice = MatrixRun.sample(matrix, SLICE, SEED);
        return MatrixRun.cases(matrix, subjects, slice, cases -> {}).differences();
    }

    @ParameterizedTest
    @EnumSource
    void aPlantedDefectIsFound(PlantedDefect defect) {
        assertThat(differences(defect.mode(), () -> defect)).as("seed " + SEED).isPositive();
    }

    @ParameterizedTest
    @EnumSource
    void theDefinitionAgreesWithItself(MatrixMode mode) {
        assertThat(differences(mode, Definition::new)).isZero();
    }

    private static ShadowPolicy policy(String coherence) {
        return ShadowPolicy.DEFAULT.with(PolicyOption.COHERENCE, coherence).with(PolicyOption.POOL, "128");
    }

    @Test
    void anEngineThatIsNotToldOfEferIsFound() {
        assertThat(differences(
                        MatrixMode.FOUR_LEVEL, () -> new ShadowedGuest(MatrixMode.FOUR_LEVEL, policy("write-protect")) {
                            @Override
                            void tellOfEfer(Paging paging, long old) {}
                        }))
                .isPositive();
    }

    @Test
    void anEngineThatIsNotToldOfCr4IsFound() {
        assertThat(differences(MatrixMode.PAE, () -> new ShadowedGuest(MatrixMode.PAE, policy("out-of-sync")) {
                    @Override
                    void tell(Paging paging, int register, long old) {
                        if (register != 4) {
                            super.tell(paging, register, old);
                        }
                    }
                }))
                .isPositive();
    }

    @ParameterizedTest
    @EnumSource(names = {"TWO_LEVEL", "PAE", "FIVE_LEVEL"})
    void anEngineThatIsNotToldOfInvlpgIsFound(MatrixMode mode) {
        for (String coherence : new String[] {"strict-tlb", "out-of-sync"}) {
            assertThat(differences(mode, () -> new ShadowedGuest(mode, policy(coherence)) {
                        @Override
                        void tellOfInvalidation(Paging paging, long address) {}
                    }))
                    .as(coherence)
                    .isPositive();
        }
    }

    @Test
    void hardwareThatTakesImplicitAccessesForExplicitOnesIsFound() {
        assertThat(differences(
                        MatrixMode.TWO_LEVEL_PSE,
                        () -> new ShadowedGuest(MatrixMode.TWO_LEVEL_PSE, policy("write-protect")) {
                            @Override
                            ShadowHardware hardware(MachineMemory machineMemory, VcpuState vcpuState) {
                                return new ShadowHardware(machineMemory, vcpuState) {
                                    @Override
                                    public long translate(long address, int access) {
                                        return super.translate(address, access & ~PageFaultCode.IMPLICIT);
                                    }
                                };
                            }
                        }))
                .isPositive();
    }

    @Test
    void aProcessorThatIgnoresWriteProtectUnderNestedPagingIsFound() {
        assertThat(differences(MatrixMode.TWO_LEVEL, () -> new NestedGuest(MatrixMode.TWO_LEVEL) {
                    @Override
                    Hardware hardware(MachineMemory memory, VcpuState state) {
                        return new Walker(new SoftwareProcessor(state, memory)) {
                            @Override
                            public long translate(long linear, int access) {
                                long cr0 = state.cr0;
                                state.cr0 &= ~Cr0.WRITE_PROTECT;
                                long found = super.translate(linear, access);
                                state.cr0 = cr0;
                                return found;
                            }
                        };
                    }
                }))
                .isPositive();
    }

    @Test
    void anEngineThatMapsReadOnlyTablesWritableUnderNestedPagingIsFound() {
        assertThat(differences(MatrixMode.FOUR_LEVEL, () -> new NestedGuest(MatrixMode.FOUR_LEVEL) {
                    @Override
                    P2mType readOnly() {
                        return P2mType.RAM;
                    }
                }))
                .isPositive();
    }
}
