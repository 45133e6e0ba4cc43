package io.umbra.processor;

import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.DS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.Test;

/** Real-address and protected mode, under a P2M, without paging unless the code turns it on. */
class LegacyModeTest extends LegacyFixture {
    @Test
    void realModeCodeEntersProtectedModeAndThenLongMode() {
        realMode(0x7000);
        code(
                0x7000,
                "fa 0f01160078 0f20c0 0c01 0f22c0 ea00000800" // cli; lgdt [0x7800]; PE; jmp 8:
                        + "66b81000 8ed8 8ed0 bc007c0000 6878563412 5b" // ds, ss, esp; push; pop ebx
                        + "0f20e0 83c820 0f22e0 b800900000 0f22d8" // CR4.PAE, CR3
                        + "b9800000c0 0f32 0d00010000 0f30 0f20c0 0d00000080 0f22c0" // EFER.LME, PG
                        + "ea000000001800 48b88877665544332211 50 59 f4");
        int protectedPart = 0x7000 + 19;
        int longPart = protectedPart + 68;
        write(0x7000 + 15, 2, protectedPart);
        write(longPart - 6, 4, longPart);
        write(0x7800, 2, 0x1F);
        write(0x7802, 4, 0x8000);
        write(0x8008, 8, 0x00CF_9B00_0000_FFFFL);
        write(0x8010, 8, 0x00CF_9300_0000_FFFFL);
        write(0x8018, 8, 0x00AF_9B00_0000_FFFFL);
        write(0x9000, 8, 0xA003);
        write(0xA000, 8, 0xB003);
        write(0xB000, 8, 0x83);

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.is64Bit()).isTrue();
        assertThat(state.gpr[RBX]).isEqualTo(0x1234_5678);
        assertThat(state.gpr[RCX]).isEqualTo(0x1122_3344_5566_7788L);
        assertThat(read(0x9000, 8)).isEqualTo(0xA023);
        assertThat(read(0xB000, 8)).isEqualTo(0xE3);
    }

    @Test
    void realModeInterruptsGoThroughTheVectorTable() {
        realMode(0x7000);
        code(0x7000, "CD21 F4");
        write(0x21 * 4, 4, 0x0050_0010);
        code(0x510, "B077 CF");
        write(0, 4, 0);

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.gpr[RAX]).isEqualTo(0x77);
        assertThat(state.rip).isEqualTo(0x7003);
        assertThat(state.segments[CS].base).isZero();
        assertThat(state.gpr[RSP]).isEqualTo(0x6000);
    }

    @Test
    void anInterruptFromUserModeSwitchesToTheStackOfTheTss() {
        protectedMode();
        userMode();
        code(CODE, "CD80 89E1 EBFE"); // int 0x80; mov ecx,esp; jmp $
        gate(0x80, 14, 3, HANDLER);
        code(HANDLER, "89E0 CF"); // mov eax,esp; iret

        machine.processor.run(4);
        assertThat(state.gpr[RAX]).isEqualTo(STACK - 20);
        assertThat(state.gpr[RCX]).isEqualTo(USER_STACK);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(read(STACK - 4, 4)).isEqualTo(0x23);
        assertThat(read(STACK - 8, 4)).isEqualTo(USER_STACK);
    }

    @Test
    void aCallGateCopiesParametersAndItsReturnReleasesThem() {
        protectedMode();
        userMode();
        write(GDT + 0x30, 8, 0x0012_EC01_0008_0000L); // DPL 3, one parameter, to 8:HANDLER
        code(CODE, "68 0D0C0B0A 9A 00000000 3300 89E1 EBFE"); // push; call 0x33:0; mov ecx,esp; jmp $
        code(HANDLER, "8B542408 CA0400"); // mov edx,[esp+8]; retf 4

        machine.processor.run(5);
        assertThat(state.gpr[RDX]).isEqualTo(0x0A0B_0C0D);
        assertThat(state.gpr[RCX]).isEqualTo(USER_STACK);
        assertThat(state.cpl).isEqualTo(3);
    }

    @Test
    void aTaskCalledSavesTheOldOneAndReturnsToIt() {
        protectedMode();
        write(GDT + 0x48, 8, 0x0000_8911_3000_0067L);
        code(CODE, "9A 00000000 4800 43 F4"); // call 0x48:0; inc ebx; hlt
        code(HANDLER, "B877000000 CF"); // mov eax,0x77; iret
        write(TASK_2 + 0x20, 4, HANDLER);
        write(TASK_2 + 0x24, 4, 2);
        write(TASK_2 + 0x38, 4, STACK_2);
        for (int i = 0; i < 6; i++) {
            write(TASK_2 + 0x48 + 4L * i, 2, i == 1 ? 8 : 0x10);
        }

        machine.processor.run(1);
        assertThat(state.rip).isEqualTo(HANDLER);
        assertThat(state.gpr[RSP]).isEqualTo(STACK_2);
        assertThat(state.rflags & RFlags.NESTED_TASK).isNotZero();
        assertThat(read(TASK_2, 2)).isEqualTo(0x28);
        assertThat(read(TASK + 0x20, 4)).isEqualTo(CODE + 7);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.gpr[RBX]).isEqualTo(1);
        assertThat(state.gpr[RAX]).isZero();
        assertThat(read(TASK_2 + 0x28, 4)).isEqualTo(0x77);
        assertThat(state.rflags & RFlags.NESTED_TASK).isZero();
        assertThat(read(GDT + 0x4D, 1)).isEqualTo(0x89);
        assertThat(read(GDT + 0x2D, 1)).isEqualTo(0x8B);
    }

    @Test
    void limitsAndTypesAreChecked() {
        protectedMode();
        gate(Vector.GENERAL_PROTECTION, 14, 0, HANDLER);
        code(CODE, "8B03");
        state.segments[DS].set(0x10, 0, 0xFFF, 0x493);
        state.gpr[RBX] = 0xFFD;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(read(state.gpr[RSP], 4)).isZero();
        assertThat(read(state.gpr[RSP] + 4, 4)).isEqualTo(CODE);

        state.rip = CODE;
        state.gpr[RBX] = 0xFFC;
        assertThat(machine.processor.run(1)).isEqualTo(new Exit.BudgetSpent());
        assertThat(state.rip).isEqualTo(CODE + 2);

        state.segments[DS].set(0x10, 0, 0xFFF, 0x497); // expand-down
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(HANDLER + 1);
        state.rip = CODE;
        state.gpr[RBX] = 0x1000;
        assertThat(machine.processor.run(1)).isEqualTo(new Exit.BudgetSpent());
        assertThat(state.rip).isEqualTo(CODE + 2);
    }

    @Test
    void codeBeyondTheLimitOfItsSegmentFaults() {
        protectedMode();
        gate(Vector.GENERAL_PROTECTION, 14, 0, HANDLER);
        code(CODE, "90 90 B801000000");
        state.segments[CS].limit = CODE + 3;

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(read(state.gpr[RSP] + 4, 4)).isEqualTo(CODE + 2);
    }

    @Test
    void aVirtual8086TaskIsEnteredByInterruptReturnAndLeftByAnInterrupt() {
        protectedMode();
        gate(0x20, 14, 3, HANDLER);
        code(CODE, "CF");
        code(0x7010, "8CC8 CD20"); // mov ax,cs; int 0x20
        long[] frame = {
            0x10, 0x700, RFlags.VIRTUAL_8086 | RFlags.IO_PRIVILEGE | 2, 0x80, 0x600, 0x111, 0x222, 0x333, 0x444
        };
        state.gpr[RSP] = STACK - 4L * frame.length;
        for (int i = 0; i < frame.length; i++) {
            write(state.gpr[RSP] + 4L * i, 4, frame[i]);
        }

        machine.processor.run(2);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.gpr[RAX]).isEqualTo(0x700);
        assertThat(state.segments[DS].base).isEqualTo(0x2220);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.cpl).isZero();
        assertThat(state.segments[DS].isUsable()).isFalse();
        assertThat(read(STACK - 4, 4)).isEqualTo(0x444);
        assertThat(read(STACK - 36, 4)).isEqualTo(0x14);
    }
}
