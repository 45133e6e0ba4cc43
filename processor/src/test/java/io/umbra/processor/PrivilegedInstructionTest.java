package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.PrivilegedInstruction.Operation;
import io.umbra.x86.Efer;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.Test;

class PrivilegedInstructionTest {
    private final VcpuState state = new VcpuState();

    PrivilegedInstructionTest() {
        state.efer = Efer.LONG_MODE_ACTIVE;
        state.segments[VcpuState.CS].attributes = SegmentRegister.LONG;
        state.rip = 0x1000;
        state.gpr[VcpuState.RDX] = 0x1_03F8;
        state.gpr[VcpuState.RBX] = 0x20;
        state.segments[VcpuState.GS].base = 0x1_0000;
    }

    private PrivilegedInstruction decoded(int... code) {
        byte[] bytes = new byte[code.length];
        for (int i = 0; i < code.length; i++) {
            bytes[i] = (byte) code[i];
        }
        PrivilegedInstruction instruction = PrivilegedInstruction.decode(bytes, state);
        assertThat(instruction).isNotNull();
        return java.util.Objects.requireNonNull(instruction);
    }

    @Test
    void movesOfControlAndDebugRegistersNameBoth() {
        PrivilegedInstruction write = decoded(0x41, 0x0F, 0x22, 0xDC); // MOV CR3, R12
        assertThat(write.operation()).isEqualTo(Operation.WRITE_CONTROL);
        assertThat(write.number()).isEqualTo(3);
        assertThat(write.register()).isEqualTo(12);
        assertThat(write.length()).isEqualTo(4);
        assertThat(decoded(0x0F, 0x21, 0xF8).operation()).isEqualTo(Operation.READ_DEBUG);
        assertThat(decoded(0x0F, 0x21, 0xF8).number()).isEqualTo(7);
    }

    @Test
    void portsComeFromDxOrTheInstruction() {
        assertThat(decoded(0xEC).number()).isEqualTo(0x3F8);
        assertThat(decoded(0xE7, 0x80).number()).isEqualTo(0x80);
        assertThat(decoded(0xE7, 0x80).size()).isEqualTo(4);
        PrivilegedInstruction string = decoded(0xF3, 0x65, 0x6E); // REP OUTSB from GS
        assertThat(string.operation()).isEqualTo(Operation.OUT_STRING);
        assertThat(string.repeats()).isTrue();
        assertThat(string.segment()).isEqualTo(VcpuState.GS);
    }

    @Test
    void theAddressOfInvlpgIsLinear() {
        assertThat(decoded(0x0F, 0x01, 0x7B, 0x08).linear()).isEqualTo(0x28);
        assertThat(decoded(0x65, 0x0F, 0x01, 0x3B).linear()).isEqualTo(0x1_0020);
        assertThat(decoded(0x0F, 0x01, 0x3D, 0x10, 0, 0, 0).linear()).isEqualTo(0x1017);
    }

    @Test
    void otherInstructionsAreNone() {
        assertThat(PrivilegedInstruction.decode(new byte[] {(byte) 0x90}, state))
                .isNull();
        assertThat(PrivilegedInstruction.decode(new byte[] {(byte) 0xF4}, state))
                .as("HLT")
                .isNull();
        assertThat(PrivilegedInstruction.decode(new byte[] {0x0F}, state))
                .as("cut off")
                .isNull();
        assertThat(PrivilegedInstruction.decode(new byte[0], state)).isNull();
    }
}
