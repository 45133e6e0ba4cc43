package io.umbra.processor;

import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.DS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RSP;
import static io.umbra.x86.VcpuState.SS;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Switches of tasks by JMP, CALL, IRET and task gates. Intel SDM vol. 3A, "Task Switching", and its table on busy bits, NT, links and TS. */
class TaskSwitchTest extends LegacyFixture {
    /** The task that runs first, one to switch to, and one that takes exceptions. */
    private static final int FIRST = 0x28, SECOND = 0x48, THIRD = 0x50, GATE = 0x58, LDT = 0x60;

    private static final long TASK_3 = 0x11_6000, STACK_3 = 0x16_0000, LOCAL = 0x11_7000;
    private static final long BODY = HANDLER + 0x100, EXCEPTION = HANDLER + 0x200;
    private static final int AVAILABLE_32 = 0x89, BUSY_32 = 0x8B, AVAILABLE_16 = 0x81, BUSY_16 = 0x83;
    private static final int[] SEGMENTS = {0x48, 0x4C, 0x50, 0x54, 0x58, 0x5C};

    @BeforeEach
    void tasks() {
        protectedMode();
        descriptor(SECOND, TASK_2, 0x67, AVAILABLE_32);
        descriptor(THIRD, TASK_3, 0x67, AVAILABLE_32);
        wideTask(TASK_2, BODY, STACK_2);
        wideTask(TASK_3, EXCEPTION, STACK_3);
        code(BODY, "F4");
        code(EXCEPTION, "F4");
        code(CODE, "EA 00000000 4800 F4"); // jmp 0x48:0
        taskGate(GDT + GATE, SECOND, 0x85);
    }

    private void descriptor(int selector, long base, int limit, int type) {
        write(GDT + selector, 8, limit | base << 16 & 0xFF_FFFF_0000L | (long) type << 40 | base >>> 24 << 56);
    }

    private void taskGate(long place, int selector, int type) {
        write(place, 8, (long) selector << 16 | (long) type << 40);
    }

    private void wideTask(long base, long start, long stack) {
        write(base + 0x20, 4, start);
        write(base + 0x24, 4, 2);
        write(base + 0x38, 4, stack);
        for (int segment : SEGMENTS) {
            write(base + segment, 2, segment == 0x4C ? 8 : 0x10);
        }
    }

    private int typeOf(int selector) {
        return (int) read(GDT + selector + 5, 1);
    }

    private void step() {
        machine.processor.run(1);
    }

    private void halts(long at) {
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(at + 1);
    }

    @Test
    void aJumpLeavesTheOldTaskAvailableAndUnlinked() {
        write(TASK_2 + 0x24, 4, 2 | RFlags.NESTED_TASK | RFlags.CARRY | RFlags.RESUME);
        state.rflags |= RFlags.ZERO;
        state.dr[7] |= 0x300; // LE and GE, no breakpoint
        state.gpr[RBX] = 0x1234_5678;
        write(TASK, 2, 0x7777);
        write(TASK_2, 2, 0x6666);
        write(TASK_2 + 0x34, 4, 0x99);

        step();
        assertThat(state.rip).isEqualTo(BODY);
        assertThat(state.tr.selector).isEqualTo(SECOND);
        assertThat(state.tr.type()).isEqualTo(Descriptor.TSS_32_BUSY);
        assertThat(typeOf(FIRST)).isEqualTo(AVAILABLE_32);
        assertThat(typeOf(SECOND)).isEqualTo(BUSY_32);
        assertThat(read(TASK_2, 2)).as("link").isEqualTo(0x6666);
        assertThat(read(TASK, 2)).isEqualTo(0x7777);
        assertThat(state.rflags & (RFlags.NESTED_TASK | RFlags.CARRY | RFlags.RESUME | RFlags.ZERO))
                .isEqualTo(RFlags.NESTED_TASK | RFlags.CARRY | RFlags.RESUME);
        assertThat(state.cr0 & Cr0.TASK_SWITCHED).isNotZero();
        assertThat(state.dr[7] & 0x3FF).isEqualTo(0x200);
        assertThat(state.gpr[RBX]).isEqualTo(0x99);
        assertThat(read(TASK + 0x20, 4)).isEqualTo(CODE + 7);
        assertThat(read(TASK + 0x24, 4)).isEqualTo(2 | RFlags.ZERO);
        assertThat(read(TASK + 0x34, 4)).isEqualTo(0x1234_5678);
        assertThat(read(TASK + 0x4C, 2)).isEqualTo(8);
    }

