package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.Msr;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which bits of CR0, CR3, CR4 and EFER may be set, in long mode. */
class ControlRegisterTest {
    private static final String SET_CR0 = "0F22C0", SET_CR3 = "0F22D8", SET_CR4 = "0F22E0", SET_MSR = "0F30";

    private final TestMachine machine = TestMachine.nested();
    private final VcpuState state = machine.state;

    @AfterEach
    void close() {
        machine.close();
    }

    private boolean isRefused(String code) {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.code(CODE, code + "F4");
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        return state.rip == HANDLERS + 16 * 13 + 1;
    }

    @Test
    void cr0IgnoresItsUndefinedBitsButTheUpperHalf() {
        long cr0 = state.cr0;
        for (int bit = 0; bit < 64; bit++) {
            state.cr0 = cr0;
            state.gpr[RAX] = cr0 | 1L << bit;
            boolean bad = bit >= 32 || bit == 29; // NW without CD
            assertThat(isRefused(SET_CR0)).as("bit %d", bit).isEqualTo(bad);
            assertThat(state.cr0).as("bit %d", bit).isEqualTo(bad ? cr0 : (cr0 | 1L << bit) & Cr0.DEFINED);
        }
    }

    @Test
    void cr3HasNoBitsAboveThePhysicalAddress() {
        long cr3 = state.cr3;
        for (int bit = 0; bit < 64; bit++) {
            if (bit >= 12 && bit < CpuFeatures.PHYSICAL_ADDRESS_BITS) {
                continue;
            }
            state.gpr[RAX] = cr3 | 1L << bit;
            assertThat(isRefused(SET_CR3)).as("bit %d", bit).isEqualTo(bit >= CpuFeatures.PHYSICAL_ADDRESS_BITS);
            assertThat(state.cr3).isEqualTo(bit < 12 ? cr3 | 1L << bit : cr3);
            state.cr3 = cr3;
        }
    }

    /** Those of CpuFeatures and of PagingFeatures, with the rules of their own that these have. */
    @Test
    void cr4HasNoBitsOfFeaturesThatAreNotOffered() {
        long cr4 = state.cr4;
        long offered = CpuFeatures.CR4 | PagingFeatures.OFFERED.cr4();
        for (int bit = 0; bit < 64; bit++) {
            state.cr4 = cr4;
            state.gpr[RAX] = cr4 | 1L << bit;
            boolean refused = (offered >>> bit & 1) == 0 || 1L << bit == Cr4.FIVE_LEVEL;
            assertThat(isRefused(SET_CR4)).as("bit %d", bit).isEqualTo(refused);
            assertThat(state.cr4).as("bit %d", bit).isEqualTo(refused ? cr4 : cr4 | 1L << bit);
        }
        assertThat(offered & (Cr4.USER_MODE_INSTRUCTION_PREVENTION | Cr4.FSGSBASE | Cr4.MACHINE_CHECK))
                .isZero();
    }

    @Test
    void eferHasFourBitsAndLongModeActiveIsGivenAsItIs() {
        long efer = state.efer;
        long known = Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
        for (int bit = 0; bit < 64; bit++) {
            state.efer = efer;
            long value = efer ^ 1L << bit;
            state.gpr[RCX] = Msr.EFER;
            state.gpr[RAX] = value & 0xFFFF_FFFFL;
            state.gpr[RDX] = value >>> 32;
            boolean changesMode = 1L << bit == Efer.LONG_MODE_ENABLE || 1L << bit == Efer.LONG_MODE_ACTIVE;
            boolean refused = (known >>> bit & 1) == 0 || changesMode;
            assertThat(isRefused(SET_MSR)).as("bit %d", bit).isEqualTo(refused);
            assertThat(state.efer).as("bit %d", bit).isEqualTo(refused ? efer : value);
        }
    }
}
