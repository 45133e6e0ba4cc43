package io.umbra.processor.fp;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.host.NativeCode;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
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

    private static void compare(SseInstruction instruction) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        try (SseHost host = new SseHost(instruction.code())) {
            for (long i = 0; i < CASES; i++) {
                env.rounding = operands.oneIn(2) ? 0 : operands.below(4);
                env.denormalsAreZero = operands.oneIn(4);
                env.flushToZero = operands.oneIn(4);
                env.flags = 0;
                long a = instruction.first(operands);
                long b = instruction.second(operands, a);
                int mxcsr = ALL_MASKED
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
