package io.umbra.processor.fp;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.host.NativeCode;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Which flags SSE reports when some exceptions are unmasked: against the host, whose traps are caught. */
class SseTrapConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);

    /** A trap through the kernel is slow. */
    private static final long CASES = Math.max(1, Long.getLong("umbra.cases", 10_000) / 10);

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @TestFactory
    List<DynamicTest> unmaskedExceptionsHideOthersAsOnTheHost() {
        return SseInstruction.ALL.stream()
                .filter(instruction -> instruction.operands() != SseInstruction.Operands2.INTEGER)
                .filter(instruction -> instruction.result() != SseInstruction.Result.RAX)
                .map(instruction -> DynamicTest.dynamicTest(instruction.name(), () -> compare(instruction)))
                .toList();
    }

    private static void compare(SseInstruction instruction) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        try (SseTrapHost host = new SseTrapHost(instruction.code())) {
            for (long i = 0; i < CASES; i++) {
                int mxcsr = choose(env, operands);
                long a = instruction.first(operands);
                long b = instruction.second(operands, a);
                host.run(a, 0, b, 0, mxcsr);
                instruction.compute(a, b, env);
                check(instruction.name(), a, b, mxcsr, env, env.flags, host, i);
            }
        }
    }

    @Test
    void packedInstructionReportsTheUnionOfItsElements() {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        try (SseTrapHost divpd = new SseTrapHost("660f5ec1")) {
            for (long i = 0; i < 10 * CASES; i++) {
                int mxcsr = choose(env, operands);
                long lowA = operands.float64();
                long lowB = operands.float64(lowA);
                long highA = operands.float64();
                long highB = operands.float64(highA);
                divpd.run(lowA, highA, lowB, highB, mxcsr);
                Float64.div(lowA, lowB, env);
                Float64.div(highA, highB, env);
                int flags = FloatEnvironment.ofPackedInstruction(env.flags, env.masked);
                check("divpd", highA, highB, mxcsr, env, flags, divpd, i);
            }
        }
    }

    private static int choose(FloatEnvironment env, Operands operands) {
        env.rounding = operands.oneIn(2) ? 0 : operands.below(4);
        env.masked = operands.oneIn(4) ? operands.below(64) : 63 ^ 1 << operands.below(6);
        env.denormalsAreZero = operands.oneIn(4);
        env.flushToZero = operands.oneIn(4);
        env.flags = 0;
        return env.masked << 7
                | env.rounding << 13
                | (env.denormalsAreZero ? 1 << 6 : 0)
                | (env.flushToZero ? 1 << 15 : 0);
    }

    private static void check(
            String name, long a, long b, int mxcsr, FloatEnvironment env, int flags, SseTrapHost host, long i) {
        boolean traps = (flags & ~env.masked) != 0;
        if (flags == host.flags() && traps == host.trapped()) return;
        fail("%s(%x, %x) mxcsr %x: host flags %x trapped %s, ours %x; -Dumbra.seed=%d case %d"
                .formatted(name, a, b, mxcsr, host.flags(), host.trapped(), flags, SEED, i));
    }
}
