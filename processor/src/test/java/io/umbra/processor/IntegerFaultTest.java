package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** OP-1: an instruction that raises an exception has changed nothing. */
class IntegerFaultTest {
    private static final long ABSENT = 0x7000_0000L;

    /** RBX points to absent memory, RSI to memory that is there, RSP to the lowest byte that is there. */
    private static Workbench bench() {
        Workbench bench = new Workbench(64);
        for (int i = 0; i < 16; i++) {
            bench.cpu.gpr[i] = 0x1111_1111_1111_1111L * i;
        }
        bench.cpu.gpr[VcpuState.RBX] = ABSENT;
        bench.cpu.gpr[VcpuState.RSI] = Workbench.BASE + 512;
        bench.cpu.gpr[VcpuState.RDI] = ABSENT;
        bench.cpu.gpr[VcpuState.RSP] = Workbench.BASE;
        bench.flags(RFlags.CARRY | RFlags.ZERO | RFlags.AUXILIARY);
        return bench;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "48 01 03",
                "48 83 03 05",
                "48 13 03",
                "48 39 03",
                "f6 03 01",
                "48 ff 03",
                "48 f7 1b",
                "48 f7 13",
                "48 d1 23",
                "48 d3 1b",
                "48 0f a4 0b 05",
                "48 0f ab 03",
                "48 0f ba 2b 05",
                "48 87 03",
                "48 0f c1 03",
                "48 0f b1 03",
                "0f c7 0b",
                "48 0f c7 0b",
                "48 f7 23",
                "48 f7 33",
                "48 0f af 03",
                "48 0f bc 03",
                "f3 48 0f b8 03",
                "48 8b 03",
                "48 89 03",
                "0f b6 03",
                "0f be 03",
                "0f 38 f0 03",
                "0f 44 03",
                "0f 45 03",
                "0f 94 03",
                "50",
                "6a 01",
                "ff 36",
                "ff 33",
                "9c",
                "e8 00 10 00 00",
                "ff 16",
                "ff 13",
                "ff d0",
                "c8 08 00 02",
                "8f 03",
                "a4",
                "a5",
                "a6",
                "aa",
                "48 ab",
                "ae",
                "0f ae 3b",
                "8e 1b"
            })
    void anAbsentOperandChangesNothing(String instruction) {
        try (Workbench bench = bench()) {
            bench.put(Workbench.BASE + 512, 8, 0x1234);
            String before = bench.snapshot();
            assertThat(bench.vectorOf(instruction)).isEqualTo(Vector.PAGE_FAULT);
            assertThat(bench.snapshot()).isEqualTo(before);
        }
    }

    @Test
    void popToAnAbsentDestinationKeepsTheStack() {
        try (Workbench bench = bench()) {
            String before = bench.snapshot();
            assertThat(bench.vectorOf("8f 03")).isEqualTo(Vector.PAGE_FAULT);
            assertThat(bench.snapshot()).isEqualTo(before);
            assertThat(bench.cpu.exception.linear).isEqualTo(ABSENT);
        }
    }

    @Test
    void misalignedCmpxchg16bIsRefused() {
        try (Workbench bench = bench()) {
            bench.cpu.gpr[VcpuState.RSI] = Workbench.BASE + 8;
            String before = bench.snapshot();
            assertThat(bench.vectorOf("48 0f c7 0e")).isEqualTo(Vector.GENERAL_PROTECTION);
            assertThat(bench.snapshot()).isEqualTo(before);
        }
    }

    @Test
    void branchesToNonCanonicalAddressesFaultWhereTheyAre() {
        try (Workbench bench = bench()) {
            bench.cpu.gpr[VcpuState.RAX] = 1L << 47;
            bench.cpu.gpr[VcpuState.RSP] = Workbench.BASE + 64;
            bench.put(Workbench.BASE + 64, 8, 1L << 60);
            String before = bench.snapshot();
            for (String instruction : new String[] {"ff d0", "ff e0", "c3", "c2 08 00"}) {
                assertThat(bench.vectorOf(instruction)).as(instruction).isEqualTo(Vector.GENERAL_PROTECTION);
                assertThat(bench.snapshot()).as(instruction).isEqualTo(before);
            }
        }
    }

    @Test
    void aNonCanonicalStackIsAStackFaultBesideAnotherOperand() {
        try (Workbench bench = bench()) {
            bench.cpu.gpr[VcpuState.RSP] = 0x8000_0000_1000L;
            assertThat(bench.vectorOf("ff 36")).isEqualTo(Vector.STACK_FAULT); // push qword [rsi]
            assertThat(bench.vectorOf("8f 06")).isEqualTo(Vector.STACK_FAULT); // pop qword [rsi]
            assertThat(bench.make("50").isStackOperand()).isTrue();
            assertThat(bench.make("48 8b 03").isStackOperand()).isFalse();
            assertThat(bench.make("48 8b 45 00").isStackOperand()).isTrue();
        }
    }

    @Test
    void jumpsBeyondTheCodeSegmentFault() {
        try (Workbench bench = new Workbench(32)) {
            bench.state.segments[VcpuState.CS].limit = Workbench.RIP + 0x100;
            assertThat(bench.vectorOf("eb 10")).isEqualTo(-1);
            assertThat(bench.vectorOf("e9 00 10 00 00")).isEqualTo(Vector.GENERAL_PROTECTION);
            bench.cpu.gpr[VcpuState.RCX] = 5;
            assertThat(bench.vectorOf("e2 fe")).isEqualTo(-1);
            bench.state.segments[VcpuState.CS].limit = Workbench.RIP - 1;
            assertThat(bench.vectorOf("e2 fe")).isEqualTo(Vector.GENERAL_PROTECTION);
            assertThat(bench.cpu.gpr[VcpuState.RCX]).isEqualTo(4);
        }
    }
}
