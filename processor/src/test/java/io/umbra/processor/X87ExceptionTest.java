package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.HANDLERS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.Cr0;
import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which exceptions the x87 raises, when, and that an instruction that faults has done nothing. */
class X87ExceptionTest {
    private static final int DIVIDE_BY_ZERO = 4;
    private static final int SUMMARY_AND_BUSY = 0x8080;
    /** fninit; fldcw [rdi]; fld1; fldz; fdivp, which divides by zero */
    private static final String DIVIDES = "DBE3 D92F D9E8 D9EE DEF9";

    private static final int DIVIDES_BYTES = 10;
    private static final int UNMASKED = 0x37F & ~DIVIDE_BY_ZERO;
    private static final long UNMAPPED = DATA + 0x2000;
    private static final byte PATTERN = 0x5A;

    private final TestMachine machine = TestMachine.native64();
    private final VcpuState state = machine.state;

    X87ExceptionTest() {
        machine.gate(Vector.DEVICE_NOT_AVAILABLE, 0, 0);
        machine.gate(Vector.PAGE_FAULT, 0, 0);
        machine.gate(Vector.FLOATING_POINT, 0, 0);
        machine.poke(DATA, 2, UNMASKED);
        state.gpr[VcpuState.RDI] = DATA;
    }

    @AfterEach
    void close() {
        machine.close();
    }

    /** Runs to the HLT of a handler, or to the one of the code. @return the vector, or -1 */
    private int run(String code) {
        machine.code(CODE, code + "F4");
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        return state.rip < CODE ? (int) (state.rip - 1 - HANDLERS) / 16 : -1;
    }

    /** RIP that the exception pushed. */
    private long faultingRip(int errorCodeBytes) {
        return machine.peek(state.gpr[VcpuState.RSP] + errorCodeBytes, 8);
    }

    private List<Object> x87() {
        return List.of(
                state.x87Control,
                state.x87Status,
                state.x87Empty,
                state.x87Opcode,
                state.x87InstructionPointer,
                state.x87DataPointer,
                Arrays.toString(state.x87Significand),
                Arrays.toString(state.x87SignExponent));
    }

    @Test
    void anUnmaskedExceptionIsRaisedByTheNextInstructionThatWaits() {
        int vector = run(DIVIDES + "DFE0 90 9B"); // fnstsw ax; nop; fwait

        assertThat(vector).isEqualTo(Vector.FLOATING_POINT);
        assertThat(faultingRip(0)).isEqualTo(CODE + DIVIDES_BYTES + 3);
        int top = 6 << 11;
        assertThat(state.gpr[VcpuState.RAX] & 0xFFFF).isEqualTo(SUMMARY_AND_BUSY | top | DIVIDE_BY_ZERO);
        assertThat(state.x87Empty).isEqualTo(0x3F);
        assertThat(state.x87Significand[6]).isZero();
        assertThat(state.x87Significand[7]).isEqualTo(Long.MIN_VALUE);
    }

    @Test
    void maskingAnExceptionThatIsPendingTakesItBack() {
        int vector = run(DIVIDES + "D937 9B"); // fnstenv [rdi], which masks all; fwait

        assertThat(vector).isEqualTo(-1);
        assertThat(state.x87Status & (SUMMARY_AND_BUSY | DIVIDE_BY_ZERO)).isEqualTo(DIVIDE_BY_ZERO);
    }

    @Test
    void unmaskingARaisedExceptionMakesItPending() {
        machine.poke(DATA + 2, 2, 0x37F);

        assertThat(run("DBE3 D9E8 D9EE DEF9 9B D92F 9B")).isEqualTo(Vector.FLOATING_POINT);
        assertThat(faultingRip(0)).isEqualTo(CODE + 11);
    }

    @Test
    void withNumericErrorClearNothingIsDelivered() {
        state.cr0 &= ~Cr0.NUMERIC_ERROR;

        assertThat(run(DIVIDES + "9B D9E8")).isEqualTo(-1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"DB E3", "D9 E8", "DF E0", "D9 37", "DD 37", "DB E4"})
    void deviceIsNotAvailableUnderEmulationOrAfterATaskSwitch(String code) {
        for (long bit : new long[] {Cr0.EMULATION, Cr0.TASK_SWITCHED}) {
            long cr0 = state.cr0;
            state.cr0 |= bit;
            state.rip = CODE;
            assertThat(run(code)).isEqualTo(Vector.DEVICE_NOT_AVAILABLE);
            state.cr0 = cr0;
        }
    }

    @Test
    void waitIsNotAvailableOnlyWithBothMonitorAndTaskSwitched() {
        state.cr0 |= Cr0.EMULATION;
        for (long bits : new long[] {0, Cr0.TASK_SWITCHED, Cr0.MONITOR_COPROCESSOR}) {
            state.cr0 |= bits;
            state.rip = CODE;
            assertThat(run("9B")).isEqualTo(-1);
            state.cr0 &= ~bits;
        }
        state.cr0 |= Cr0.TASK_SWITCHED | Cr0.MONITOR_COPROCESSOR;
        state.rip = CODE;
        assertThat(run("9B")).isEqualTo(Vector.DEVICE_NOT_AVAILABLE);
    }

