package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a hypervisor needs that has its own IDT and LSTAR in force: every way in leaves the guest, and the way back is IRETQ's. */
class DeprivilegedTest {
    private final TestMachine machine = TestMachine.shadow();
    private final VcpuState state = machine.state;

    @BeforeEach
    void enterRing3() {
        machine.processor.intercept(Intercepts.DEPRIVILEGED);
        assertThat(enter(TestMachine.USER_CODE, TestMachine.USER_SPACE, TestMachine.USER_DATA))
                .isNull();
    }

    @AfterEach
    void close() {
        machine.close();
    }

    private Emulation.Raised enter(int code, long rip, int stack) {
        return machine.processor.enterGuest(
                code, rip, RFlags.INTERRUPT | RFlags.CARRY | RFlags.ALWAYS_ONE, stack, TestMachine.USER_SPACE + 0x1800);
    }

    private Exit run(String code) {
        machine.code(TestMachine.USER_SPACE, code);
        return machine.processor.run(100);
    }

    @Test
    void theGuestIsEnteredWithItsSegmentsAndFlags() {
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.rip).isEqualTo(TestMachine.USER_SPACE);
        assertThat(state.gpr[VcpuState.RSP]).isEqualTo(TestMachine.USER_SPACE + 0x1800);
        assertThat(state.segments[VcpuState.CS].selector).isEqualTo(TestMachine.USER_CODE);
        assertThat(state.rflags & (RFlags.INTERRUPT | RFlags.CARRY)).isEqualTo(RFlags.INTERRUPT | RFlags.CARRY);
    }

    @Test
    void systemCallsLeaveBeforeTheInstruction() {
        state.gpr[VcpuState.RCX] = 5;
        assertThat(run("90 0F05")).isEqualTo(new Exit.SystemCall(2));
        assertThat(state.rip).isEqualTo(TestMachine.USER_SPACE + 1);
        assertThat(state.gpr[VcpuState.RCX]).isEqualTo(5);
        assertThat(state.instructions).isEqualTo(1);
        machine.processor.retire(2);
        assertThat(state.rip).isEqualTo(TestMachine.USER_SPACE + 3);
        assertThat(state.instructions).isEqualTo(2);
    }

    @Test
    void softwareInterruptsLeaveBeforeTheInstructionWhateverTheIdtSays() {
        assertThat(run("CD80"))
                .isEqualTo(new Exit.SoftwareInterrupt(new Event(Event.Kind.SOFTWARE_INTERRUPT, 0x80, 0, 2)));
        assertThat(state.rip).isEqualTo(TestMachine.USER_SPACE);
        assertThat(run("CC"))
                .isEqualTo(
                        new Exit.SoftwareInterrupt(new Event(Event.Kind.SOFTWARE_EXCEPTION, Vector.BREAKPOINT, 0, 1)));
    }

    @Test
    void privilegedInstructionsLeaveAsExceptions() {
        assertThat(run("FA")).isEqualTo(new Exit.Exception(Event.exception(Vector.GENERAL_PROTECTION, 0), null));
        assertThat(run("0F0B")).isEqualTo(new Exit.Exception(Event.exception(Vector.INVALID_OPCODE, 0), null));
    }

    @Test
    void anEntryThatIsRefusedChangesNothing() {
        long rip = state.rip;
        Emulation.Raised raised = enter(0x53, 0x1234, TestMachine.USER_DATA);
        assertThat(raised).isNotNull();
        assertThat(raised.event()).isEqualTo(Event.exception(Vector.GENERAL_PROTECTION, 0x50));
        assertThat(enter(TestMachine.USER_CODE, 1L << 60, TestMachine.USER_DATA))
                .isNotNull();
        assertThat(enter(TestMachine.USER_CODE, 0x1234, TestMachine.USER_CODE)).isNotNull();
        assertThat(state.rip).isEqualTo(rip);
        assertThat(state.segments[VcpuState.CS].selector).isEqualTo(TestMachine.USER_CODE);
    }

    @Test
    void segmentsAreLoadedThroughTheTables() {
        assertThat(machine.processor.loadSegment(VcpuState.GS, TestMachine.USER_DATA))
                .isNull();
        assertThat(state.segments[VcpuState.GS].selector).isEqualTo(TestMachine.USER_DATA);
        assertThat(machine.processor.loadSegment(VcpuState.GS, TestMachine.KERNEL_DATA))
                .isNotNull();
        assertThat(state.segments[VcpuState.GS].selector).isEqualTo(TestMachine.USER_DATA);
    }
}