    @Test
    void aReturnClearsTheBusyBitAndNtOfTheTaskThatItLeaves() {
        code(CODE, "9A 00000000 4800 F4"); // call 0x48:0
        code(BODY, "CF F4"); // iret
        halts(CODE + 7);
        assertThat(typeOf(FIRST)).isEqualTo(BUSY_32);
        assertThat(typeOf(SECOND)).isEqualTo(AVAILABLE_32);
        assertThat(read(TASK_2, 2)).isEqualTo(FIRST);
        assertThat(read(TASK_2 + 0x20, 4)).isEqualTo(BODY + 1);
        assertThat(read(TASK_2 + 0x24, 4) & RFlags.NESTED_TASK).isZero();
        assertThat(state.rflags & RFlags.NESTED_TASK).isZero();
    }

    @Test
    void aGateLeadsToATaskWhateverThePrivilegeOfItsDescriptor() {
        taskGate(GDT + GATE, SECOND, 0xE5);
        userMode();
        code(CODE, "EA 00000000 5B00");
        halts(BODY);
        assertThat(state.cpl).isZero();
        assertThat(read(TASK + 0x4C, 2)).isEqualTo(0x1B);
        assertThat(read(TASK + 0x38, 4)).isEqualTo(USER_STACK);
    }

    @ParameterizedTest
    @CsvSource({
        // CPL, selector jumped to, type of the TSS, limit, vector, error code
        "0, 0x48, 0x8B, 0x67, 13, 0x48",
        "0, 0x48, 0x09, 0x67, 11, 0x48",
        "0, 0x48, 0x89, 0x66, 10, 0x48",
        "0, 0x48, 0x81, 0x2A, 10, 0x48",
        "3, 0x48, 0x89, 0x67, 13, 0x48",
        "0, 0x4B, 0x89, 0x67, 13, 0x48",
        "3, 0x5B, 0x89, 0x67, 13, 0x58",
        "0, 0x58, 0x8B, 0x67, 13, 0x48",
        "0, 0x58, 0x09, 0x67, 11, 0x48",
        "0, 0x58, 0x82, 0x67, 13, 0x48",
        "0, 0x108, 0x89, 0x67, 13, 0x108"
    })
    void badTasksAreRefusedInTheOldOne(int cpl, int selector, int type, int limit, int vector, int error) {
        descriptor(SECOND, TASK_2, limit, type);
        gate(vector, 14, 0, HANDLER);
        if (cpl == 3) {
            userMode();
        }
        code(CODE, "EA 00000000 %02X%02X".formatted(selector & 0xFF, selector >>> 8));
        halts(HANDLER);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(error);
        assertThat(read(state.gpr[RSP] + 4, 4)).isEqualTo(CODE);
        assertThat(state.tr.selector).isEqualTo(FIRST);
        assertThat(typeOf(SECOND)).isEqualTo(type);
        assertThat(read(TASK + 0x20, 4)).isZero();
        assertThat(state.cr0 & Cr0.TASK_SWITCHED).isZero();
    }

    @ParameterizedTest
    @CsvSource({"0x48, 0x89, 0x48", "0x4C, 0x8B, 0x4C", "0, 0x8B, 0", "0x100, 0x8B, 0x100"})
    void aReturnNeedsABusyTask(int link, int type, int error) {
        descriptor(SECOND, TASK_2, 0x67, type);
        gate(Vector.INVALID_TSS, 14, 0, HANDLER);
        write(TASK, 2, link);
        code(CODE, "CF");
        state.rflags |= RFlags.NESTED_TASK;
        halts(HANDLER);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(error);
        assertThat(read(state.gpr[RSP] + 12, 4) & RFlags.NESTED_TASK).isNotZero();
    }

    @Test
    void aReturnInLongModeIsRefusedByTheFlag() {
        try (TestMachine wide = TestMachine.nested()) {
            wide.gate(Vector.GENERAL_PROTECTION, 0, 0);
            wide.code(TestMachine.CODE, "48CF");
            wide.state.rflags |= RFlags.NESTED_TASK;
            assertThat(wide.run()).isEqualTo(new Exit.Halt());
            assertThat(wide.state.rip).isEqualTo(TestMachine.HANDLERS + 16 * 13 + 1);
        }
    }

    // ---- 16-bit tasks
    // -------------------------------------------------------------------------------------------------------

