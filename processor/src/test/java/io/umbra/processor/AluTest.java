package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.RFlags;
import java.math.BigInteger;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** {@link Alu} against the definitions of sums, differences and their flags in unbounded integers. */
class AluTest {
    private static final long SEED = 20260101;
    private static final BigInteger FIFTEEN = BigInteger.valueOf(15);

    private final Workbench bench = new Workbench(64);
    private final Cpu cpu = bench.cpu;
    private final Random random = new Random(SEED);

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void sumsAndDifferencesAreThoseOfIntegers() {
        for (int bits : Samples.SIZES) {
            for (long a : Samples.of(bits, random)) {
                for (long b : Samples.of(bits, random)) {
                    for (int carry = 0; carry <= 1; carry++) {
                        checkSum(Alu.ADD, a, b, carry, 0, bits);
                        checkSum(Alu.ADC, a, b, carry, carry, bits);
                        checkDifference(Alu.SUB, a, b, carry, 0, bits);
                        checkDifference(Alu.CMP, a, b, carry, 0, bits);
                        checkDifference(Alu.SBB, a, b, carry, carry, bits);
                    }
                }
            }
        }
    }

    @Test
    void garbageAboveTheOperandsDoesNotCount() {
        for (int bits : new int[] {8, 16, 32}) {
            long garbage = random.nextLong() & ~Samples.mask(bits);
            for (long a : Samples.of(bits, random)) {
                for (long b : Samples.of(bits, random)) {
                    Alu.compute(cpu, Alu.SUB, a, b, bits);
                    long clean = cpu.flags.toRFlags();
                    Alu.compute(cpu, Alu.SUB, a | garbage, b, bits);
                    assertThat(cpu.flags.toRFlags()).isEqualTo(clean);
                }
            }
        }
    }

    @Test
    void incrementAndDecrementKeepTheCarry() {
        for (int bits : Samples.SIZES) {
            for (long a : Samples.of(bits, random)) {
                for (int carry = 0; carry <= 1; carry++) {
                    cpu.flags.fromRFlags(carry);
                    Alu.increment(cpu, a, bits);
                    long sum = flagsOfSum(a, 1, 0, bits) & ~RFlags.CARRY | carry;
                    assertThat(cpu.flags.toRFlags())
                            .as(context("INC", a, 1, bits))
                            .isEqualTo(sum);
                    Alu.decrement(cpu, a, bits);
                    long difference = flagsOfDifference(a, 1, 0, bits) & ~RFlags.CARRY | carry;
                    assertThat(cpu.flags.toRFlags())
                            .as(context("DEC", a, 1, bits))
                            .isEqualTo(difference);
                }
            }
        }
    }

    @Test
    void logicClearsCarryAndOverflow() {
        for (int bits : Samples.SIZES) {
            for (long a : Samples.of(bits, random)) {
                for (long b : Samples.of(bits, random)) {
                    cpu.flags.fromRFlags(RFlags.STATUS);
                    checkLogic(Alu.AND, a, b, a & b, bits);
                    checkLogic(Alu.TEST, a, b, a & b, bits);
                    checkLogic(Alu.OR, a, b, a | b, bits);
                    checkLogic(Alu.XOR, a, b, a ^ b, bits);
                }
            }
        }
    }

    @Test
    void allConditionsFollowTheirDefinitions() {
        for (long flags = 0; flags < 1 << 12; flags++) {
            if ((flags & ~RFlags.STATUS) != 0) {
                continue;
            }
            cpu.flags.fromRFlags(flags);
            assertThat(cpu.flags.toRFlags()).isEqualTo(flags);
            boolean c = (flags & RFlags.CARRY) != 0;
            boolean z = (flags & RFlags.ZERO) != 0;
            boolean s = (flags & RFlags.SIGN) != 0;
            boolean o = (flags & RFlags.OVERFLOW) != 0;
            boolean p = (flags & RFlags.PARITY) != 0;
            boolean[] positive = {o, c, z, c || z, s, p, s != o, z || s != o};
            for (int code = 0; code < 16; code++) {
                assertThat(cpu.flags.condition(code))
                        .as("condition %d of %x", code, flags)
                        .isEqualTo(positive[code / 2] ^ (code & 1) != 0);
            }
        }
    }

