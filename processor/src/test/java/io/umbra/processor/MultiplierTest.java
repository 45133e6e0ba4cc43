package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.math.BigInteger;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** {@link Multiplier} against products and quotients of unbounded integers. */
class MultiplierTest {
    private static final long SEED = 20260103;

    private final Workbench bench = new Workbench(64);
    private final Cpu cpu = bench.cpu;
    private final Random random = new Random(SEED);

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void productsAreExactInBothHalves() {
        for (int bits : Samples.SIZES) {
            for (long a : Samples.of(bits, random)) {
                for (long b : Samples.of(bits, random)) {
                    BigInteger unsigned = Samples.unsigned(a, bits).multiply(Samples.unsigned(b, bits));
                    accumulate(0, a, bits);
                    Multiplier.multiply(cpu, b, bits / 8);
                    expectPair(unsigned, bits, "MUL", a, b);
                    expectOverflow(!Samples.fitsUnsigned(unsigned, bits), a, b);

                    BigInteger signed = Samples.signed(a, bits).multiply(Samples.signed(b, bits));
                    accumulate(0, a, bits);
                    long extended = Samples.signed(b, bits).longValue();
                    Multiplier.multiplySigned(cpu, extended, bits / 8);
                    expectPair(signed, bits, "IMUL", a, b);
                    expectOverflow(!Samples.fitsSigned(signed, bits), a, b);

                    long low = Multiplier.multiplySigned(
                            cpu, Samples.signed(a, bits).longValue(), extended, bits / 8);
                    assertThat(low & Samples.mask(bits)).isEqualTo(signed.longValue() & Samples.mask(bits));
                    expectOverflow(!Samples.fitsSigned(signed, bits), a, b);
                }
            }
        }
    }

    @Test
    void quotientsAreExactOrRaiseDivideError() {
        for (int bits : Samples.SIZES) {
            for (long divisor : Samples.of(bits, random)) {
                for (long high : Samples.of(bits, random)) {
                    for (int i = 0; i < 4; i++) {
                        long low = (i == 0 ? high << bits - 1 >> 63 : random.nextLong()) & Samples.mask(bits);
                        checkUnsigned(high, low, divisor, bits);
                        checkSigned(high, low, divisor, bits);
                        long near = random.nextInt(3) - 1 & Samples.mask(bits);
                        checkSigned(near, low, divisor, bits);
                        checkUnsigned(Math.max(0, divisor - 1 - i), low, divisor, bits);
                    }
                }
            }
        }
    }

    @Test
    void theWidestQuotientsOfEitherSignFit() {
        accumulate(0x4000_0000_0000_0000L, 0, 64);
        checkSigned(-0x4000_0000_0000_0000L, 0, Long.MIN_VALUE, 64);
        checkSigned(0xFFFF_FFFF_FFFF_FFFFL, Long.MIN_VALUE, 1, 64);
        checkSigned(0xFFFF_FFFF_FFFF_FFFFL, Long.MIN_VALUE, -1, 64);
        checkSigned(0x4000_0000_0000_0000L, 0, Long.MIN_VALUE, 64);
        checkUnsigned(-2, -1, -1, 64);
    }

    private void checkUnsigned(long high, long low, long divisor, int bits) {
        BigInteger dividend = Samples.unsigned(high, bits).shiftLeft(bits).add(Samples.unsigned(low, bits));
        BigInteger by = Samples.unsigned(divisor, bits);
        boolean fits = by.signum() != 0 && Samples.fitsUnsigned(dividend.divide(by), bits);
        accumulate(high, low, bits);
        if (fits) {
            Multiplier.divide(cpu, divisor, bits / 8);
            expectQuotient(dividend.divideAndRemainder(by), bits, "DIV", high, low, divisor);
        } else {
            expectError(() -> Multiplier.divide(cpu, divisor, bits / 8));
        }
    }

    private void checkSigned(long high, long low, long divisor, int bits) {
        BigInteger dividend = Samples.signed(high, bits).shiftLeft(bits).add(Samples.unsigned(low, bits));
        BigInteger by = Samples.signed(divisor, bits);
        boolean fits = by.signum() != 0 && Samples.fitsSigned(dividend.divide(by), bits);
        accumulate(high, low, bits);
        if (fits) {
            Multiplier.divideSigned(cpu, by.longValue(), bits / 8);
            expectQuotient(dividend.divideAndRemainder(by), bits, "IDIV", high, low, divisor);
        } else {
            expectError(() -> Multiplier.divideSigned(cpu, by.longValue(), bits / 8));
        }
    }

    private void accumulate(long high, long low, int bits) {
        cpu.gpr[VcpuState.RAX] = random.nextLong() & ~Samples.mask(bits) | low;
        cpu.gpr[VcpuState.RDX] = random.nextLong() & ~Samples.mask(bits) | high & Samples.mask(bits);
        if (bits == 8) {
            cpu.setHighByte(VcpuState.RAX, high);
        }
    }

    private void expectError(Runnable division) {
        bench.flags(RFlags.STATUS);
        String before = bench.snapshot();
        assertThatThrownBy(division::run).isSameAs(cpu.exception);
        assertThat(cpu.exception.vector).isEqualTo(Vector.DIVIDE_ERROR);
        assertThat(bench.snapshot()).isEqualTo(before);
    }

    private void expectPair(BigInteger product, int bits, String what, long a, long b) {
        long high = bits == 8 ? cpu.highByte(VcpuState.RAX) : cpu.register(VcpuState.RDX, bits / 8);
        String context = String.format(Locale.ROOT, "%s %x %x, %d bits, seed %d", what, a, b, bits, SEED);
        assertThat(cpu.register(VcpuState.RAX, bits / 8))
                .as(context)
                .isEqualTo(product.longValue() & Samples.mask(bits));
        assertThat(high).as(context).isEqualTo(product.shiftRight(bits).longValue() & Samples.mask(bits));
    }

    private void expectQuotient(BigInteger[] expected, int bits, String what, long high, long low, long divisor) {
        long remainder = bits == 8 ? cpu.highByte(VcpuState.RAX) : cpu.register(VcpuState.RDX, bits / 8);
        String context =
                String.format(Locale.ROOT, "%s %x:%x / %x, %d bits, seed %d", what, high, low, divisor, bits, SEED);
        assertThat(cpu.register(VcpuState.RAX, bits / 8))
                .as(context)
                .isEqualTo(expected[0].longValue() & Samples.mask(bits));
        assertThat(remainder).as(context).isEqualTo(expected[1].longValue() & Samples.mask(bits));
    }

    private void expectOverflow(boolean expected, long a, long b) {
        String context = String.format(Locale.ROOT, "%x %x, seed %d", a, b, SEED);
        assertThat(cpu.flags.carry()).as(context).isEqualTo(expected);
        assertThat(cpu.flags.overflow()).as(context).isEqualTo(expected);
    }
}
