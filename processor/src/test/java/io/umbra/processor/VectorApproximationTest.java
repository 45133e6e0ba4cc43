package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.conformance.HostInstruction;
import io.umbra.processor.fp.Float32;
import io.umbra.processor.host.NativeCode;
import java.util.HexFormat;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

/** RCPPS and RSQRTPS: within the error that the manuals allow, and where that says nothing as the host. */
class VectorApproximationTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final double ALLOWED = 1.5 / 4096;
    private static final int STEP = 4093;
    private static final int EXPONENT = 0x7F80_0000;
    private static final int HOST_CASES = 4000;
    /** XMM0 of XMM1. */
    private static final String RCPPS = "0f53c1", RSQRTPS = "0f52c1";

    @Test
    void reciprocalIsWithinTheAllowedError() {
        assertError(FloatArithmetic::reciprocal, x -> 1 / x, 0);
        assertError(FloatArithmetic::reciprocal, x -> 1 / x, 1 << 31);
    }

    @Test
    void reciprocalRootIsWithinTheAllowedError() {
        assertError(FloatArithmetic::reciprocalRoot, x -> 1 / Math.sqrt(x), 0);
    }

    @Test
    void reciprocalOfATinyOrHugeNumberIsThatOfZeroOrInfinity() {
        assertThat(FloatArithmetic.reciprocal(1)).isEqualTo(EXPONENT);
        assertThat(FloatArithmetic.reciprocal(0x8000_0001)).isEqualTo(EXPONENT | 1 << 31);
        assertThat(FloatArithmetic.reciprocal(0x7F7F_FFFF)).isZero();
        assertThat(FloatArithmetic.reciprocal(EXPONENT | 1 << 31)).isEqualTo(1 << 31);
    }

    @Test
    void powersOfTwoAreExact() {
        assertThat(FloatArithmetic.reciprocal(Float.floatToRawIntBits(8))).isEqualTo(Float.floatToRawIntBits(0.125f));
        assertThat(FloatArithmetic.reciprocalRoot(Float.floatToRawIntBits(16)))
                .isEqualTo(Float.floatToRawIntBits(0.25f));
    }

    @Test
    void hostAgreesWithinTheErrorOfBoth() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
        compare(RCPPS);
        compare(RSQRTPS);
    }

    /** All signs apart, every normal exponent and many significands. */
    private static void assertError(IntUnaryOperator ours, DoubleUnaryOperator exact, int sign) {
        for (int bits = 0x0080_0000; bits > 0 && bits < EXPONENT; bits += STEP) {
            double wanted = exact.applyAsDouble(Float.intBitsToFloat(bits | sign));
            if (Math.abs(wanted) >= Float.MIN_NORMAL) {
                double found = Float.intBitsToFloat(ours.applyAsInt(bits | sign));
                assertThat(Math.abs(found - wanted)).as("%x", bits).isLessThanOrEqualTo(ALLOWED * Math.abs(wanted));
            }
        }
    }

    private static void compare(String instruction) {
        Random random = new Random(SEED);
        byte[] bytes = HexFormat.of().parseHex(instruction);
        try (VectorCase vector = new VectorCase();
                HostInstruction host = HostInstruction.of(bytes)) {
            Op op = vector.decode(bytes);
            for (int n = 0; n < HOST_CASES; n++) {
                vector.randomise(random);
                vector.load();
                host.run(vector.before);
                op.execute(vector.cpu);
                for (int element = 0; element < 4; element++) {
                    int shift = 32 * (element & 1);
                    int operand = (int) (vector.state.xmm[2 + element / 2] >>> shift);
                    int theirs = (int) (vector.before.xmm(element / 2) >>> shift);
                    int ours = (int) (vector.state.xmm[element / 2] >>> shift);
                    assertThat(agree(theirs, ours))
                            .as("%s of %08x: host %08x, ours %08x", instruction, operand, theirs, ours)
                            .isTrue();
                }
                assertThat(vector.state.mxcsr).isEqualTo(vector.before.mxcsr());
            }
        }
    }

    /** Where the exact result is about the least normal number, either may have flushed it to zero. */
    private static boolean agree(int theirs, int ours) {
        if (theirs == ours) {
            return true;
        }
        float a = Float.intBitsToFloat(theirs);
        float b = Float.intBitsToFloat(ours);
        boolean finite = !Float32.isNaN(theirs) && !Float32.isNaN(ours) && !Float.isInfinite(a) && !Float.isInfinite(b);
        double room = a == 0 || b == 0 ? Float.MIN_NORMAL * (1 + ALLOWED) : 2.01 * ALLOWED * Math.abs(a);
        return finite && Math.abs(a - b) <= room;
    }
}
