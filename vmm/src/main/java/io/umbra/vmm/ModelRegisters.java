package io.umbra.vmm;

import java.util.OptionalLong;
import java.util.Set;

/**
 * The model-specific registers that are not the architecture's own and that a processor of the advertised vendor and family has whatever CPUID says. They read as after a reset, and writes
 * are accepted without effect; every other register raises #GP.
 */
final class ModelRegisters {
    private static final int HARDWARE_CONFIGURATION = 0xC001_0015;
    /** In {@link #HARDWARE_CONFIGURATION}: the TSC counts at the rate of the P0 state, as an invariant TSC does. */
    private static final long TSC_FREQUENCY_SELECTED = 1L << 24;

    private static final int PATCH_LEVEL = 0x8B;
    /** Of this family and model, one in which VZEROUPPER does what it says: without it kernels warn of Zenbleed (CVE-2023-20593). */
    private static final long PATCH = 0x0830_107CL;

    private static final Set<Integer> INERT = Set.of(
            PATCH_LEVEL,
            0xC001_0010, // SYS_CFG
            0xC001_001A, // TOP_MEM
            0xC001_001D, // TOM2
            0xC001_001F, // NB_CFG
            0xC001_0055, // interrupt pending message
            0xC001_0140, // OSVW length
            0xC001_0141, // OSVW status
            0xC001_1020, // LS_CFG
            0xC001_1022, // DC_CFG
            0xC001_1023, // BU_CFG
            0xC001_1028, // FP_CFG
            0xC001_1029 // DE_CFG
            );

    /** Empty when the guest must get #GP. */
    static OptionalLong read(int index) {
        if (index == HARDWARE_CONFIGURATION) {
            return OptionalLong.of(TSC_FREQUENCY_SELECTED);
        }
        if (index == PATCH_LEVEL) {
            return OptionalLong.of(PATCH);
        }
        return INERT.contains(index) ? OptionalLong.of(0) : OptionalLong.empty();
    }

    /** Whether the register exists. */
    static boolean write(int index) {
        return index == HARDWARE_CONFIGURATION || INERT.contains(index);
    }

    private ModelRegisters() {}
}
