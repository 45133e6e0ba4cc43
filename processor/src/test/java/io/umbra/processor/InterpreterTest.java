package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.RWU;
import static io.umbra.processor.TestMachine.USER_SPACE;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDI;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.Cr4;
import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InterpreterTest {
    /** mov ecx,10; xor eax,eax; 1: add eax,ecx; dec ecx; jnz 1b; hlt */
    private static final String SUM = "B90A000000 31C0 01C8 FFC9 75FA F4";

    private static final int SUM_LENGTH = 2 + 3 * 10 + 1;

    private final TestMachine machine = TestMachine.shadow();

    @AfterEach
    void close() {
        machine.close();
    }

    @Test
    void aLoopRunsToItsEndAndIsCountedExactly() {
        machine.code(CODE, SUM);

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RAX]).isEqualTo(55);
        assertThat(machine.state.rip).isEqualTo(CODE + 14);
        assertThat(machine.processor.retired()).isEqualTo(SUM_LENGTH);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 32})
    void aBudgetEndsTheRunAtExactlySoManyInstructions(int budget) {
        machine.code(CODE, SUM);

        Exit exit = new Exit.BudgetSpent();
        long before = 0;
        while (exit instanceof Exit.BudgetSpent) {
            exit = machine.processor.run(budget);
            if (exit instanceof Exit.BudgetSpent) {
                assertThat(machine.processor.retired() - before).isEqualTo(budget);
            }
            before = machine.processor.retired();
        }
        assertThat(exit).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RAX]).isEqualTo(55);
        assertThat(before).isEqualTo(SUM_LENGTH);
    }

    @Test
    void aPageFaultLeavesEverythingAsItWasAndTheInstructionCanBeStartedAgain() {
        machine.code(CODE, "50 488B03 5B F4"); // push rax; mov rax,[rbx]; pop rbx; hlt
        machine.state.gpr[RAX] = 7;
        machine.state.gpr[RBX] = 0x70_0008;

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(0x70_0008, 0, null));
        assertThat(machine.state.rip).isEqualTo(CODE + 1);
        assertThat(machine.processor.retired()).isEqualTo(1);

        machine.map(0x70_0000, RW);
        machine.poke(0x70_0008, 8, 99);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RAX]).isEqualTo(99);
        assertThat(machine.state.gpr[RBX]).isEqualTo(7);
    }

    @Test
    void aFaultFixedInPlaceDoesNotLeaveTheGuestAndTheHandlerSeesPreciseState() {
        machine.code(CODE, "90 90 48890B F4"); // nop; nop; mov [rbx],rcx; hlt
        machine.state.gpr[RBX] = 0x70_0000;
        machine.state.gpr[RCX] = 42;
        machine.processor.faultHandler(new Fixer() {
            @Override
            public boolean pageFault(long linear, int code) {
                assertThat(linear).isEqualTo(0x70_0000);
                assertThat(code).isEqualTo(PageFaultCode.WRITE);
                assertThat(machine.state.rip).isEqualTo(CODE + 2);
                assertThat(machine.processor.retired()).isEqualTo(2);
                machine.map(0x70_0000, RW);
                return true;
            }
        });

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.peek(0x70_0000, 8)).isEqualTo(42);
    }

    @Test
    void aHandlerThatNeverFixesWhatItCallsFixedIsFound() {
        machine.code(CODE, "48890B");
        machine.state.gpr[RBX] = 0x70_0000;
        machine.processor.faultHandler(new Fixer());

        assertThatThrownBy(machine::run).isInstanceOf(InvariantViolation.class).hasMessageContaining("FAULT-1");
    }

    @Test
    void aStoreAcrossPagesWritesNothingWhenTheSecondPageFaults() {
        machine.code(CODE, "48890B F4");
        machine.state.gpr[RBX] = DATA + 0x1FFC;
        machine.state.gpr[RCX] = -1;

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(DATA + 0x2000, PageFaultCode.WRITE, null));
        assertThat(machine.peek(DATA + 0x1FFC, 4)).isZero();

        machine.map(DATA + 0x2000, RW);
        machine.run();
        assertThat(machine.peek(DATA + 0x1FFC, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(machine.peek(DATA + 0x2000, 8)).isEqualTo(0xFFFF_FFFFL);
    }

    @Test
    void readModifyWriteAcrossPagesIsWhole() {
        machine.code(CODE, "48830301 F4"); // add qword [rbx],1
        machine.state.gpr[RBX] = DATA + 0xFFC;
        machine.poke(DATA + 0xFFC, 4, 0xFFFF_FFFFL);
        machine.poke(DATA + 0x1000, 4, 5);

        machine.run();
        assertThat(machine.peek(DATA + 0xFFC, 4)).isZero();
        assertThat(machine.peek(DATA + 0x1000, 4)).isEqualTo(6);
    }

    @Test
    void codeThatChangesItsOwnNextInstructionRunsTheNewOne() {
        machine.code(CODE, "C6050100000022 B011 F4"); // mov byte [rip+1],0x22; mov al,0x11; hlt

        machine.run();
        assertThat(machine.state.gpr[RAX]).isEqualTo(0x22);
    }

    @Test
    void codeChangedThroughAnotherMappingOfItsFrameRunsAnew() {
        machine.code(CODE, "C60322 B011 F4"); // mov byte [rbx],0x22; mov al,0x11; hlt
        machine.mapTo(0x70_0000, machine.machineAddress(CODE) >>> 12, RW);
        machine.state.gpr[RBX] = 0x70_0000 + 4;

        machine.run();
        assertThat(machine.state.gpr[RAX]).isEqualTo(0x22);
    }

    @Test
    void codeChangedByTheHypervisorRunsAnew() {
        machine.code(CODE, "B011 F4");
        machine.run();
        machine.poke(CODE + 1, 1, 0x33);
        machine.state.rip = CODE;

        machine.run();
        assertThat(machine.state.gpr[RAX]).isEqualTo(0x33);
    }

    @Test
    void anInstructionAcrossPagesFaultsAtTheSecondPageBeforeItExecutes() {
        machine.code(CODE + 0x1FFD, "B94433");
        machine.state.rip = CODE + 0x1FFD;

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(CODE + 0x2000, PageFaultCode.FETCH, null));
        assertThat(machine.state.rip).isEqualTo(CODE + 0x1FFD);

        machine.map(CODE + 0x2000, RW);
        machine.code(CODE + 0x2000, "2211 F4");
        machine.run();
        assertThat(machine.state.gpr[RCX]).isEqualTo(0x1122_3344);
    }

    @Test
    void anInstructionAcrossPagesIsDecodedAgainWhenItsSecondPageBecomesAnother() {
        machine.code(CODE + 0xFFD, "B94433 2211 F4");
        machine.state.rip = CODE + 0xFFD;
        machine.run();
        long other = machine.newFrame();
        machine.mapTo(CODE + 0x1000, other, RW);
        machine.code(CODE + 0x1000, "6655 F4");
        machine.processor.invalidate(CODE + 0x1000);
        machine.state.rip = CODE + 0xFFD;

        machine.run();
        assertThat(machine.state.gpr[RCX]).isEqualTo(0x5566_3344);
    }

    @Test
    void aRightThatWasLoweredIsUsedUntilTheTlbIsTold() {
        machine.code(CODE, "48890B EBFB"); // 1: mov [rbx],rcx; jmp 1b
        machine.state.gpr[RBX] = DATA;
        machine.processor.run(10);
        machine.memory.writeLong(machine.entry(DATA, 1), 0);
        assertThat(machine.processor.run(10)).isEqualTo(new Exit.BudgetSpent());

        machine.processor.invalidate(DATA);
        assertThat(machine.processor.run(10)).isEqualTo(new Exit.PageFault(DATA, PageFaultCode.WRITE, null));
    }

    @Test
    void aFlushDropsEverythingAlsoWhenItsCounterComesRound() {
        machine.code(CODE, "488B03 EBFB"); // 1: mov rax,[rbx]; jmp 1b
        machine.state.gpr[RBX] = DATA;
        machine.processor.run(2);
        machine.memory.writeLong(machine.entry(DATA, 1), 0);
        for (int i = 0; i < 4095; i++) {
            machine.processor.flush();
        }
        assertThat(machine.processor.run(2)).isEqualTo(new Exit.PageFault(DATA, 0, null));
    }

    @Test
    void theResumeFlagOutlastsAFaultThatTheHypervisorFixes() {
        machine.code(CODE, "488B03 F4");
        machine.gate(1, 0, 0);
        machine.state.gpr[RBX] = 0x70_0000;
        machine.state.dr[0] = CODE;
        machine.state.dr[7] = 0x401;
        machine.state.rflags |= RFlags.RESUME;

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(0x70_0000, 0, null));
        machine.map(0x70_0000, RW);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.rip).isEqualTo(CODE + 4);
    }

    @Test
    void theInterruptShadowOutlastsAFaultThatTheHypervisorFixes() {
        machine.code(CODE, "FB 488B03 90 F4"); // sti; mov rax,[rbx]; nop; hlt
        machine.state.gpr[RBX] = 0x70_0000;
        machine.processor.interruptWindow(true);

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(0x70_0000, 0, null));
        assertThat(machine.processor.isInterruptible()).isFalse();
        machine.map(0x70_0000, RW);
        assertThat(machine.run()).isEqualTo(new Exit.InterruptWindow());
        assertThat(machine.state.rip).isEqualTo(CODE + 4);
    }

    @Test
    void theInstructionBehindStiIsNotInterrupted() {
        machine.code(CODE, "FB 90 90 F4"); // sti; nop; nop; hlt
        machine.processor.interruptWindow(true);

        assertThat(machine.run()).isEqualTo(new Exit.InterruptWindow());
        assertThat(machine.state.rip).isEqualTo(CODE + 2);
        assertThat(machine.processor.isInterruptible()).isTrue();
    }

    @Test
    void anExternalInterruptIsDeliveredThroughItsGate() {
        machine.code(CODE, "90 90 F4");
        machine.gate(0x40, 0, 0);
        machine.state.rflags |= RFlags.INTERRUPT;
        machine.processor.run(1);
        machine.processor.inject(Event.external(0x40));

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.rip).isEqualTo(TestMachine.HANDLERS + 16 * 0x40 + 1);
        assertThat(machine.state.interruptsEnabled()).isFalse();
        long frame = machine.state.gpr[4];
        assertThat(frame).isEqualTo(TestMachine.STACK_TOP - 40);
        assertThat(machine.peek(frame, 8)).isEqualTo(CODE + 1);
        assertThat(machine.peek(frame + 8, 8)).isEqualTo(TestMachine.KERNEL_CODE);
        assertThat(machine.peek(frame + 16, 8) & RFlags.INTERRUPT).isNotZero();
        assertThat(machine.peek(frame + 24, 8)).isEqualTo(TestMachine.STACK_TOP);
        assertThat(machine.peek(frame + 32, 8)).isEqualTo(TestMachine.KERNEL_DATA);
    }

    @Test
    void singleStepTrapsBehindEachInstruction() {
        machine.gateTo(1, 0, 0, TestMachine.HANDLERS);
        machine.code(TestMachine.HANDLERS, "48FFC2 48CF"); // inc rdx; iretq
        machine.code(CODE, "9C 48810C2400010000 9D 90 90 9C 48812424FFFEFFFF 9D 90 F4");

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RDX]).isEqualTo(5); // nop nop pushf and popf
        assertThat(machine.state.dr[6] & DebugUnit.SINGLE_STEP).isNotZero();
    }

    @Test
    void aDataBreakpointTrapsBehindTheAccess() {
        machine.code(CODE, "8B03 90 F4"); // mov eax,[rbx]; nop; hlt
        machine.gate(1, 0, 0);
        machine.state.gpr[RBX] = DATA + 2;
        machine.state.dr[0] = DATA + 4;
        machine.state.dr[7] = 0x400 | 1 | 3L << 16 | 3L << 18;

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.dr[6] & 15).isEqualTo(1);
        assertThat(machine.peek(machine.state.gpr[4], 8)).isEqualTo(CODE + 2);
    }

    @Test
    void anInstructionBreakpointFaultsOnceAndResumes() {
        machine.code(CODE, "90 FFC0 F4"); // nop; inc eax; hlt
        machine.gateTo(1, 0, 0, TestMachine.HANDLERS);
        machine.code(TestMachine.HANDLERS, "48FFC2 814C241000000100 48CF"); // inc rdx; or dword [rsp+16],RF; iretq
        machine.state.dr[3] = CODE + 1;
        machine.state.dr[7] = 0x400 | 1 << 6;

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RDX]).isEqualTo(1);
        assertThat(machine.state.gpr[RAX]).isEqualTo(1);
    }

    @Test
    void aPortReadIsCompletedByItsAnswer() {
        machine.code(CODE, "EC F4"); // in al,dx
        machine.state.gpr[RAX] = 0x1111;
        machine.state.gpr[RDX] = 0x3F8;

        assertThat(machine.run()).isEqualTo(new Exit.PortRead(0x3F8, 1));
        assertThat(machine.state.rip).isEqualTo(CODE);
        assertThat(machine.processor.retired()).isZero();
        machine.processor.completePortRead(0x99);
        assertThat(machine.state.gpr[RAX]).isEqualTo(0x1199);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.processor.retired()).isEqualTo(2);
    }

    /** nop; in al,dx; in ax,dx; in eax,dx */
    @Test
    void aPortReadThatIsAnsweredAtOnceDoesNotLeave() {
        machine.code(CODE, "90 EC 66ED ED F4");
        machine.state.gpr[RAX] = -1;
        machine.state.gpr[RDX] = 0x40;
        List<String> reads = new ArrayList<>();
        machine.processor.faultHandler(new Fixer() {
            @Override
            public long portRead(int port, int size, long retired) {
                reads.add(size + " from " + port + " at " + retired);
                return size == 4 ? 0xFFFF_FFFEL : size;
            }
        });

        assertThat(machine.processor.run(3)).isEqualTo(new Exit.BudgetSpent());
        assertThat(machine.state.gpr[RAX]).isEqualTo(0xFFFF_FFFF_FFFF_0002L);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RAX]).isEqualTo(0xFFFF_FFFEL);
        assertThat(machine.processor.retired()).isEqualTo(5);
        assertThat(reads).containsExactly("1 from 64 at 1", "2 from 64 at 2", "4 from 64 at 3");
    }

    /** The gate of #DB halts. */
    @Test
    void aBreakpointOnAPortTrapsBehindAReadThatDoesNotLeave() {
        machine.code(CODE, "EC 90 F4");
        machine.gate(1, 0, 0);
        machine.state.gpr[RDX] = 0x40;
        machine.state.cr4 |= Cr4.DEBUGGING_EXTENSIONS;
        machine.state.dr[0] = 0x40;
        machine.state.dr[7] = 0x400 | 1 | 2L << 16;
        machine.processor.faultHandler(new Fixer() {
            @Override
            public long portRead(int port, int size, long retired) {
                return 7;
            }
        });

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.gpr[RAX]).isEqualTo(7);
        assertThat(machine.state.dr[6] & 0xF).isEqualTo(1);
        assertThat(machine.processor.retired()).isEqualTo(2);
    }

    @Test
    void aRepeatedStringInputStoresEachAnswerAndCountsOnce() {
        machine.code(CODE, "F36C F4"); // rep insb
        machine.state.gpr[RCX] = 3;
        machine.state.gpr[RDI] = DATA;

        for (int i = 0; i < 3; i++) {
            assertThat(machine.run()).isEqualTo(new Exit.PortRead(0, 1));
            machine.processor.completePortRead(0x41 + i);
        }
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.peek(DATA, 4)).isEqualTo(0x43_4241);
        assertThat(machine.processor.retired()).isEqualTo(2);
    }

    @Test
    void aRepeatedStringOutputLeavesAtEachIterationAndCountsOnce() {
        machine.code(CODE, "F36E F4"); // rep outsb
        machine.state.gpr[RCX] = 2;
        machine.state.gpr[RSI] = DATA;
        machine.poke(DATA, 2, 0x4241);

        assertThat(machine.run()).isEqualTo(new Exit.PortWrite(0, 1, 0x41));
        assertThat(machine.processor.retired()).isZero();
        assertThat(machine.run()).isEqualTo(new Exit.PortWrite(0, 1, 0x42));
        assertThat(machine.processor.retired()).isEqualTo(1);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
    }

    @Test
    void aRepeatedMoveThatFaultsResumesWhereItWas() {
        machine.code(CODE, "F3A4 F4"); // rep movsb
        machine.state.gpr[RCX] = 0x20;
        machine.state.gpr[RSI] = DATA;
        machine.state.gpr[RDI] = DATA + 0x1FF0;
        machine.poke(DATA + 0x1F, 1, 0x77);

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(DATA + 0x2000, PageFaultCode.WRITE, null));
        assertThat(machine.state.gpr[RCX]).isEqualTo(0x10);
        machine.map(DATA + 0x2000, RW);
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.peek(DATA + 0x200F, 1)).isEqualTo(0x77);
        assertThat(machine.processor.retired()).isEqualTo(2);
    }

    @Test
    void aRequestToStopEndsAnEndlessLoop() throws InterruptedException {
        machine.code(CODE, "EBFE");
        Thread asker = new Thread(machine.processor::requestStop);
        asker.start();

        assertThat(machine.processor.run(Long.MAX_VALUE / 2)).isEqualTo(new Exit.Stopped());
        asker.join();
    }

    @Test
    void misalignedAccessInUserModeIsCheckedWhenAskedFor() {
        machine.userMode();
        machine.code(USER_SPACE, "8B03 F4");
        machine.gate(17, 0, 0);
        machine.state.gpr[RBX] = USER_SPACE + 0x101;
        machine.run();
        machine.state.cr0 |= 1 << 18;
        machine.state.rflags |= RFlags.ALIGNMENT_CHECK;
        machine.userMode();

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.state.rip).isEqualTo(TestMachine.HANDLERS + 16 * 17 + 1);
    }

    @Test
    void userCodeMayNotTouchKernelPages() {
        machine.userMode();
        machine.code(USER_SPACE, "8B03");
        machine.state.gpr[RBX] = DATA;

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(DATA, PageFaultCode.PRESENT | PageFaultCode.USER, null));
    }

    @Test
    void anInterceptedExceptionLeavesBeforeItIsDelivered() {
        machine.code(CODE, "0F0B");
        machine.processor.intercept(new io.umbra.x86.Intercepts(1 << Vector.INVALID_OPCODE, 0, false, false));

        assertThat(machine.run()).isEqualTo(new Exit.Exception(Event.exception(Vector.INVALID_OPCODE), null));
        assertThat(machine.state.rip).isEqualTo(CODE);
    }

    @Test
    void dataBesideCodeIsWrittenWithoutDecodingAgain() {
        machine.mapTo(0x70_0000, machine.machineAddress(CODE) >>> 12, RWU);
        machine.code(CODE, "48890B FFC9 75F9 F4"); // 1: mov [rbx],rcx; dec ecx; jnz 1b; hlt
        machine.state.gpr[RBX] = 0x70_0800;
        machine.state.gpr[RCX] = 1000;

        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(machine.peek(CODE + 0x800, 8)).isEqualTo(1);
    }

    @Test
    void codeChangedByAnotherProcessorRunsAnew() {
        VcpuState other = new VcpuState();
        try (SoftwareProcessor second = new SoftwareProcessor(other, machine.memory, TestedTranslation.TRANSLATION)) {
            second.load(new HardwarePaging.Shadow(machine.root << 12, false, false));
            machine.code(CODE, "8803 EBFC"); // 1: mov [rbx],al; jmp 1b
            machine.code(DATA, "B011 EBFC"); // 1: mov al,0x11; jmp 1b
            machine.state.gpr[RBX] = DATA + 1;
            machine.state.gpr[RAX] = 0x11;
            machine.processor.run(10); // the page is writable in the first one's TLB before the second decodes it
            copyMode(machine.state, other);
            other.rip = DATA;
            second.run(10);
            machine.state.gpr[RAX] = 0x55;
            machine.processor.run(10);
            second.run(10);

            assertThat(other.gpr[RAX]).isEqualTo(0x55);
        }
    }

    private static void copyMode(VcpuState from, VcpuState to) {
        to.cr0 = from.cr0;
        to.cr4 = from.cr4;
        to.efer = from.efer;
        for (int i = 0; i < to.segments.length; i++) {
            to.segments[i].copyFrom(from.segments[i]);
        }
    }

    /** Budgets, flushes, invalidations and writes to code that change nothing must not be seen. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void howARunIsCutDoesNotChangeWhatTheGuestSees(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        // 1: mov rdx,[rbx]; add rdx,rax; mov [rbx+4093],rdx; push rdx; pop rsi; xor rax,rsi; jc 2f; inc rax; 2: rol
        // rax,7; jmp 1b
        String loop = "488B13 4801C2 488993FD0F0000 52 5E 4831F0 7203 48FFC0 48C1C007 EBE3";
        try (TestMachine whole = TestMachine.shadow()) {
            for (TestMachine each : new TestMachine[] {whole, machine}) {
                each.code(CODE, loop);
                each.state.gpr[RBX] = DATA;
                each.state.gpr[RAX] = seed;
            }
            whole.processor.run(20_000);
            for (int left = 20_000; left > 0; ) {
                int part = Math.min(left, 1 + random.nextInt(12));
                assertThat(machine.processor.run(part)).as("seed " + seed).isEqualTo(new Exit.BudgetSpent());
                left -= part;
                switch (random.nextInt(8)) {
                    case 0 -> machine.processor.flush();
                    case 1 -> machine.processor.invalidate(machine.state.rip);
                    case 2 -> machine.code(CODE, loop);
                    default -> {}
                }
            }
            assertThat(machine.state.gpr).as("seed " + seed).containsExactly(whole.state.gpr);
            assertThat(machine.state.rip).isEqualTo(whole.state.rip);
            assertThat(machine.state.rflags).isEqualTo(whole.state.rflags);
            assertThat(machine.peek(DATA + 4093, 8)).isEqualTo(whole.peek(DATA + 4093, 8));
        }
    }

    private static class Fixer implements FaultHandler {
        @Override
        public boolean pageFault(long linear, int code) {
            return true;
        }

        @Override
        public boolean nestedFault(long guestPhysical, int access, long linear) {
            return true;
        }

        @Override
        public boolean readPdptes(long cr3, long[] target) {
            return true;
        }
    }
}
