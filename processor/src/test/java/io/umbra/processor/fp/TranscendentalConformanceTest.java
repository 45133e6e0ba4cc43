package io.umbra.processor.fp;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.host.NativeCode;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The elementary functions against the host's: the same flags, and the same result for NaNs, infinities, zeros and
 * whatever is exact; else at most one unit of the significand apart, because the architecture does not define the last
 * bit.
 */
class TranscendentalConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 10_000);
    private static final int INEXACT = FloatEnvironment.INEXACT;

    @FunctionalInterface
    private interface Operation {
        /** Reads st0 and st1, replaces them, and says whether the argument was in range. */
        boolean apply(Float80 st0, Float80 st1, FloatEnvironment env);
    }

    /** @param exponents where most arguments are, in binades around 1 */
    private record Instruction(String name, String code, int results, int exponents, Operation operation) {}

    private static Instruction binary(String name, String code, Binary operation) {
        return new Instruction(name, code, 1, 70, (st0, st1, env) -> {
            Float80 destination = new Float80();
            destination.copy(st1);
            operation.apply(destination, st0, st1, env);
            if (!env.isUnmasked(FloatEnvironment.PRE_COMPUTATION)) st0.copy(destination);
            return true;
        });
    }

    @FunctionalInterface
    private interface Binary {
        void apply(Float80 destination, Float80 x, Float80 y, FloatEnvironment env);
    }

    private static final List<Instruction> INSTRUCTIONS = List.of(
            new Instruction("f2xm1", "d9f0", 1, 40, (st0, st1, env) -> {
                Float80.f2xm1(st0, st0, env);
                return true;
            }),
            binary("fyl2x", "d9f1", Float80::fyl2x),
            binary("fyl2xp1", "d9f9", Float80::fyl2xp1),
            binary("fpatan", "d9f3", Float80::fpatan),
            new Instruction("fsin", "d9fe", 1, 80, (st0, st1, env) -> Float80.fsin(st0, st0, env)),
            new Instruction("fcos", "d9ff", 1, 80, (st0, st1, env) -> Float80.fcos(st0, st0, env)),
            new Instruction("fsincos", "d9fb", 2, 80, (st0, st1, env) -> {
                Float80 sine = new Float80();
                Float80 cosine = new Float80();
                if (!Float80.fsincos(sine, cosine, st0, env)) return false;
                return both(st0, st1, cosine, sine, env);
            }),
            new Instruction("fptan", "d9f2", 2, 80, (st0, st1, env) -> {
                Float80 tangent = new Float80();
                Float80 pushed = new Float80();
                if (!Float80.fptan(tangent, pushed, st0, env)) return false;
                return both(st0, st1, pushed, tangent, env);
            }));

    private static boolean both(Float80 st0, Float80 st1, Float80 top, Float80 next, FloatEnvironment env) {
        if (!env.isUnmasked(FloatEnvironment.PRE_COMPUTATION)) {
            st0.copy(top);
            st1.copy(next);
        }
        return true;
    }

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @TestFactory
    List<DynamicTest> everyFunctionIsThatOfTheHost() {
        return INSTRUCTIONS.stream()
                .map(instruction -> DynamicTest.dynamicTest(instruction.name, () -> compare(instruction)))
                .toList();
    }

    private static void compare(Instruction instruction) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        Float80 a = new Float80();
        Float80 b = new Float80();
        Float80 st0 = new Float80();
        Float80 st1 = new Float80();
        try (X87Host host = X87Host.onRegisters(instruction.code)) {
            for (long i = 0; i < CASES; i++) {
                env.masked = operands.oneIn(2) ? 63 : operands.below(64);
                env.flags = 0;
                int near = 0x3fff + operands.below(instruction.exponents) - instruction.exponents / 2;
                operands.float80(a, near);
                operands.float80(b, operands.oneIn(2) ? 0x3fff : near);
                st0.copy(a);
                st1.copy(b);
                int pc = operands.oneIn(2) ? 3 : 2 * operands.below(2);
                env.precision = pc == 0 ? 24 : pc == 2 ? 53 : 64;
                env.rounding = operands.oneIn(2) ? 0 : operands.below(4);
                host.run(a, b, env.masked | pc << 8 | env.rounding << 10);
                boolean inRange = instruction.operation.apply(st0, st1, env);
                boolean same = env.flags == host.flags()
                        && inRange == ((host.conditions() & 4) == 0)
                        && isNear(st0, host.significand(), host.signExponent(), env);
                if (instruction.results == 2) {
                    same &= isNear(st1, host.secondSignificand(), host.secondSignExponent(), env);
                }
                if (!same) {
                    fail(("%s %x:%016x %x:%016x masked %x: host flags %x conditions %x %x:%016x %x:%016x,"
                                    + " ours flags %x %s %x:%016x %x:%016x; -Dumbra.seed=%d case %d")
                            .formatted(
                                    instruction.name,
                                    a.signExponent,
                                    a.significand,
                                    b.signExponent,
                                    b.significand,
                                    env.masked,
                                    host.flags(),
                                    host.conditions(),
                                    host.signExponent(),
                                    host.significand(),
                                    host.secondSignExponent(),
                                    host.secondSignificand(),
                                    env.flags,
                                    inRange,
                                    st0.signExponent,
                                    st0.significand,
                                    st1.signExponent,
                                    st1.significand,
                                    SEED,
                                    i));
                }
            }
        }
    }

    /** Equal; or, where inexact, neighbours. */
    private static boolean isNear(Float80 ours, long significand, int signExponent, FloatEnvironment env) {
        if (ours.significand == significand && ours.signExponent == signExponent) return true;
        if ((env.flags & INEXACT) == 0 || ((ours.signExponent ^ signExponent) & 0x8000) != 0) return false;
        long distance = ours.significand - significand;
        return switch (ours.signExponent - signExponent) {
            case 0 -> distance == 1 || distance == -1;
            case 1 -> ours.significand == Long.MIN_VALUE && significand == -1;
            case -1 -> ours.significand == -1 && significand == Long.MIN_VALUE;
            default -> false;
        };
    }
}
