package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.loader.EntryState;
import io.umbra.x86.Cr0;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.Test;

class EntryRegistersTest {
    private final VcpuState state = new VcpuState();

    private void assertProtectedMode(int codeSelector, int dataSelector) {
        assertThat(state.cr0).isEqualTo(Cr0.PROTECTION | Cr0.EXTENSION_TYPE);
        assertThat(state.cr4).isZero();
        assertThat(state.efer).isZero();
        assertThat(state.rflags).isEqualTo(RFlags.ALWAYS_ONE);
        for (int index = 0; index < state.segments.length; index++) {
            SegmentRegister segment = state.segments[index];
            assertThat(segment.base).isZero();
            assertThat(segment.limit).isEqualTo(0xffff_ffffL);
            assertThat(segment.selector).isEqualTo(index == VcpuState.CS ? codeSelector : dataSelector);
        }
    }

    /** Linux Documentation/arch/x86/boot.rst, "32-bit Boot Protocol". */
    @Test
    void linuxStartsWithItsSegmentsAndTheZeroPageInEsi() {
        EntryRegisters.set(state, new EntryState.Linux32(0x100_0000, 0x7000, 0x8ff0, 0x500, 0x1f));
        assertProtectedMode(0x10, 0x18);
        assertThat(state.rip).isEqualTo(0x100_0000);
        assertThat(state.gdtBase).isEqualTo(0x500);
        assertThat(state.gdtLimit).isEqualTo(0x1f);
        for (int register = 0; register < 16; register++) {
            long expected = register == VcpuState.RSI ? 0x7000 : register == VcpuState.RSP ? 0x8ff0 : 0;
            assertThat(state.gpr[register]).as("register %d", register).isEqualTo(expected);
        }
    }

    /** Multiboot specification 0.6.96, section 3.2. */
    @Test
    void multibootStartsWithItsMagicInEaxAndTheInformationInEbx() {
        EntryRegisters.set(state, new EntryState.Multiboot(0x10_0010, 0x9000));
        assertProtectedMode(0x08, 0x10);
        assertThat(state.rip).isEqualTo(0x10_0010);
        assertThat(state.gpr[VcpuState.RAX]).isEqualTo(0x2bad_b002L);
        assertThat(state.gpr[VcpuState.RBX]).isEqualTo(0x9000);
    }
}