    private void checkSum(int operation, long a, long b, int before, int carry, int bits) {
        cpu.flags.fromRFlags(before);
        long r = Alu.compute(cpu, operation, a, b, bits);
        String context = context("+" + carry, a, b, bits);
        BigInteger sum =
                Samples.unsigned(a, bits).add(Samples.unsigned(b, bits)).add(BigInteger.valueOf(carry));
        assertThat(r & Samples.mask(bits)).as(context).isEqualTo(sum.longValue() & Samples.mask(bits));
        assertThat(cpu.flags.toRFlags()).as(context).isEqualTo(flagsOfSum(a, b, carry, bits));
    }

    private void checkDifference(int operation, long a, long b, int before, int borrow, int bits) {
        cpu.flags.fromRFlags(before);
        long r = Alu.compute(cpu, operation, a, b, bits);
        String context = context("-" + borrow, a, b, bits);
        BigInteger difference =
                Samples.unsigned(a, bits).subtract(Samples.unsigned(b, bits)).subtract(BigInteger.valueOf(borrow));
        assertThat(r & Samples.mask(bits)).as(context).isEqualTo(difference.longValue() & Samples.mask(bits));
        assertThat(cpu.flags.toRFlags()).as(context).isEqualTo(flagsOfDifference(a, b, borrow, bits));
    }

    private void checkLogic(int operation, long a, long b, long expected, int bits) {
        long r = Alu.compute(cpu, operation, a, b, bits);
        assertThat(r & Samples.mask(bits)).isEqualTo(expected);
        assertThat(cpu.flags.toRFlags()).as(context("logic", a, b, bits)).isEqualTo(flagsOfResult(expected, bits));
    }

    private static long flagsOfSum(long a, long b, int carry, int bits) {
        BigInteger c = BigInteger.valueOf(carry);
        BigInteger unsigned =
                Samples.unsigned(a, bits).add(Samples.unsigned(b, bits)).add(c);
        BigInteger signed = Samples.signed(a, bits).add(Samples.signed(b, bits)).add(c);
        long nibbles = (a & 15) + (b & 15) + carry;
        return flagsOfResult(unsigned.longValue(), bits)
                | (Samples.fitsUnsigned(unsigned, bits) ? 0 : RFlags.CARRY)
                | (Samples.fitsSigned(signed, bits) ? 0 : RFlags.OVERFLOW)
                | (nibbles > 15 ? RFlags.AUXILIARY : 0);
    }

    private static long flagsOfDifference(long a, long b, int borrow, int bits) {
        BigInteger c = BigInteger.valueOf(borrow);
        BigInteger unsigned =
                Samples.unsigned(a, bits).subtract(Samples.unsigned(b, bits)).subtract(c);
        BigInteger signed =
                Samples.signed(a, bits).subtract(Samples.signed(b, bits)).subtract(c);
        BigInteger nibbles = BigInteger.valueOf(a)
                .and(FIFTEEN)
                .subtract(BigInteger.valueOf(b).and(FIFTEEN))
                .subtract(c);
        return flagsOfResult(unsigned.longValue(), bits)
                | (unsigned.signum() < 0 ? RFlags.CARRY : 0)
                | (Samples.fitsSigned(signed, bits) ? 0 : RFlags.OVERFLOW)
                | (nibbles.signum() < 0 ? RFlags.AUXILIARY : 0);
    }

    private static long flagsOfResult(long r, int bits) {
        return ((r & Samples.mask(bits)) == 0 ? RFlags.ZERO : 0)
                | ((r >>> bits - 1 & 1) != 0 ? RFlags.SIGN : 0)
                | (Long.bitCount(r & 0xFF) % 2 == 0 ? RFlags.PARITY : 0);
    }

    private static String context(String what, long a, long b, int bits) {
        return String.format(Locale.ROOT, "%s %x %x, %d bits, seed %d", what, a, b, bits, SEED);
    }
}