    @Test
    void everyInstructionThatWaitsReportsBeforeItDoesAnything() {
        Cpu cpu = cpu();
        X87InstructionTest.encodings()
                .forEach((mnemonic, codes) -> codes.forEach(code -> {
                    cpu.x87.initialise();
                    state.x87Empty = 0;
                    state.x87Control = UNMASKED;
                    state.x87Status = DIVIDE_BY_ZERO | SUMMARY_AND_BUSY;
                    Instruction instruction = X87InstructionTest.decode(code, 64);
                    Op op = OpFactory.make(instruction, 0);
                    boolean isCoprocessorControl = mnemonic == Mnemonic.FNOP && (instruction.opcode & 7) == 3;
                    if (X87InstructionTest.NOT_WAITING.contains(mnemonic) || isCoprocessorControl) {
                        op.execute(cpu);
                        return;
                    }
                    List<Object> before = x87();
                    assertThatThrownBy(() -> op.execute(cpu)).as(code).isSameAs(cpu.exception);
                    assertThat(cpu.exception.vector).isEqualTo(Vector.FLOATING_POINT);
                    assertThat(x87()).as(code).isEqualTo(before);
                }));
    }

    private Cpu cpu() {
        Cpu cpu = new Cpu(state, new MemoryUnit(state, machine.memory));
        cpu.memory.load(cpu, new HardwarePaging.Shadow(machine.root << 12, false, false));
        cpu.codeModeChanged();
        cpu.privilegeChanged();
        return cpu;
    }

    /** With one byte of the operand on a page that is not there, and the rest on one that is. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "D9 1F", "DD 1F", "DB 3F", "DF 1F", "DB 1F", "DF 3F", "DD 0F", "DF 37", "D9 37", "DD 37", "D9 3F",
                "DD 3F", "D9 07", "DD 07", "DB 2F", "DF 2F", "DF 27", "D9 27", "DD 27", "D8 07", "DE 07", "D9 2F"
            })
    void anOperandThatFaultsLeavesRegistersAndMemoryAsTheyWere(String code) {
        Instruction instruction = X87InstructionTest.decode(code.replace(" ", ""), 64);
        int size = instruction.operands[0].size();
        assertThat(run("DBE3 D9E8 D9EB")).isEqualTo(-1);
        for (int there = 0; there < size; there++) {
            long operand = UNMAPPED - there;
            fill();
            List<Object> before = x87();
            state.gpr[VcpuState.RDI] = operand;
            state.gpr[VcpuState.RSP] = TestMachine.STACK_TOP;
            state.rip = CODE;

            assertThat(run(code)).as("%d bytes there", there).isEqualTo(Vector.PAGE_FAULT);
            assertThat(state.cr2).isEqualTo(UNMAPPED);
            assertThat(faultingRip(8)).isEqualTo(CODE);
            assertThat(x87()).isEqualTo(before);
            assertUntouched();
        }
    }

    private void fill() {
        for (long at = UNMAPPED - 128; at < UNMAPPED; at++) {
            machine.poke(at, 1, PATTERN);
        }
    }

    private void assertUntouched() {
        for (long at = UNMAPPED - 128; at < UNMAPPED; at++) {
            assertThat(machine.peek(at, 1)).isEqualTo(PATTERN);
        }
    }

    @Test
    void anOperandOfTenBytesMayCrossPages() {
        state.gpr[VcpuState.RDI] = DATA + 0x1000 - 9;

        assertThat(run("DBE3 D9EB DB3F DB2F")).isEqualTo(-1); // fldpi; fstp m80; fld m80
        assertThat(state.x87Significand[7]).isEqualTo(0xC90F_DAA2_2168_C235L);
        assertThat(state.x87SignExponent[7]).isEqualTo(0x4000);
        assertThat(machine.peek(DATA + 0x1000, 1)).isEqualTo(0x40);
    }

    @Test
    void anUnmaskedOverflowStoresNothingAndKeepsTheStack() {
        state.x87Control = 0x37F & ~8;
        machine.poke(DATA + 16, 8, Long.MIN_VALUE);
        machine.poke(DATA + 24, 2, 0x7000);
        machine.poke(DATA + 32, 4, 0x1234_5678);

        assertThat(run("DB6F10 D95F20")).isEqualTo(-1); // fld m80; fstp m32
        assertThat(machine.peek(DATA + 32, 4)).isEqualTo(0x1234_5678);
        assertThat(state.x87Empty).isEqualTo(0x7F);
        assertThat(state.x87Status).isEqualTo(7 << 11 | SUMMARY_AND_BUSY | 8);
    }
}
