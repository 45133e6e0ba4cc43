package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.USER_SPACE;
import static io.umbra.x86.VcpuState.FS;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDI;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSI;
import static io.umbra.x86.VcpuState.SS;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.Msr;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SystemInstructionTest {
    private static final Exit HALT = new Exit.Halt();

    private final TestMachine machine = TestMachine.shadow();
    private final VcpuState state = machine.state;

    @AfterEach
    void close() {
        machine.close();
    }

    private void expectProtectionFault(String code) {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.code(CODE, code);
        state.rip = CODE;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
        assertThat(machine.peek(TestMachine.STACK_IST - 40, 8)).isEqualTo(CODE);
    }

    @ParameterizedTest
    @ValueSource(longs = {0x1_8001_0031L, 0x8000_0010L, 0xA001_0031L, 0x0001_0031L})
    void impossibleValuesOfCr0AreRefused(long value) {
        state.gpr[RAX] = value;
        expectProtectionFault("0F22C0");
        assertThat(state.isPaging()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {Cr4.VIRTUAL_8086_EXTENSIONS | Cr4.PHYSICAL_ADDRESS_EXTENSION, 0, 1L << 40, Cr4.FSGSBASE | 32})
    void impossibleValuesOfCr4AreRefused(long value) {
        state.gpr[RAX] = value;
        expectProtectionFault("0F22E0");
    }

    @Test
    void writesOfControlRegistersLeaveBehindTheInstruction() {
        machine.code(CODE, "0F06 0F22D8 0F20C1 F4"); // clts; mov cr3,rax; mov rcx,cr0
        long old = state.cr3;
        state.cr0 |= Cr0.TASK_SWITCHED;
        long cr0 = state.cr0;
        state.gpr[RAX] = 0x1234_5000;

        assertThat(machine.run()).isEqualTo(new Exit.ControlRegister(0, cr0));
        assertThat(state.rip).isEqualTo(CODE + 2);
        assertThat(machine.run()).isEqualTo(new Exit.ControlRegister(3, old));
        assertThat(state.cr3).isEqualTo(0x1234_5000);
        assertThat(machine.processor.retired()).isEqualTo(2);
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.gpr[RCX]).isEqualTo(cr0 & ~Cr0.TASK_SWITCHED);
    }

    @Test
    void invalidatePageDropsTheTranslationAndIsTold() {
        machine.code(CODE, "488B03 0F013B 488B03 F4"); // mov rax,[rbx]; invlpg [rbx]; mov rax,[rbx]
        state.gpr[RBX] = DATA;
        machine.processor.run(1);
        machine.memory.writeLong(machine.entry(DATA, 1), 0);

        assertThat(machine.run()).isEqualTo(new Exit.InvalidatePage(DATA));
        assertThat(state.rip).isEqualTo(CODE + 6);
        assertThat(machine.run()).isEqualTo(new Exit.PageFault(DATA, 0, null));
    }

    @Test
    void invalidatingOneAddressOfALargePageDropsAllItsPieces() {
        long place = machine.entry(0x4000_0000L, 2);
        machine.memory.writeLong(place, LongModeEntry.of(1024, RW | LongModeEntry.PAGE_SIZE));
        machine.code(CODE, "488B03 488B03"); // mov rax,[rbx] twice
        state.gpr[RBX] = 0x4000_5000L;
        machine.processor.run(1);
        machine.memory.writeLong(place, 0);
        machine.processor.invalidate(0x401F_F000L);

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(0x4000_5000L, 0, null));
    }

    @Test
    void theTimeStampCountsInstructionsExactly() {
        machine.code(CODE, "90 0F31 90 90 0F31 F4"); // nop; rdtsc; nop; nop; rdtsc
        state.tscOffset = 1000;

        machine.processor.run(2);
        assertThat(state.gpr[RAX]).isEqualTo(1001);
        machine.run();
        assertThat(state.gpr[RAX]).isEqualTo(1004);
    }

    @Test
    void theTimeStampIsRefusedToUserModeWhenDisabled() {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.userMode();
        machine.code(USER_SPACE, "0F31");
        state.cr4 |= Cr4.TIME_STAMP_DISABLE;

        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
    }

    @Test
    void ownRegistersAreReadAndWrittenAndOthersLeaveBefore() {
        machine.code(CODE, "0F30 0F32 F4"); // wrmsr; rdmsr
        state.gpr[RCX] = Msr.KERNEL_GS_BASE & 0xFFFF_FFFFL;
        state.gpr[RAX] = 0x8765_4321L;
        state.gpr[RDX] = 0xFFFF_8000L;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.kernelGsBase).isEqualTo(0xFFFF_8000_8765_4321L);
        assertThat(state.gpr[RDX]).isEqualTo(0xFFFF_8000L);

        state.rip = CODE;
        state.gpr[RCX] = Msr.APIC_BASE;
        assertThat(machine.run()).isEqualTo(new Exit.MsrWrite(Msr.APIC_BASE, 0xFFFF_8000_8765_4321L, 2));
        assertThat(state.rip).isEqualTo(CODE);
        machine.processor.retire(2);
        assertThat(machine.run()).isEqualTo(new Exit.MsrRead(Msr.APIC_BASE, 2));
        assertThat(state.rip).isEqualTo(CODE + 2);
    }

    @ParameterizedTest
    @CsvSource({"0xC0000102, 0x01000000", "0xC0000080, 0x00000001", "0x277, 0x00000002", "0xC0000103, 1"})
    void badValuesOfOwnRegistersAreRefused(String index, String high) {
        state.gpr[RCX] = Long.decode(index);
        state.gpr[RDX] = Long.decode(high);
        expectProtectionFault("0F30");
    }

    @Test
    void cpuidAndHypercallsLeaveBefore() {
        machine.code(CODE, "0FA2 0F01C1 0F01D9");
        assertThat(machine.run()).isEqualTo(new Exit.Cpuid(2));
        machine.processor.retire(2);
        assertThat(machine.run()).isEqualTo(new Exit.Hypercall(3));
        machine.processor.retire(3);
        assertThat(machine.run()).isEqualTo(new Exit.Hypercall(3));
        assertThat(machine.processor.retired()).isEqualTo(2);
    }

    @Test
    void descriptorTablesAreStoredAndLoaded() {
        machine.code(CODE, "0F0103 0F0111 0F014310 F4"); // sgdt [rbx]; lgdt [rcx]; sgdt [rbx+16]
        state.gpr[RBX] = DATA + 0xFF8; // the pseudo-descriptor crosses a page
        state.gpr[RCX] = DATA;
        machine.poke(DATA, 2, 0x7F);
        machine.poke(DATA + 2, 8, 0xFFFF_FE00_0000_1000L);

        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(machine.peek(DATA + 0xFF8, 2)).isEqualTo(0xFFF);
        assertThat(machine.peek(DATA + 0xFFA, 4)).isEqualTo(TestMachine.GDT);
        assertThat(machine.peek(DATA + 0x1008, 2)).isEqualTo(0x7F);
        assertThat(machine.peek(DATA + 0x100A, 8)).isEqualTo(0xFFFF_FE00_0000_1000L);
    }

    @Test
    void rightsAndLimitsOfDescriptorsCanBeAsked() {
        machine.code(CODE, "0F02C1 0F03D1 0F00E1 400F94C6 0F00E9 400F94C7 F4");
        state.gpr[RCX] = TestMachine.USER_DATA;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.gpr[RAX]).isEqualTo(0xC0_F300);
        assertThat(state.gpr[RDX]).isEqualTo(0xFFFF_FFFFL);
        assertThat(state.gpr[RSI] & state.gpr[RDI]).isEqualTo(1);

        state.rip = CODE;
        state.gpr[RAX] = 5;
        state.gpr[RCX] = 0x1000;
        machine.run();
        assertThat(state.gpr[RAX]).isEqualTo(5);
        assertThat(state.gpr[RSI] | state.gpr[RDI]).isZero();
    }

    @Test
    void segmentLoadsCheckAndMarkTheirDescriptor() {
        machine.code(CODE, "8EE1 F4"); // mov fs,ecx
        machine.poke(TestMachine.GDT + 0x18, 8, 0x12CF_F234_5678_FFFFL);
        state.gpr[RCX] = 0x1B;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.segments[FS].base).isEqualTo(0x1234_5678);
        assertThat(machine.peek(TestMachine.GDT + 0x1D, 1)).isEqualTo(0xF3);

        state.gpr[RCX] = TestMachine.TSS;
        expectProtectionFault("8EE1");
        assertThat(machine.peek(TestMachine.STACK_IST - 48, 8)).isEqualTo(TestMachine.TSS);
    }

    @Test
    void aNullStackSegmentIsAllowedIn64BitKernelCodeOnly() {
        machine.code(CODE, "8ED1 F4"); // mov ss,ecx
        state.gpr[RCX] = 0;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.segments[SS].isUsable()).isFalse();

        state.gpr[RCX] = 3;
        expectProtectionFault("8ED1");
    }

    @Test
    void theAlignmentFlagOpensUserPagesUnderSmap() {
        machine.processor.load(new HardwarePaging.Shadow(machine.root << 12, false, true));
        machine.code(CODE, "0F01CB 488B03 0F01CA 488B03"); // stac; mov rax,[rbx]; clac; mov rax,[rbx]
        state.gpr[RBX] = USER_SPACE;

        assertThat(machine.run()).isEqualTo(new Exit.PageFault(USER_SPACE, PageFaultCode.PRESENT, null));
        assertThat(state.rip).isEqualTo(CODE + 9);
        assertThat(state.rflags & RFlags.ALIGNMENT_CHECK).isZero();
    }

    @Test
    void portsAreGuardedByTheBitmapOfTheTss() {
        machine.gate(Vector.GENERAL_PROTECTION, 0, 1);
        machine.userMode();
        machine.code(USER_SPACE, "66EF EE"); // out dx,ax; out dx,al
        machine.poke(TestMachine.TASK + 0x66, 2, 0x100);
        machine.poke(TestMachine.TASK + 0x100 + 0x3F8 / 8, 1, 0b100);
        state.gpr[RDX] = 0x3F8;
        assertThat(machine.run()).isEqualTo(new Exit.PortWrite(0x3F8, 2, 0));
        state.gpr[RDX] = 0x3FA;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(HANDLERS + 16 * 13 + 1);
    }

    @Test
    void debugRegistersHoldWhatTheyCan() {
        machine.code(CODE, "0F23C0 0F21C1 0F23F0 0F21F2 F4"); // dr0 = rax, rcx = dr0, dr6 = rax, rdx = dr6
        state.gpr[RAX] = 0x1234_5678;
        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.gpr[RCX]).isEqualTo(0x1234_5678);
        assertThat(state.gpr[RDX]).isEqualTo(0xFFFF_0FF0L | 0x1234_5678 & 0xE00F);
    }

    @Test
    void singleStepThroughASystemCallThatClearsItDoesNotTrap() {
        machine.gate(Vector.DEBUG, 0, 0);
        machine.userMode();
        machine.code(USER_SPACE, "0F05");
        machine.code(CODE, "90 F4");
        state.lstar = CODE;
        state.star = (long) TestMachine.KERNEL_CODE << 32;
        state.syscallMask = RFlags.TRAP;
        state.rflags |= RFlags.TRAP;
        state.gpr[4] = TestMachine.STACK_TOP;

        assertThat(machine.run()).isEqualTo(HALT);
        assertThat(state.rip).isEqualTo(CODE + 2);
    }
}