    @Test
    void sixteenBitTasksSaveAndLoadSixteenBits() {
        descriptor(SECOND, TASK_2, 0x2B, AVAILABLE_16);
        write(GDT + 0x68, 8, 0x0000_9B10_0000_FFFFL); // 16-bit code at 0x100000
        write(GDT + 0x70, 8, 0x0000_9315_0000_FFFFL); // 16-bit data at 0x150000
        write(TASK_2 + 0x0E, 2, 0x300);
        write(TASK_2 + 0x10, 2, 2 | RFlags.CARRY);
        write(TASK_2 + 0x12, 2, 0xAAAA);
        write(TASK_2 + 0x1A, 2, 0x800);
        write(TASK_2 + 0x22, 2, 0x70);
        write(TASK_2 + 0x24, 2, 0x68);
        write(TASK_2 + 0x26, 2, 0x70);
        write(TASK_2 + 0x28, 2, 0x70);
        code(CODE, "9A 00000000 4800 F4");
        code(CODE + 0x300, "B82301 50 CF"); // mov ax,0x123; push ax; iret
        state.gpr[RCX] = 0x1234_5678;

        step();
        assertThat(state.rip).isEqualTo(0x300);
        assertThat(state.segments[CS].base).isEqualTo(CODE);
        assertThat(state.segments[SS].isBig()).isFalse();
        assertThat(state.gpr[RAX] & 0xFFFF).isEqualTo(0xAAAA);
        assertThat(state.segments[VcpuState.FS].isUsable())
                .as("a 16-bit TSS has no FS")
                .isFalse();
        assertThat(state.rflags & (RFlags.CARRY | RFlags.NESTED_TASK)).isEqualTo(RFlags.CARRY | RFlags.NESTED_TASK);
        assertThat(typeOf(SECOND)).isEqualTo(BUSY_16);
        halts(CODE + 7);
        assertThat(read(STACK_2 + 0x7FE, 2)).isEqualTo(0x123);
        assertThat(read(TASK_2 + 0x12, 2)).isEqualTo(0x123);
        assertThat(read(TASK_2 + 0x1A, 2)).isEqualTo(0x7FE);
        assertThat(read(TASK_2 + 0x0E, 2)).isEqualTo(0x305);
        assertThat(typeOf(SECOND)).isEqualTo(AVAILABLE_16);
        assertThat(state.gpr[RCX]).isEqualTo(0x1234_5678);
        assertThat(state.segments[CS].selector).isEqualTo(8);
    }

    // ---- tasks that take interrupts
    // -----------------------------------------------------------------------------------------

    @Test
    void anExceptionThroughATaskGatePushesItsErrorCodeInTheNewTask() {
        taskGate(IDT + 8 * Vector.GENERAL_PROTECTION, THIRD, 0x85);
        code(CODE, "B8 50010000 8ED8 F4"); // mov eax,0x150; mov ds,ax
        code(EXCEPTION, "58 F4");
        halts(EXCEPTION + 1);
        assertThat(state.gpr[RAX]).isEqualTo(0x150);
        assertThat(state.gpr[RSP]).isEqualTo(STACK_3);
        assertThat(read(TASK_3, 2)).isEqualTo(FIRST);
        assertThat(read(TASK + 0x20, 4)).isEqualTo(CODE + 5);
        assertThat(read(TASK + 0x24, 4) & RFlags.RESUME).isNotZero();
        assertThat(state.rflags & (RFlags.NESTED_TASK | RFlags.RESUME)).isEqualTo(RFlags.NESTED_TASK);
        assertThat(typeOf(FIRST)).isEqualTo(BUSY_32);
    }

    @Test
    void anInterruptTaskReturnsBehindTheInterrupt() {
        taskGate(IDT + 8 * 0x40, THIRD, 0xE5);
        userMode();
        code(CODE, "CD40 EBFE");
        code(EXCEPTION, "CF");
        machine.processor.run(2);
        assertThat(state.rip).isEqualTo(CODE + 2);
        assertThat(state.cpl).isEqualTo(3);
        assertThat(state.tr.selector).isEqualTo(FIRST);
        assertThat(typeOf(THIRD)).isEqualTo(AVAILABLE_32);
    }

    @Test
    void aTaskGateThatUserModeMayNotUseIsRefused() {
        taskGate(IDT + 8 * 0x40, THIRD, 0x85);
        gate(Vector.GENERAL_PROTECTION, 14, 0, HANDLER);
        userMode();
        code(CODE, "CD40");
        halts(HANDLER);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(0x40 * 8 + 2);
    }

