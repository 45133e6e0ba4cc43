package io.umbra.processor;

import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.DS;
import static io.umbra.x86.VcpuState.ES;
import static io.umbra.x86.VcpuState.FS;
import static io.umbra.x86.VcpuState.GS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSP;
import static io.umbra.x86.VcpuState.SS;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Limits, privileges, gates and stacks of 32-bit protected mode. Intel SDM vol. 3A, "Protection". */
class SegmentationTest extends LegacyFixture {
    /** A descriptor for tests, and where a gate lies. */
    private static final int TRIED = 0x80, GATE = 0x88;

    private static final int DATA = 0x93, DOWN_DATA = 0x97;
    private static final int BIG = 0x400;

    @BeforeEach
    void protection() {
        protectedMode();
        for (int vector : new int[] {10, 11, 12, 13}) {
            gate(vector, 14, 0, HANDLER + 16L * vector);
        }
    }

    private void halts(long at) {
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(at + 1);
    }

    private void expectFault(int vector, int error) {
        halts(HANDLER + 16L * vector);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(error);
        assertThat(read(state.gpr[RSP] + 4, 4)).isEqualTo(CODE);
    }

    private boolean passes(String hex) {
        code(CODE, hex);
        state.rip = CODE;
        return machine.processor.run(1) instanceof Exit.BudgetSpent && state.rip == CODE + hex.length() / 2;
    }

    private void descriptor(int selector, long base, int limit, int type, int flags) {
        long low = limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | (long) type << 40;
        write(GDT + selector, 8, low | (long) (limit >>> 16) << 48 | (long) flags << 52 | base >>> 24 << 56);
    }

