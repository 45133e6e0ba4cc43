package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.HardwarePaging;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The four layouts of the x87's environment, and what is remembered of the last instruction. Intel SDM vol. 1, figures 8-9 to 8-12. */
class X87EnvironmentTest {
    private static final int CODE_SELECTOR = 0x1230, DATA_SELECTOR = 0x4560;
    private static final long INSTRUCTION = 0x8765_4321L, OPERAND = 0xABCD_EF01L;
    private static final int OPCODE = 0x5D9;

    private final TestMachine machine = TestMachine.native64();
    private final VcpuState state = machine.state;
    private final Cpu cpu = new Cpu(state, new MemoryUnit(state, machine.memory));

    X87EnvironmentTest() {
        cpu.memory.load(cpu, new HardwarePaging.Shadow(machine.root << 12, false, false));
        cpu.codeModeChanged();
        cpu.privilegeChanged();
        state.gpr[VcpuState.RDI] = DATA;
    }

    @AfterEach
    void close() {
        machine.close();
    }

    private void execute(String code, int offset) {
        OpFactory.make(X87InstructionTest.decode(code, 64), offset).execute(cpu);
    }

    private void prepare(boolean virtual8086) {
        cpu.x87.initialise();
        state.x87Status = 3 << 11;
        state.x87Empty = 0xF7;
        state.x87Opcode = OPCODE;
        state.x87InstructionPointer = INSTRUCTION;
        state.x87InstructionSelector = CODE_SELECTOR;
        state.x87DataPointer = OPERAND;
        state.x87DataSelector = DATA_SELECTOR;
        if (virtual8086) {
            state.rflags |= RFlags.VIRTUAL_8086;
        }
    }

    /** @param words FIP, FCS and FOP, FDP, FDS, as words of the environment */
    @ParameterizedTest
    @CsvSource({
        "D937,   false, 4, 87654321 05D91230 ABCDEF01 FFFF4560",
        "66D937, false, 2, 4321 1230 EF01 4560",
        "D937,   true,  4, 00006621 087665D9 00004501 0ABD2000",
        "66D937, true,  2, 6621 65D9 4501 2000"
    })
    void theEnvironmentHasTheLayoutOfModeAndOperandSize(String code, boolean virtual8086, int size, String words) {
        prepare(virtual8086);

        execute(code, 0);

        long upper = size == 4 ? 0xFFFF_0000L : 0;
        assertThat(machine.peek(DATA, size)).isEqualTo(upper | 0x37F);
        assertThat(machine.peek(DATA + size, size)).isEqualTo(upper | 3 << 11);
        assertThat(machine.peek(DATA + 2L * size, size)).isEqualTo(upper | 0xFF7F);
        String[] expected = words.split(" ", -1);
        for (int i = 0; i < expected.length; i++) {
            assertThat(machine.peek(DATA + (3L + i) * size, size))
                    .as("word %d", 3 + i)
                    .isEqualTo(Long.parseLong(expected[i], 16));
        }
        assertThat(machine.peek(DATA + 7L * size, size)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"DD37, DD27, false", "66DD37, 66DD27, false", "DD37, DD27, true", "66DD37, 66DD27, true"})
    void whatWasSavedIsRestored(String save, String restore, boolean virtual8086) {
        prepare(virtual8086);
        for (int i = 0; i < 8; i++) {
            state.x87Significand[i] = 0x8123_4567_89AB_CDEFL + i;
            state.x87SignExponent[i] = 0xC000 + i;
        }

        execute(save, 0);
        assertThat(state.x87Empty).isEqualTo(0xFF);
        assertThat(state.x87InstructionPointer).isZero();
        for (int i = 0; i < 8; i++) {
            state.x87Significand[i] = 0;
            state.x87SignExponent[i] = 0;
        }
        execute(restore, 0);

        assertThat(state.x87Status).isEqualTo(3 << 11);
        assertThat(state.x87Empty).isEqualTo(0xF7);
        for (int i = 0; i < 8; i++) {
            assertThat(state.x87Significand[i]).isEqualTo(0x8123_4567_89AB_CDEFL + i);
            assertThat(state.x87SignExponent[i]).isEqualTo(0xC000 + i);
        }
        long again = machine.peek(DATA + 8, 8);
        execute(save, 0);
        assertThat(machine.peek(DATA + 8, 8)).isEqualTo(again);
    }

    @Test
    void theLastInstructionIsRememberedButNotThoseOfControl() {
        cpu.ripBase = CODE;
        state.gpr[VcpuState.RDI] = DATA + 4;
        execute("DD4708", 0x123); // fld qword [rdi+8]
        execute("D9C0", 0x126); // fld st(0)
        execute("DFE0", 0x128); // fnstsw ax
        execute("D97F10", 0x12A); // fnstcw [rdi+16]
        execute("9B", 0x12D);
        execute("DBE2", 0x12E); // fnclex

        assertThat(state.x87InstructionPointer).isEqualTo(CODE + 0x126);
        assertThat(state.x87InstructionSelector).isEqualTo(TestMachine.KERNEL_CODE);
        assertThat(state.x87Opcode).isEqualTo(0x1C0);
        assertThat(state.x87DataPointer).isEqualTo(DATA + 12);
    }
}
