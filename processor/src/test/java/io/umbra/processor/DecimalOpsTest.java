package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Decimal adjustments against the decimal numbers that they are for. */
class DecimalOpsTest {
    private final Workbench bench = new Workbench(32);
    private final long[] gpr = bench.cpu.gpr;

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void packedSumsAndDifferencesAreDecimal() {
        for (int a = 0; a < 100; a++) {
            for (int b = 0; b < 100; b++) {
                operands(packed(a), packed(b));
                bench.execute("00 d8"); // add al, bl
                bench.execute("27");
                assertThat(gpr[VcpuState.RAX] & 0xFF).as("%d + %d", a, b).isEqualTo(packed((a + b) % 100));
                assertThat(bench.cpu.flags.carry()).isEqualTo(a + b > 99);
                operands(packed(a), packed(b));
                bench.execute("28 d8"); // sub al, bl
                bench.execute("2f");
                assertThat(gpr[VcpuState.RAX] & 0xFF).as("%d - %d", a, b).isEqualTo(packed((a - b + 100) % 100));
                assertThat(bench.cpu.flags.carry()).isEqualTo(a < b);
            }
        }
    }

    @Test
    void unpackedDigitsCarryIntoAh() {
        for (long a = 0; a < 10; a++) {
            for (long b = 0; b < 10; b++) {
                operands('0' + a, '0' + b);
                bench.execute("00 d8");
                bench.execute("37"); // aaa
                assertThat(gpr[VcpuState.RAX]).as("%d + %d", a, b).isEqualTo((a + b) / 10 << 8 | (a + b) % 10);
                assertThat(bench.cpu.flags.carry()).isEqualTo(a + b > 9);
                operands(0x500 | a, b);
                bench.execute("28 d8");
                bench.execute("3f"); // aas
                long difference = 50 + a - b;
                assertThat(gpr[VcpuState.RAX]).as("%d - %d", a, b).isEqualTo(difference / 10 << 8 | difference % 10);
                operands(a * b, 0);
                bench.execute("d4 0a"); // aam
                assertThat(gpr[VcpuState.RAX]).as("%d * %d", a, b).isEqualTo(a * b / 10 << 8 | a * b % 10);
                bench.execute("d5 0a"); // aad
                assertThat(gpr[VcpuState.RAX]).isEqualTo(a * b);
            }
        }
    }

    @Test
    void theBaseZeroIsADivideError() {
        assertThat(bench.vectorOf("d4 00")).isEqualTo(Vector.DIVIDE_ERROR);
    }

    @Test
    void boundsAreInclusiveAndSigned() {
        gpr[VcpuState.RBX] = Workbench.BASE;
        bench.put(Workbench.BASE, 4, -5);
        bench.put(Workbench.BASE + 4, 4, 7);
        for (int index = -8; index < 10; index++) {
            gpr[VcpuState.RAX] = index & 0xFFFF_FFFFL;
            assertThat(bench.vectorOf("62 03"))
                    .as("%d", index)
                    .isEqualTo(index < -5 || index > 7 ? Vector.BOUND_RANGE : -1);
        }
    }

    private void operands(long al, long bl) {
        gpr[VcpuState.RAX] = al;
        gpr[VcpuState.RBX] = bl;
    }

    private static int packed(int number) {
        return number / 10 << 4 | number % 10;
    }
}
