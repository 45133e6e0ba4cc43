package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.RFlags;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** {@link Shifter} against shifts and rotates that go one bit at a time, as the manuals' pseudocode does. */
class ShifterTest {
    private static final long SEED = 20260102;
    private static final int[] OPERATIONS = {
        Shifter.ROL, Shifter.ROR, Shifter.RCL, Shifter.RCR, Shifter.SHL, Shifter.SHR, Shifter.SAR
    };

    private final Workbench bench = new Workbench(64);
    private final Cpu cpu = bench.cpu;
    private final Random random = new Random(SEED);

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void everyCountEqualsThatManySingleSteps() {
        for (int bits : Samples.SIZES) {
            for (long a : Samples.of(bits, random)) {
                for (int count = 1; count < (bits == 64 ? 64 : 32); count++) {
                    for (int operation : OPERATIONS) {
                        check(operation, a, count, bits, random.nextBoolean());
                    }
                }
            }
        }
    }

    @Test
    void doubleShiftsMoveBitsFromOneOperandIntoTheOther() {
        for (int bits : new int[] {16, 32, 64}) {
            for (long a : Samples.of(bits, random)) {
                long b = random.nextLong() & Samples.mask(bits);
                for (int count = 1; count <= Math.min(bits, bits == 64 ? 63 : 31); count++) {
                    String context =
                            String.format(Locale.ROOT, "%x %x by %d, %d bits, seed %d", a, b, count, bits, SEED);
                    String both = binary(a, bits) + binary(b, bits);
                    long r = Shifter.shiftLeftDouble(cpu, a, b, count, bits) & Samples.mask(bits);
                    assertThat(binary(r, bits)).as(context).isEqualTo(both.substring(count, count + bits));
                    assertThat(cpu.flags.carry()).as(context).isEqualTo(both.charAt(count - 1) == '1');
                    assertThat(cpu.flags.zero()).as(context).isEqualTo(r == 0);
                    String reversed = binary(b, bits) + binary(a, bits);
                    r = Shifter.shiftRightDouble(cpu, a, b, count, bits) & Samples.mask(bits);
                    assertThat(binary(r, bits))
                            .as(context)
                            .isEqualTo(reversed.substring(bits - count, 2 * bits - count));
                    assertThat(cpu.flags.carry()).as(context).isEqualTo(reversed.charAt(2 * bits - count) == '1');
                }
            }
        }
    }

    @Test
    void aCountOfZeroChangesNoFlag() {
        for (long flags : new long[] {0, RFlags.STATUS, RFlags.CARRY}) {
            bench.flags(flags);
            cpu.gpr[1] = 0x20;
            cpu.gpr[0] = 0x1234_5678_9ABC_DEF0L;
            bench.execute("d3 e0"); // shl eax, cl
            assertThat(cpu.flags.toRFlags()).isEqualTo(flags);
            assertThat(cpu.gpr[0]).isEqualTo(0x9ABC_DEF0L);
            bench.execute("48 c1 c8 40"); // ror rax, 64
            bench.execute("48 0f a4 d0 40"); // shld rax, rdx, 64
            assertThat(cpu.flags.toRFlags()).isEqualTo(flags);
            assertThat(cpu.gpr[0]).isEqualTo(0x9ABC_DEF0L);
        }
    }

    private void check(int operation, long a, int count, int bits, boolean carryBefore) {
        String context = String.format(Locale.ROOT, "%d: %x by %d, %d bits, seed %d", operation, a, count, bits, SEED);
        long before = RFlags.STATUS & ~(carryBefore ? 0 : RFlags.CARRY);
        cpu.flags.fromRFlags(before);
        long r = Shifter.compute(cpu, operation, a, count, bits) & Samples.mask(bits);
        long expected = a;
        boolean carry = carryBefore;
        for (int i = 0; i < count; i++) {
            boolean top = (expected >>> bits - 1 & 1) != 0;
            boolean bottom = (expected & 1) != 0;
            boolean left = operation == Shifter.ROL || operation == Shifter.RCL || operation == Shifter.SHL;
            boolean in = switch (operation) {
                case Shifter.ROL, Shifter.SAR -> top;
                case Shifter.ROR -> bottom;
                case Shifter.RCL, Shifter.RCR -> carry;
                default -> false;
            };
            expected = left
                    ? expected << 1 & Samples.mask(bits) | (in ? 1 : 0)
                    : expected >>> 1 | (in ? 1L << bits - 1 : 0);
            carry = left ? top : bottom;
        }
        assertThat(r).as(context).isEqualTo(expected);
        assertThat(cpu.flags.carry()).as(context).isEqualTo(carry);
        if (count == 1) {
            boolean signChanged = ((a ^ expected) >>> bits - 1 & 1) != 0;
            assertThat(cpu.flags.overflow()).as(context).isEqualTo(signChanged);
        }
        boolean shifts = operation >= Shifter.SHL;
        assertThat(cpu.flags.zero()).as(context).isEqualTo(!shifts || expected == 0);
        assertThat(cpu.flags.sign()).as(context).isEqualTo(!shifts || (expected >>> bits - 1 & 1) != 0);
        assertThat(cpu.flags.parity()).as(context).isEqualTo(!shifts || Long.bitCount(expected & 0xFF) % 2 == 0);
    }

    private static String binary(long value, int bits) {
        String digits = Long.toBinaryString(value & Samples.mask(bits));
        return "0".repeat(bits - digits.length()) + digits;
    }
}
