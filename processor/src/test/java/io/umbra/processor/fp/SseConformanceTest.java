package io.umbra.processor.fp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.host.NativeCode;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Float32 and Float64 against the host's SSE unit: result and flags, in all rounding modes, with and without DAZ and FTZ. */
class SseConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 10_000);
    private static final int ALL_MASKED = 0x1f80;

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @TestFactory
    List<DynamicTest> everyInstructionIsThatOfTheHost() {
        return SseInstruction.ALL.stream()
                .map(instruction -> DynamicTest.dynamicTest(instruction.name(), () -> compare(instruction)))
                .toList();
    }

    /** The architecture leaves the last bits of these open. */
    @Test
    void approximationsAreThoseOfTheHostUpToTheirError() {
        Operands operands = new Operands(SEED);
        try (SseHost rcpss = new SseHost("f30f53c0");
                SseHost rsqrtss = new SseHost("f30f52c0")) {
            for (long i = 0; i < CASES; i++) {
                int a = operands.float32();
                if (isAtTheEdgeOfTinyReciprocals(a)) continue;
                rcpss.run(a, 0, ALL_MASKED);
                assertNear("rcpss", a, Float32.reciprocal(a), (int) rcpss.xmm());
                rsqrtss.run(a, 0, ALL_MASKED);
                assertNear("rsqrtss", a, Float32.reciprocalRoot(a), (int) rsqrtss.xmm());
                assertThat(rcpss.flags() | rsqrtss.flags()).isZero();
            }
        }
    }

    /** Around 2¹²⁶ the reciprocal may be flushed to zero or not. */
    private static boolean isAtTheEdgeOfTinyReciprocals(int a) {
        float magnitude = Math.abs(Float.intBitsToFloat(a));
        return magnitude > 0x1.ffcp125f && magnitude < 0x1.002p126f;
    }

    private static void assertNear(String name, int a, int ours, int hosts) {
        float expected = Float.intBitsToFloat(hosts);
        float actual = Float.intBitsToFloat(ours);
        if (ours == hosts || Math.abs(actual - expected) <= 2 * 1.5 * 0x1p-12 * Math.abs(expected)) return;
        fail("%s(%x): host %x, ours %x; -Dumbra.seed=%d".formatted(name, a, hosts, ours, SEED));
    }

    private static void compare(SseInstruction instruction) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        try (SseHost host = new SseHost(instruction.code())) {
            for (long i = 0; i < CASES; i++) {
                env.rounding = operands.oneIn(2) ? 0 : operands.below(4);
                env.denormalsAreZero = operands.oneIn(4);
                env.flushToZero = operands.oneIn(4);
                env.flags = operands.oneIn(4) ? operands.below(64) : 0;
                long a = instruction.first(operands);
                long b = instruction.second(operands, a);
                int mxcsr = ALL_MASKED
                        | env.flags
                        | env.rounding << 13
                        | (env.denormalsAreZero ? 1 << 6 : 0)
                        | (env.flushToZero ? 1 << 15 : 0);
                host.run(a, b, mxcsr);
                long expected = instruction.resultOf(host);
                long actual = instruction.compute(a, b, env);
                if (actual != expected || env.flags != host.flags()) {
                    fail("%s(%x, %x) mxcsr %x: host %x flags %x, ours %x flags %x; -Dumbra.seed=%d case %d"
                            .formatted(
                                    instruction.name(),
                                    a,
                                    b,
                                    mxcsr,
                                    expected,
                                    host.flags(),
                                    actual,
                                    env.flags,
                                    SEED,
                                    i));
                }
            }
        }
    }
}
