package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Event;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Single instructions whose manual pages hold a surprise. */
class IntegerOpsTest {
    private static final long STACK = Workbench.BASE + 0x800;

    private final Workbench bench = new Workbench(64).withTlb();
    private final long[] gpr = bench.cpu.gpr;

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void thirtyTwoBitResultsClearTheUpperHalf() {
        gpr[VcpuState.RAX] = -1;
        bench.flags(0);
        bench.execute("0f 44 c3"); // cmove eax, ebx: not taken
        assertThat(gpr[VcpuState.RAX]).isEqualTo(0xFFFF_FFFFL);
        gpr[VcpuState.RAX] = -1;
        bench.execute("66 b8 34 12"); // mov ax, 0x1234
        assertThat(gpr[VcpuState.RAX]).isEqualTo(0xFFFF_FFFF_FFFF_1234L);
        bench.execute("b4 56"); // mov ah, 0x56
        assertThat(gpr[VcpuState.RAX]).isEqualTo(0xFFFF_FFFF_FFFF_5634L);
    }

    @Test
    void bitScansOfZeroKeepTheDestination() {
        gpr[VcpuState.RAX] = -1;
        gpr[VcpuState.RCX] = 0xFFFF_FFFF_0000_0000L;
        bench.execute("0f bc c1"); // bsf eax, ecx
        assertThat(gpr[VcpuState.RAX]).isEqualTo(-1);
        assertThat(bench.cpu.flags.zero()).isTrue();
        bench.execute("48 0f bc c1");
        assertThat(gpr[VcpuState.RAX]).isEqualTo(32);
        bench.execute("48 0f bd c1");
        assertThat(gpr[VcpuState.RAX]).isEqualTo(63);
        assertThat(bench.cpu.flags.zero()).isFalse();
    }

    @Test
    void countsOfZeroAreTheWidthAndSayCarry() {
        gpr[VcpuState.RAX] = -1;
        gpr[VcpuState.RCX] = 0xFFFF_FFFF_0000_0000L;
        bench.execute("f3 0f bc c1"); // tzcnt eax, ecx
        assertThat(gpr[VcpuState.RAX]).isEqualTo(32);
        assertThat(bench.cpu.flags.carry()).isTrue();
        assertThat(bench.cpu.flags.zero()).isFalse();
        bench.execute("f3 48 0f bd c1"); // lzcnt rax, rcx
        assertThat(gpr[VcpuState.RAX]).isZero();
        assertThat(bench.cpu.flags.carry()).isFalse();
        assertThat(bench.cpu.flags.zero()).isTrue();
    }

    @Test
    void bitStringsReachOutsideTheirOperand() {
        gpr[VcpuState.RBX] = STACK;
        gpr[VcpuState.RCX] = 1000;
        bench.execute("48 0f ab 0b"); // bts [rbx], rcx
        assertThat(bench.get(STACK + 125, 1)).isEqualTo(1);
        assertThat(bench.cpu.flags.carry()).isFalse();
        gpr[VcpuState.RCX] = -9;
        bench.execute("66 0f ab 0b"); // bts [rbx], cx
        assertThat(bench.get(STACK - 2, 2)).isEqualTo(0x80);
        bench.execute("66 0f a3 0b");
        assertThat(bench.cpu.flags.carry()).isTrue();
        bench.execute("0f ba 23 47"); // bt dword [rbx], 0x47: an immediate does not reach out
        assertThat(bench.cpu.flags.carry()).isFalse();
    }

    @Test
    void stackPointerAsOperandIsReadBeforeAndAddressedAfter() {
        gpr[VcpuState.RSP] = STACK;
        bench.execute("54"); // push rsp
        assertThat(bench.get(STACK - 8, 8)).isEqualTo(STACK);
        bench.put(STACK - 8, 8, 0x55);
        bench.execute("8f 44 24 08"); // pop [rsp+8]
        assertThat(bench.get(STACK + 8, 8)).isEqualTo(0x55);
        assertThat(gpr[VcpuState.RSP]).isEqualTo(STACK);
        bench.put(STACK, 8, 0x1234_5678);
        bench.execute("5c"); // pop rsp
        assertThat(gpr[VcpuState.RSP]).isEqualTo(0x1234_5678);
    }

