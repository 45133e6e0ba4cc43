package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.STACK_0;
import static io.umbra.processor.TestMachine.STACK_IST;
import static io.umbra.processor.TestMachine.USER_SPACE;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.Intercepts;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EventDeliveryTest {
    private final TestMachine machine = TestMachine.native64();
    private final VcpuState state = machine.state;

    @AfterEach
    void close() {
        machine.close();
    }

    @Test
    void aSoftwareInterruptFromUserModeSwitchesStacksAndReturns() {
        machine.userMode();
        machine.code(USER_SPACE, "CD80 90 F4"); // int 0x80; nop; hlt
        machine.gateTo(0x80, 3, 0, HANDLERS);
        machine.code(HANDLERS, "89E0 48CF"); // mov eax,esp; iretq
        machine.gate(13, 0, 0);

        machine.processor.run(3);
        assertThat(state.gpr[RAX]).isEqualTo(STACK_0 - 40);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.rip).isEqualTo(USER_SPACE + 2);
        assertThat(state.gpr[RSP]).isEqualTo(USER_SPACE + 0x2000);
        assertThat(state.segments[VcpuState.SS].selector).isEqualTo(TestMachine.USER_DATA);

        assertThat(machine.run()).isEqualTo(new Exit.Halt()); // hlt at CPL 3 is #GP(0)
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
        assertThat(machine.peek(STACK_0 - 48, 8)).isZero();
        assertThat(machine.peek(STACK_0 - 40, 8)).isEqualTo(USER_SPACE + 3);
    }

    @Test
    void aGateThatUserModeMayNotUseIsAGeneralProtectionFault() {
        machine.userMode();
        machine.code(USER_SPACE, "CD80");
        machine.gate(0x80, 0, 0);
        machine.gate(13, 0, 0);

        machine.run();
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
        assertThat(machine.peek(state.gpr[RSP], 8)).isEqualTo(0x80 * 8 + 2);
        assertThat(machine.peek(state.gpr[RSP] + 8, 8)).isEqualTo(USER_SPACE);
    }

    @Test
    void aPageFaultCarriesItsAddressItsCodeAndTheResumeFlag() {
        machine.code(CODE, "90 8803");
        machine.state.gpr[RBX] = 0x70_0123;
        machine.gate(14, 0, 1);

        machine.run();
        assertThat(state.cr2).isEqualTo(0x70_0123);
        assertThat(state.gpr[RSP]).isEqualTo(STACK_IST - 48);
        assertThat(machine.peek(STACK_IST - 48, 8)).isEqualTo(PageFaultCode.WRITE);
        assertThat(machine.peek(STACK_IST - 40, 8)).isEqualTo(CODE + 1);
        assertThat(machine.peek(STACK_IST - 24, 8) & RFlags.RESUME).isNotZero();
    }

    @Test
    void aFaultWhileAPageFaultIsDeliveredIsADoubleFault() {
        machine.code(CODE, "8803");
        state.gpr[RBX] = 0x70_0123;
        state.gpr[RSP] = 0x71_0000;
        machine.gate(14, 0, 0);
        machine.gate(8, 0, 1);

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 8 + 1);
        assertThat(machine.peek(state.gpr[RSP], 8)).isZero();
        assertThat(state.cr2).as("the first push").isEqualTo(0x71_0000 - 8);
    }

    @Test
    void aFaultWhileADoubleFaultIsDeliveredShutsDown() {
        machine.code(CODE, "8803");
        state.gpr[RBX] = 0x70_0123;
        state.gpr[RSP] = 0x71_0000;
        machine.gate(14, 0, 0);

        assertThat(machine.run()).isEqualTo(new Exit.TripleFault());
    }

    @Test
    void anInterceptedPageFaultOfADeliveryNamesTheEventAndCommitsNothing() {
        machine.processor.intercept(Intercepts.SHADOW);
        machine.code(CODE, "0F0B"); // ud2
        state.gpr[RSP] = 0x71_0000;
        machine.gate(6, 0, 0);

        assertThat(machine.run())
                .isEqualTo(
                        new Exit.PageFault(0x71_0000 - 8, PageFaultCode.WRITE, Event.exception(Vector.INVALID_OPCODE)));
        assertThat(state.rip).isEqualTo(CODE);
        assertThat(state.gpr[RSP]).isEqualTo(0x71_0000);

        machine.map(0x70_F000, RW);
        machine.processor.inject(Event.exception(Vector.INVALID_OPCODE));
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.peek(0x71_0000 - 40, 8)).isEqualTo(CODE);
    }

    @Test
    void aSoftwareInterruptThatIsInjectedAgainReturnsBehindItsInstruction() {
        machine.processor.intercept(Intercepts.SHADOW);
        machine.code(CODE, "CD80 F4");
        state.gpr[RSP] = 0x71_0000;
        machine.gate(0x80, 0, 0);
        Exit exit = machine.run();

        assertThat(exit).isInstanceOf(Exit.PageFault.class);
        assertThat(state.rip).isEqualTo(CODE);
        assertThat(machine.processor.retired()).isZero();
        machine.map(0x70_F000, RW);
        machine.processor.inject(((Exit.PageFault) exit).interrupted());
        machine.run();
        assertThat(machine.peek(0x71_0000 - 40, 8)).isEqualTo(CODE + 2);
        assertThat(machine.processor.retired()).isEqualTo(2);
    }

    @Test
    void systemCallsGoAndComeBack() {
        machine.userMode();
        machine.code(USER_SPACE, "0F05 FFC3 EBFE"); // syscall; inc ebx; jmp $
        machine.code(CODE, "0F01F8 0F01F8 480F07"); // swapgs; swapgs; sysretq
        state.lstar = CODE;
        state.star = (long) TestMachine.KERNEL_CODE << 32 | 0x13L << 48;
        state.syscallMask = RFlags.INTERRUPT;
        state.rflags |= RFlags.INTERRUPT;

        machine.processor.run(1);
        assertThat(state.cpl).isZero();
        assertThat(state.rip).isEqualTo(CODE);
        assertThat(state.interruptsEnabled()).isFalse();
        assertThat(state.gpr[RCX]).isEqualTo(USER_SPACE + 2);
        machine.processor.run(4);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.gpr[RBX]).isEqualTo(1);
        assertThat(state.interruptsEnabled()).isTrue();
        assertThat(state.segments[VcpuState.CS].selector).isEqualTo(TestMachine.USER_CODE);
        assertThat(state.segments[VcpuState.SS].selector).isEqualTo(TestMachine.USER_DATA);
    }

    @Test
    void anInterruptReturnToCompatibilityModeRuns32BitCode() {
        machine.code(CODE, "48CF");
        machine.code(USER_SPACE, "40 90 EBFE"); // inc eax; nop; jmp $
        long frame = TestMachine.STACK_TOP - 40;
        state.gpr[RSP] = frame;
        machine.poke(frame, 8, USER_SPACE);
        machine.poke(frame + 8, 8, TestMachine.USER_CODE_32);
        machine.poke(frame + 16, 8, 2);
        machine.poke(frame + 24, 8, USER_SPACE + 0x1000);
        machine.poke(frame + 32, 8, TestMachine.USER_DATA);

        machine.processor.run(3);
        assertThat(state.gpr[RAX]).isEqualTo(1);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.rip).isEqualTo(USER_SPACE + 2);
    }

    @Test
    void aNonCanonicalStackRaisesAStackFaultAndOtherOperandsAGeneralProtectionFault() {
        machine.gate(12, 0, 1);
        machine.gate(13, 0, 1);
        machine.code(CODE, "8803");
        state.gpr[RBX] = 0x8000_0000_0000L;
        machine.run();
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);

        machine.code(CODE, "50");
        state.rip = CODE;
        state.gpr[RSP] = 0x8000_0000_1000L;
        machine.run();
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 12 + 1);
    }

    @Test
    void anNmiBlocksFurtherOnesUntilItsReturn() {
        machine.gateTo(2, 0, 0, HANDLERS);
        machine.code(HANDLERS, "90 48CF");
        machine.code(CODE, "90 F4");
        machine.processor.inject(Event.nmi());

        machine.processor.run(1);
        assertThat(state.nmiBlocked).isTrue();
        machine.processor.run(1);
        assertThat(state.nmiBlocked).isFalse();
        assertThat(state.rip).isEqualTo(CODE);
    }
}