    // ---- what is wrong in the new task
    // --------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        // offset in the TSS, selector, vector, error code
        "0x4C, 0x10, 10, 0x10", // CS: data
        "0x4C, 0x00, 10, 0x00",
        "0x4C, 0x1A, 10, 0x18", // RPL 2, DPL 3
        "0x4C, 0x80, 11, 0x80", // absent code
        "0x50, 0x08, 10, 0x08", // SS: code
        "0x50, 0x00, 10, 0x00",
        "0x50, 0x20, 10, 0x20", // DPL 3
        "0x50, 0x88, 12, 0x88", // absent data
        "0x54, 0x28, 10, 0x28", // DS: a TSS
        "0x54, 0x88, 11, 0x88",
        "0x54, 0x100, 10, 0x100", // beyond the limit
        "0x5C, 0x90, 10, 0x90", // GS: code that cannot be read
        "0x60, 0x10, 10, 0x10", // LDT: data
        "0x60, 0x64, 10, 0x64",
        "0x60, 0x98, 10, 0x98" // absent LDT
    })
    void aBadSegmentIsAnExceptionInTheNewTask(int offset, int selector, int vector, int error) {
        write(GDT + 0x80, 8, 0x00CF_1B00_0000_FFFFL);
        write(GDT + 0x88, 8, 0x00CF_1300_0000_FFFFL);
        write(GDT + 0x90, 8, 0x00CF_9900_0000_FFFFL);
        descriptor(0x98, LOCAL, 0xFF, 0x02);
        write(TASK_2 + offset, 2, selector);
        taskGate(IDT + 8L * vector, THIRD, 0x85);

        halts(EXCEPTION);
        assertThat(read(state.gpr[RSP], 4)).isEqualTo(error);
        assertThat(read(TASK_3, 2)).as("the task that faulted").isEqualTo(SECOND);
        assertThat(read(TASK_2 + 0x20, 4)).isEqualTo(BODY);
        assertThat(typeOf(FIRST)).isEqualTo(AVAILABLE_32);
        assertThat(typeOf(SECOND)).isEqualTo(BUSY_32);
    }

    @Test
    void anInstructionPointerBeyondTheLimitFaultsInTheNewTask() {
        write(GDT + 0x80, 8, 0x0040_9B00_0000_FFFFL);
        write(TASK_2 + 0x4C, 2, 0x80);
        gate(Vector.GENERAL_PROTECTION, 14, 0, HANDLER);
        halts(HANDLER);
        assertThat(read(STACK_2 - 16, 4)).isZero();
        assertThat(read(STACK_2 - 12, 4)).isEqualTo(BODY);
        assertThat(read(STACK_2 - 8, 4)).isEqualTo(0x80);
    }

    @Test
    void aTaskHasItsOwnLocalDescriptorTable() {
        descriptor(LDT, LOCAL, 0xFF, 0x82);
        write(LOCAL + 0x08, 8, 0x00CF_9312_3456_FFFFL);
        write(TASK_2 + 0x60, 2, LDT);
        write(TASK_2 + 0x54, 2, 0x0C);
        halts(BODY);
        assertThat(state.ldtr.base).isEqualTo(LOCAL);
        assertThat(state.segments[DS].base).isEqualTo(0x12_3456);
    }

    @Test
    void theTrapBitOfATssIsADebugExceptionBeforeTheFirstInstruction() {
        write(TASK_2 + 0x64, 2, 1);
        gate(Vector.DEBUG, 14, 0, HANDLER);
        halts(HANDLER);
        assertThat(state.dr[6] & DebugUnit.TASK_SWITCHED).isNotZero();
        assertThat(read(STACK_2 - 12, 4)).isEqualTo(BODY);
        assertThat(state.tr.selector).isEqualTo(SECOND);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void aTaskMayBeInVirtual8086Mode(int ioPrivilege) {
        write(TASK_2 + 0x20, 4, 0x10);
        write(TASK_2 + 0x24, 4, 2 | RFlags.VIRTUAL_8086 | (long) ioPrivilege << 12);
        write(TASK_2 + 0x38, 4, 0x800);
        for (int segment : SEGMENTS) {
            write(TASK_2 + segment, 2, segment == 0x4C ? 0x700 : 0x600);
        }
        code(0x7010, "8CD8 CD20"); // mov ax,ds; int 0x20
        gate(0x20, 14, 3, HANDLER);
        gate(Vector.GENERAL_PROTECTION, 14, 0, HANDLER + 0x10);
        write(TASK_2 + 4, 4, STACK_3);
        write(TASK_2 + 8, 4, 0x10);
        halts(ioPrivilege == 3 ? HANDLER : HANDLER + 0x10);
        assertThat(state.gpr[RAX]).isEqualTo(0x600);
        long frame = ioPrivilege == 3 ? state.gpr[RSP] : state.gpr[RSP] + 4;
        assertThat(read(frame, 4)).isEqualTo(ioPrivilege == 3 ? 0x14 : 0x12);
        assertThat(read(frame + 4, 4)).isEqualTo(0x700);
        assertThat(read(frame + 12, 4)).isEqualTo(0x800);
        assertThat(read(frame + 32, 4)).as("GS").isEqualTo(0x600);
    }
}