    @Test
    void callAndReturnMeet() {
        gpr[VcpuState.RSP] = STACK;
        bench.execute("e8 fb ff ff ff"); // call to itself
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP);
        assertThat(bench.get(STACK - 8, 8)).isEqualTo(Workbench.RIP + 5);
        bench.execute("c2 10 00"); // ret 16
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 5);
        assertThat(gpr[VcpuState.RSP]).isEqualTo(STACK + 16);
    }

    @Test
    void everyConditionOfJumpsIsItsOwn() {
        for (int code = 0; code < 16; code++) {
            for (long flags : new long[] {0, RFlags.CARRY, RFlags.ZERO, RFlags.SIGN, RFlags.OVERFLOW, RFlags.PARITY}) {
                bench.flags(flags);
                bench.execute(String.format("%x 10", 0x70 + code));
                boolean taken = bench.cpu.rip == Workbench.RIP + 0x12;
                assertThat(taken).as("condition %d of %x", code, flags).isEqualTo(bench.cpu.flags.condition(code));
                assertThat(taken || bench.cpu.rip == Workbench.RIP + 2).isTrue();
            }
        }
    }

    @Test
    void loopsCountInTheAddressSize() {
        gpr[VcpuState.RCX] = 0x1_0000_0001L;
        bench.execute("67 e2 10"); // loop, by ecx
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 3);
        assertThat(gpr[VcpuState.RCX]).isZero();
        bench.execute("e3 10");
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 0x12);
        gpr[VcpuState.RCX] = 0;
        bench.flags(RFlags.ZERO);
        bench.execute("e0 10"); // loopne: stops on ZF, the counter wraps
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 2);
        assertThat(gpr[VcpuState.RCX]).isEqualTo(-1);
        bench.execute("e1 10"); // loope
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 0x12);
    }

    @Test
    void interruptFlagIsGuardedByPrivilege() {
        bench.state.cpl = 3;
        bench.flags(RFlags.INTERRUPT);
        assertThat(bench.vectorOf("fa")).isEqualTo(Vector.GENERAL_PROTECTION);
        assertThat(bench.vectorOf("fb")).isEqualTo(Vector.GENERAL_PROTECTION);
        pop(0x3000);
        assertThat(bench.flags()).isEqualTo(RFlags.INTERRUPT | RFlags.ALWAYS_ONE);
        bench.flags(RFlags.IO_PRIVILEGE);
        pop(RFlags.INTERRUPT);
        assertThat(bench.flags()).isEqualTo(RFlags.INTERRUPT | RFlags.IO_PRIVILEGE | RFlags.ALWAYS_ONE);
        bench.state.cpl = 0;
        pop(RFlags.VIRTUAL_8086 | RFlags.RESUME | RFlags.VIRTUAL_INTERRUPT | RFlags.CARRY);
        assertThat(bench.flags()).isEqualTo(RFlags.CARRY | RFlags.ALWAYS_ONE);
    }

    private void pop(long flags) {
        gpr[VcpuState.RSP] = STACK;
        bench.put(STACK, 8, flags);
        bench.execute("9d");
        assertThat(gpr[VcpuState.RSP]).isEqualTo(STACK + 8);
    }

    @Test
    void interruptsStayShadowedAfterTheyAreEnabled() {
        bench.flags(0);
        bench.execute("fb");
        assertThat(bench.state.interruptsEnabled()).isTrue();
        assertThat(bench.state.interruptShadow).isTrue();
        bench.state.interruptShadow = false;
        bench.execute("fb");
        assertThat(bench.state.interruptShadow).isFalse();
    }

    @Test
    void softwareInterruptsLeaveTheirEvent() {
        bench.execute("cd 80");
        Event event = Objects.requireNonNull(bench.cpu.softwareEvent);
        assertThat(event).isEqualTo(new Event(Event.Kind.SOFTWARE_INTERRUPT, 0x80, 0, 2));
        assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP);
        bench.execute("cc");
        assertThat(bench.cpu.softwareEvent).isEqualTo(new Event(Event.Kind.SOFTWARE_EXCEPTION, 3, 0, 1));
        assertThat(bench.vectorOf("0f 0b")).isEqualTo(Vector.INVALID_OPCODE);
        assertThat(bench.vectorOf("0f b9 03")).isEqualTo(Vector.INVALID_OPCODE);
    }

    @Test
    void hintsTouchNothing() {
        gpr[VcpuState.RBX] = 1L << 60;
        for (String hint : new String[] {"0f 1f 03", "0f 18 03", "0f 0d 0b", "f3 0f 1e fa", "f3 90", "0f ae f0"}) {
            assertThat(bench.vectorOf(hint)).as(hint).isEqualTo(-1);
        }
    }

    @Test
    void crc32IsCastagnolis() {
        long crc = 0xFFFF_FFFFL;
        for (char digit : "123456789".toCharArray()) {
            gpr[VcpuState.RAX] = crc;
            gpr[VcpuState.RCX] = digit;
            bench.execute("f2 0f 38 f0 c1"); // crc32 eax, cl
            crc = gpr[VcpuState.RAX];
        }
        assertThat(~crc & 0xFFFF_FFFFL).isEqualTo(0xE306_9283L);
    }

    @Test
    void legacyStacksHaveTheWidthOfTheirSegment() {
        try (Workbench real = new Workbench(16)) {
            real.state.segments[VcpuState.SS].base = Workbench.BASE;
            real.cpu.gpr[VcpuState.RSP] = 0x1234_0000L;
            real.cpu.gpr[VcpuState.RAX] = 0xABCD;
            real.end = Workbench.BASE + 0x10000;
            real.cpu.gpr[VcpuState.RSP] = 0x1234_0100L;
            real.execute("50");
            assertThat(real.cpu.gpr[VcpuState.RSP]).isEqualTo(0x1234_00FEL);
            assertThat(real.get(Workbench.BASE + 0xFE, 2)).isEqualTo(0xABCD);
            real.execute("66 60"); // pushad
            assertThat(real.cpu.gpr[VcpuState.RSP]).isEqualTo(0x1234_00DEL);
            assertThat(real.get(Workbench.BASE + 0xDE + 12, 4)).isEqualTo(0x1234_00FEL);
            real.cpu.gpr[VcpuState.RAX] = 0;
            real.execute("66 61"); // popad
            assertThat(real.cpu.gpr[VcpuState.RAX]).isEqualTo(0xABCD);
            assertThat(real.cpu.gpr[VcpuState.RSP]).isEqualTo(0x1234_00FEL);
        }
    }

    @Test
    void loadingTheStackSegmentShadowsInterrupts() {
        bench.execute("8e d0"); // mov ss, eax
        assertThat(bench.state.interruptShadow).isTrue();
        bench.state.interruptShadow = false;
        bench.execute("8e d8"); // mov ds, eax
        assertThat(bench.state.interruptShadow).isFalse();
    }
}