    // ---- limits
    // -----------------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        // attributes, limit, offset, bytes, permitted
        "0x493, 0xFFF, 0xFFF, 1, true",
        "0x493, 0xFFF, 0xFFF, 2, false",
        "0x493, 0xFFF, 0x1000, 1, false",
        "0x493, 0xFFFFFFFF, 0xFFFFFFFF, 1, true",
        "0x493, 0xFFFFFFFF, 0xFFFFFFFE, 4, false",
        "0x493, 0, 0, 1, true",
        "0x497, 0xFFF, 0xFFF, 1, false",
        "0x497, 0xFFF, 0x1000, 1, true",
        "0x497, 0xFFF, 0xFFFFFFFC, 4, true",
        "0x497, 0xFFF, 0xFFFFFFFD, 4, false",
        "0x497, 0xFFF, 0xFFE, 4, false",
        "0x497, 0xFFFFFFFF, 0xFFFFFFFF, 1, false",
        "0x097, 0xFFF, 0xFFFF, 1, true",
        "0x097, 0xFFF, 0xFFFE, 4, false",
        "0x097, 0xFFF, 0x10000, 1, false",
        "0x49B, 0xFFF, 0xFFC, 4, true",
        "0x499, 0xFFF, 0, 1, false",
        "0x10493, 0xFFF, 0, 1, false"
    })
    void readsStayInsideTheLimit(int attributes, String limit, String offset, int bytes, boolean permitted) {
        SegmentRegister register = new SegmentRegister();
        register.set(TRIED, 0, Long.decode(limit), attributes);
        assertThat(SegmentUnit.permits(register, Long.decode(offset), bytes, false))
                .isEqualTo(permitted);
        if ((attributes & 0x8) != 0) {
            assertThat(SegmentUnit.permits(register, 0, 1, true))
                    .as("writes to code")
                    .isFalse();
        }
    }

    @Test
    void aReadOnlySegmentIsNotWritten() {
        state.segments[DS].set(TRIED, 0, 0xFFFF_FFFFL, 0xC91);
        state.gpr[RBX] = STACK_2;
        assertThat(passes("8B03")).isTrue();
        code(CODE, "8903");
        state.rip = CODE;
        expectFault(Vector.GENERAL_PROTECTION, 0);
        code(CODE, "0103"); // a read-modify-write
        state.rip = CODE;
        expectFault(Vector.GENERAL_PROTECTION, 0);
    }

    @Test
    void theStackSegmentHasAnExceptionOfItsOwn() {
        descriptor(TRIED, 0, 0xFFF, DATA, 4);
        gate(Vector.STACK_FAULT, 5, 0, HANDLER); // through a task, for there is no stack
        state.segments[SS].limit = 0xFFF;
        state.gpr[RBX] = 0x1000;
        code(CODE, "368B03"); // mov eax,ss:[ebx]
        write(GDT + 0x48, 8, 0x0000_8911_3000_0067L);
        write(IDT + 8 * Vector.STACK_FAULT, 8, 0x0000_8500_0048_0000L);
        write(TASK_2 + 0x20, 4, HANDLER);
        write(TASK_2 + 0x38, 4, STACK_2);
        for (int i = 0; i < 6; i++) {
            write(TASK_2 + 0x48 + 4L * i, 2, i == 1 ? 8 : 0x10);
        }
        halts(HANDLER);
        assertThat(read(state.gpr[RSP], 4)).isZero();
        assertThat(read(TASK + 0x20, 4)).isEqualTo(CODE);
    }

    @Test
    void aStackThatExpandsDownEndsAtItsLimit() {
        state.segments[SS].set(0x10, 0, STACK - 0x101, 0x400 | DOWN_DATA);
        state.gpr[RSP] = STACK - 0xFC;
        assertThat(passes("50")).isTrue();
        code(CODE, "50");
        state.rip = CODE;
        assertThat(state.gpr[RSP]).isEqualTo(STACK - 0x100);
        assertThat(machine.processor.run(1)).as("no room for #SS either").isEqualTo(new Exit.TripleFault());
    }

    @Test
    void linearAddressesWrapAt4Gib() {
        state.segments[DS].set(TRIED, 0xFFFF_F000L, 0xFFFF_FFFFL, 0x400 | DATA);
        write(0x2000, 4, 0x1357_9BDFL);
        state.gpr[RBX] = 0x3000;
        assertThat(passes("8B03")).isTrue();
        assertThat(state.gpr[RAX]).isEqualTo(0x1357_9BDF);
    }

    /** From the last page to the first, which paging maps wherever it wants. */
    @Test
    void anAccessOver4GibContinuesAtZero() {
        long directory = 0x20_0000, upper = 0x20_1000;
        write(directory, 4, 0x83);
        write(directory + 4 * 1023, 4, upper | 3);
        write(upper + 4 * 1023, 4, STACK_2 | 3);
        state.cr3 = directory;
        state.cr4 = 0x10;
        state.cr0 |= 1L << 31;
        machine.processor.flush();
        write(STACK_2 + 0xFFE, 2, 0x2211);
        write(0, 2, 0x4433);
        state.segments[DS].set(TRIED, 0xFFFF_F000L, 0xFFFF_FFFFL, 0x400 | DATA);
        state.gpr[RBX] = 0xFFE;
        assertThat(passes("8B03")).isTrue();
        assertThat(state.gpr[RAX]).isEqualTo(0x4433_2211);
        state.gpr[RAX] = 0x8877_6655L;
        assertThat(passes("8903")).isTrue();
        assertThat(read(STACK_2 + 0xFFE, 2)).isEqualTo(0x6655);
        assertThat(read(0, 2)).isEqualTo(0x8877);
        assertThat(passes("FF03")).as("inc [ebx]").isTrue();
        assertThat(read(STACK_2 + 0xFFE, 2)).isEqualTo(0x6656);
    }

    /** In compatibility mode, too, where the tables map more than 4 GiB. */
    @Test
    void compatibilityModeWrapsAsWell() {
        try (TestMachine wide = TestMachine.nested()) {
            wide.map(0xFFFF_F000L, TestMachine.RW);
            wide.map(0, TestMachine.RW);
            wide.map(0x1_0000_0000L, TestMachine.RW);
            wide.poke(0xFFFF_FFFEL, 2, 0x2211);
            wide.poke(0, 2, 0x4433);
            wide.poke(0x1_0000_0000L, 2, 0x6655);
            wide.code(TestMachine.CODE, "8B03 F4");
            wide.state.segments[CS].set(TestMachine.KERNEL_CODE_32, 0, 0xFFFF_FFFFL, 0xC9B);
            wide.state.segments[DS].set(TestMachine.KERNEL_DATA, 0xFFFF_F000L, 0xFFFF_FFFFL, 0xC93);
            wide.state.gpr[RBX] = 0xFFE;
            assertThat(wide.run()).isEqualTo(new Exit.Halt());
            assertThat(wide.state.gpr[RAX]).isEqualTo(0x4433_2211);

            wide.code(TestMachine.CODE, "488B03 F4");
            wide.state.segments[CS].set(TestMachine.KERNEL_CODE, 0, 0xFFFF_FFFFL, 0xA9B);
            wide.state.rip = TestMachine.CODE;
            wide.state.gpr[RBX] = 0xFFFF_FFFEL;
            assertThat(wide.run()).isEqualTo(new Exit.Halt());
            assertThat(wide.state.gpr[RAX] & 0xFFFF_FFFFL).isEqualTo(0x6655_2211);
        }
    }

    // ---- loading segments
    // ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        // CPL, type of the descriptor, RPL, register (ES 0, SS 2), vector or 0
        "0, 0x93, 0, 0, 0",
        "3, 0x93, 3, 0, 13",
        "0, 0x93, 3, 0, 13",
        "0, 0xF3, 3, 0, 0",
        "3, 0xF3, 0, 0, 0",
        "3, 0xF1, 3, 0, 0",
        "3, 0xFB, 3, 0, 0",
        "3, 0xF9, 3, 0, 13", // cannot be read
        "3, 0x9F, 3, 0, 0", // conforming: privilege does not count
        "3, 0x9D, 3, 0, 13",
        "0, 0x89, 0, 0, 13", // a TSS
        "0, 0x13, 0, 0, 11",
        "0, 0x93, 0, 2, 0",
        "0, 0x97, 0, 2, 0",
        "0, 0x91, 0, 2, 13", // cannot be written
        "0, 0x9B, 0, 2, 13",
        "0, 0x93, 3, 2, 13",
        "0, 0xF3, 0, 2, 13",
        "0, 0xF3, 3, 2, 13",
        "3, 0xF3, 3, 2, 0",
        "0, 0x13, 0, 2, 12"
    })
    void loadsAreChecked(int cpl, int type, int level, int register, int vector) {
        descriptor(TRIED, 0x1234, 0x5678, type & ~1, BIG >> 8);
        if (cpl == 3) {
            userMode();
        }
        SegmentRegister loaded = state.segments[register];
        code(CODE, "8E%02X F4".formatted(0xC0 | register << 3)); // mov sreg,ax
        state.gpr[RAX] = TRIED | level;
        if (vector != 0) {
            expectFault(vector, TRIED);
            assertThat(loaded.selector).isNotEqualTo(TRIED | level);
            return;
        }
        machine.processor.run(1);
        assertThat(loaded.selector).isEqualTo(TRIED | level);
        assertThat(loaded.base).isEqualTo(0x1234);
        assertThat(loaded.limit).isEqualTo(0x5678);
        assertThat(read(GDT + TRIED + 5, 1)).as("accessed").isEqualTo(type | 1);
    }

    @Test
    void aNullSelectorFaultsWhereItIsUsedButInSsAtOnce() {
        state.gpr[RAX] = 3;
        assertThat(passes("8ED8")).isTrue();
        code(CODE, "8B03");
        state.rip = CODE;
        expectFault(Vector.GENERAL_PROTECTION, 0);
        state.gpr[RAX] = 0;
        code(CODE, "8ED0");
        state.rip = CODE;
        expectFault(Vector.GENERAL_PROTECTION, 0);
    }

    // ---- transfers
    // ----------------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        // CPL, type, RPL, vector or 0: JMP FAR to code
        "0, 0x9B, 0, 0",
        "0, 0x9B, 3, 13",
        "0, 0xFB, 0, 13",
        "3, 0x9B, 3, 13",
        "3, 0xFB, 3, 0",
        "3, 0xFB, 0, 0",
        "3, 0x9F, 3, 0", // conforming: less privileged callers stay what they are
        "3, 0x9F, 0, 0",
        "0, 0xFF, 0, 13",
        "0, 0x93, 0, 13",
        "0, 0x1B, 0, 11"
    })
    void farJumpsToCodeAreChecked(int cpl, int type, int level, int vector) {
        descriptor(TRIED, 0, 0xFFFFF, type & ~1, 0xC);
        if (cpl == 3) {
            userMode();
        }
        code(CODE, "EA 00011000 %02X00 F4".formatted(TRIED | level)); // jmp TRIED:CODE+0x100
        code(CODE + 0x100, "90");
        if (vector != 0) {
            expectFault(vector, TRIED);
            return;
        }
        machine.processor.run(1);
        assertThat(state.rip).isEqualTo(CODE + 0x100);
        assertThat(state.segments[CS].selector).isEqualTo(TRIED | cpl);
        assertThat(state.cpl).isEqualTo(cpl);
    }

    @Test
    void conformingCodeRunsWithTheCallersPrivilegeAndStack() {
        descriptor(TRIED, 0, 0xFFFFF, 0x9F, 0xC);
        userMode();
        code(CODE, "9A 00011000 8000 EBFE"); // call TRIED:CODE+0x100
        code(CODE + 0x100, "CB");
        machine.processor.run(1);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.gpr[RSP]).isEqualTo(USER_STACK - 8);
        machine.processor.run(1);
        assertThat(state.rip).isEqualTo(CODE + 7);
        assertThat(state.gpr[RSP]).isEqualTo(USER_STACK);
    }

    @ParameterizedTest
    @CsvSource({
        // CPL, type of the gate, RPL, target, type of the target, vector, error code; JMP and CALL
        "3, 0x8C, 3, 0x80, 0x9B, 13, 0x88",
        "0, 0x8C, 3, 0x80, 0x9B, 13, 0x88",
        "3, 0x6C, 3, 0x80, 0x9B, 11, 0x88",
        "3, 0xEC, 3, 0x00, 0x9B, 13, 0",
        "3, 0xEC, 3, 0x100, 0x9B, 13, 0x100",
        "3, 0xEC, 3, 0x80, 0x93, 13, 0x80",
        "0, 0xEC, 0, 0x80, 0xFB, 13, 0x80",
        "3, 0xEC, 3, 0x80, 0x1B, 11, 0x80"
    })
    void badCallGatesAreRefused(int cpl, int type, int level, int target, int code, int vector, int error) {
        descriptor(TRIED, 0, 0xFFFFF, code, 0xC);
        for (String transfer : new String[] {"EA", "9A"}) {
            write(GDT + GATE, 8, (long) target << 16 | (long) type << 40 | HANDLER >>> 16 << 48);
            if (cpl == 3) {
                userMode();
            }
            code(CODE, transfer + "00000000 %02X00".formatted(GATE | level));
            state.rip = CODE;
            expectFault(vector, error);
        }
    }

    @Test
    void aJumpThroughAGateDoesNotChangePrivilege() {
        descriptor(TRIED, 0, 0xFFFFF, 0x9B, 0xC);
        write(GDT + GATE, 8, (long) TRIED << 16 | 0xECL << 40 | HANDLER >>> 16 << 48);
        userMode();
        code(CODE, "EA 00000000 8B00");
        expectFault(Vector.GENERAL_PROTECTION, TRIED);
        descriptor(TRIED, 0, 0xFFFFF, 0x9F, 0xC);
        userMode();
        state.rip = CODE;
        machine.processor.run(1);
        assertThat(state.rip).isEqualTo(HANDLER);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.segments[CS].selector).isEqualTo(TRIED | 3);
    }

    private void callGate(int type, int parameters) {
        write(GDT + GATE, 8, 8L << 16 | (long) parameters << 32 | (long) type << 40 | 0x300 | (CODE >>> 16) << 48);
        userMode();
    }

    /** Three parameters; the inner stack has them in the same order, above the return address. */
    @Test
    void parametersAreCopiedInOrder() {
        callGate(0xEC, 3);
        code(CODE, "6A01 6A02 6A03 9A 00000000 8B00 F4");
        code(CODE + 0x300, "8CD8 CA0C00"); // mov eax,ds; retf 12
        machine.processor.run(4);
        assertThat(state.cpl).isZero();
        assertThat(state.segments[CS].selector).isEqualTo(8);
        assertThat(state.segments[SS].selector).isEqualTo(0x10);
        assertThat(state.gpr[RSP]).isEqualTo(STACK - 28);
        long[] frame = {CODE + 13, 0x1B, 3, 2, 1, USER_STACK - 12, 0x23};
        for (int i = 0; i < frame.length; i++) {
            assertThat(read(STACK - 28 + 4L * i, 4)).as("frame %d", i).isEqualTo(frame[i]);
        }
        state.segments[ES].set(0x10, 0, 0xFFFF_FFFFL, 0xC93);
        state.segments[FS].set(TRIED, 0, 0xFFFF_FFFFL, 0xC9F); // conforming code stays
        machine.processor.run(2);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.gpr[RSP]).isEqualTo(USER_STACK);
        assertThat(state.segments[ES].isUsable())
                .as("privileged data is dropped")
                .isFalse();
        assertThat(state.segments[FS].isUsable()).isTrue();
        assertThat(state.segments[GS].isUsable()).isTrue();
    }

    @Test
    void a16BitGatePushesWordsAndUsesSixteenBitsOfItsOffset() {
        write(GDT + 0x90, 8, 0x0000_9B10_0000_FFFFL); // 16-bit code at CODE
        write(GDT + GATE, 8, 0xFFFF_0000_0000_0000L | 0x90L << 16 | 1L << 32 | 0xE4L << 40 | 0x300);
        userMode();
        code(CODE, "66 6A77 9A 00000000 8B00 F4"); // push word 0x77
        code(CODE + 0x300, "CA0200"); // retf 2
        machine.processor.run(2);
        assertThat(state.rip).isEqualTo(0x300);
        assertThat(state.gpr[RSP]).isEqualTo(STACK - 10);
        long[] frame = {CODE + 10 & 0xFFFF, 0x1B, 0x77, USER_STACK - 2 & 0xFFFF, 0x23};
        for (int i = 0; i < frame.length; i++) {
            assertThat(read(STACK - 10 + 2L * i, 2)).as("frame %d", i).isEqualTo(frame[i]);
        }
    }

    @ParameterizedTest
    @CsvSource({"0x10, 0x0, 12, 0x10", "0x0, 0x0, 10, 0x0", "0x20, 0x0, 10, 0x20", "0x08, 0x0, 10, 0x08"})
    void aBadInnerStackIsAnExceptionOnTheTask(int selector, long unused, int vector, int error) {
        callGate(0xEC, 0);
        if (vector == 12) {
            write(GDT + 0x10, 8, 0x00CF_1300_0000_FFFFL); // absent
        }
        write(TASK + 8, 4, selector);
        // The exception needs an inner stack too: another task has one.
        write(GDT + 0x48, 8, 0x0000_8911_3000_0067L);
        write(GDT + 0x50, 8, 0x00CF_9300_0000_FFFFL);
        write(IDT + 8L * vector, 8, 0x0000_8500_0048_0000L);
        write(TASK_2 + 0x20, 4, HANDLER);
        write(TASK_2 + 0x38, 4, STACK_2);
        for (int i = 0; i < 6; i++) {
            write(TASK_2 + 0x48 + 4L * i, 2, i == 1 ? 8 : 0x50);
        }
        code(HANDLER, "F4");
        code(CODE, "9A 00000000 8B00");
        halts(HANDLER);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(error);
        assertThat(read(TASK + 0x20, 4)).isEqualTo(CODE);
        assertThat(read(TASK + 0x38, 4)).isEqualTo(USER_STACK);
    }

    @Test
    void returnsChecksTheirCodeSegment() {
        descriptor(TRIED, 0, 0xFFFFF, 0x9B, 0xC);
        code(CODE, "CB"); // retf
        userMode();
        write(USER_STACK - 8, 4, CODE);
        write(USER_STACK - 4, 4, TRIED);
        state.gpr[RSP] = USER_STACK - 8;
        expectFault(Vector.GENERAL_PROTECTION, TRIED);
        userMode();
        write(USER_STACK - 4, 4, 0);
        state.gpr[RSP] = USER_STACK - 8;
        state.rip = CODE;
        expectFault(Vector.GENERAL_PROTECTION, 0);
        protectedMode();
        write(STACK - 8, 4, CODE);
        write(STACK - 4, 4, 0x23);
        state.gpr[RSP] = STACK - 8;
        state.rip = CODE;
        expectFault(Vector.GENERAL_PROTECTION, 0x20);
    }

    // ---- interrupts
    // ---------------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({"14, 4, false", "15, 4, true", "6, 2, false", "7, 2, true"})
    void gatesHaveAWidthAndMaskOrNot(int type, int size, boolean stays) {
        gate(0x40, type, 3, CODE + 0x300);
        if (size == 2) {
            write(GDT + 0x08, 8, 0x00CF_9B00_0000_FFFFL);
            write(IDT + 8 * 0x40 + 2, 2, 0x90);
            write(GDT + 0x90, 8, 0x0000_9B10_0000_FFFFL);
        }
        userMode();
        state.rflags |= RFlags.INTERRUPT | RFlags.NESTED_TASK | RFlags.CARRY;
        code(CODE, "CD40");
        machine.processor.run(1);
        assertThat(state.gpr[RSP]).isEqualTo(STACK - 5L * size);
        assertThat(read(state.gpr[RSP], size)).isEqualTo(size == 2 ? CODE + 2 & 0xFFFF : CODE + 2);
        assertThat(read(state.gpr[RSP] + 3L * size, size)).isEqualTo(size == 2 ? 0 : USER_STACK);
        assertThat((state.rflags & RFlags.INTERRUPT) != 0).isEqualTo(stays);
        assertThat(state.rflags & RFlags.NESTED_TASK).isZero();
        assertThat(state.rflags & RFlags.CARRY).isNotZero();
    }

    @Test
    void anInterruptToConformingCodeKeepsPrivilegeAndStack() {
        descriptor(TRIED, 0, 0xFFFFF, 0x9F, 0xC);
        gate(0x40, 14, 3, HANDLER);
        write(IDT + 8 * 0x40 + 2, 2, TRIED);
        userMode();
        code(CODE, "CD40");
        machine.processor.run(1);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.rip).isEqualTo(HANDLER);
        assertThat(state.gpr[RSP]).isEqualTo(USER_STACK - 12);
        assertThat(state.segments[CS].selector).isEqualTo(TRIED | 3);
    }

    private void virtual8086(int ioPrivilege) {
        long[] frame = {
            0x10,
            0x700,
            RFlags.VIRTUAL_8086 | (long) ioPrivilege << 12 | RFlags.INTERRUPT | 2,
            0x80,
            0x600,
            0x111,
            0x222,
            0x333,
            0x444
        };
        code(CODE, "CF");
        state.gpr[RSP] = STACK - 4L * frame.length;
        for (int i = 0; i < frame.length; i++) {
            write(state.gpr[RSP] + 4L * i, 4, frame[i]);
        }
        machine.processor.run(1);
        assertThat(SegmentUnit.isVirtual8086(state)).isTrue();
        for (int i = 0; i < 6; i++) {
            SegmentRegister segment = state.segments[i];
            assertThat(segment.base).isEqualTo(segment.selector << 4);
            assertThat(segment.limit).isEqualTo(0xFFFF);
        }
    }

    /** CLI, STI, PUSHF, POPF, INT n and IRET need IOPL 3; INT3 does not. */
    @ParameterizedTest
    @CsvSource({"FA", "FB", "9C", "9D", "CD40", "CF"})
    void sensitiveInstructionsOfAVirtual8086TaskNeedIoPrivilege(String instruction) {
        gate(0x40, 14, 3, HANDLER);
        virtual8086(0);
        code(0x7010, instruction);
        halts(HANDLER + 16L * 13);
        assertThat(read(state.gpr[RSP], 4)).isZero();
        assertThat(read(state.gpr[RSP] + 4, 4)).isEqualTo(0x10);
        assertThat(read(state.gpr[RSP] + 12, 4) & RFlags.VIRTUAL_8086).isNotZero();
    }

    @Test
    void interruptsOfAVirtual8086TaskGoToPrivilegeZeroOnly() {
        gate(0x40, 14, 3, HANDLER);
        write(GDT + TRIED, 8, 0x00CF_9F00_0000_FFFFL); // conforming
        write(IDT + 8 * 0x40 + 2, 2, TRIED);
        virtual8086(3);
        code(0x7010, "CD40");
        halts(HANDLER + 16L * 13);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(TRIED);
    }

    @Test
    void aHandlerOfAVirtual8086TaskReturnsToIt() {
        gate(0x40, 14, 3, HANDLER);
        code(HANDLER, "CF");
        virtual8086(3);
        code(0x7010, "CD40 8CD8"); // int 0x40; mov ax,ds
        machine.processor.run(3);
        assertThat(SegmentUnit.isVirtual8086(state)).isTrue();
        assertThat(state.gpr[RAX] & 0xFFFF).isEqualTo(0x222);
        assertThat(state.gpr[RSP]).isEqualTo(0x80);
        assertThat(state.rip).isEqualTo(0x14);
        assertThat(state.rflags & RFlags.INTERRUPT).isNotZero();
    }

    @Test
    void portsOfAVirtual8086TaskAreThoseOfTheBitmapWhateverItsIoPrivilege() {
        state.tr.limit = 0x67 + 0x20;
        write(TASK + 0x66, 2, 0x68);
        write(TASK + 0x68 + 2, 1, 0xFE); // port 0x10 alone
        virtual8086(3);
        code(0x7010, "E410 E411");
        assertThat(machine.run()).isEqualTo(new Exit.PortRead(0x10, 1));
        machine.processor.completePortRead(0x5A);
        assertThat(state.gpr[RAX] & 0xFF).isEqualTo(0x5A);
        halts(HANDLER + 16L * 13);
        assertThat(read(state.gpr[RSP] + 4, 4)).isEqualTo(0x12);
    }

    @Test
    void sixteenBitStacksWrapInsideTheirSegment() {
        state.segments[SS].set(0x10, STACK_2, 0xFFFF, DATA);
        state.gpr[RSP] = 0x1234_0000L;
        state.gpr[RDX] = 0x0102_0304;
        assertThat(passes("52")).isTrue();
        assertThat(state.gpr[RSP]).isEqualTo(0x1234_FFFCL);
        assertThat(read(STACK_2 + 0xFFFC, 4)).isEqualTo(0x0102_0304);
        assertThat(passes("59")).isTrue();
        assertThat(state.gpr[RCX]).isEqualTo(0x0102_0304);
        assertThat(state.gpr[RSP]).isEqualTo(0x1234_0000L);
    }
}
