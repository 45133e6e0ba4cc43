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

    private enum Operands2 {
        FLOAT64,
        FLOAT32,
        INTEGER
    }

    private enum Result {
        XMM64,
        XMM32,
        RAX,
        EAX,
        ORDER
    }

    @FunctionalInterface
    private interface Function2 {
        long apply(long a, long b, FloatEnvironment env);
    }

    private record Instruction(String name, String code, Operands2 operands, Result result, Function2 function) {}

    private static Instruction f64(String name, String code, Result result, Function2 function) {
        return new Instruction(name, code, Operands2.FLOAT64, result, function);
    }

    private static Instruction f32(String name, String code, Result result, Function2 function) {
        return new Instruction(name, code, Operands2.FLOAT32, result, function);
    }

    private static Instruction integer(String name, String code, Result result, Function2 function) {
        return new Instruction(name, code, Operands2.INTEGER, result, function);
    }

    private static final List<Instruction> INSTRUCTIONS = List.of(
            f64("addsd", "f20f58c1", Result.XMM64, Float64::add),
            f64("subsd", "f20f5cc1", Result.XMM64, Float64::sub),
            f64("mulsd", "f20f59c1", Result.XMM64, Float64::mul),
            f64("divsd", "f20f5ec1", Result.XMM64, Float64::div),
            f64("minsd", "f20f5dc1", Result.XMM64, Float64::min),
            f64("maxsd", "f20f5fc1", Result.XMM64, Float64::max),
            f64("sqrtsd", "f20f51c0", Result.XMM64, (a, b, env) -> Float64.sqrt(a, env)),
            f64("ucomisd", "660f2ec1 9c58", Result.ORDER, (a, b, env) -> Float64.compareQuiet(a, b, env)),
            f64("comisd", "660f2fc1 9c58", Result.ORDER, (a, b, env) -> Float64.compareSignalling(a, b, env)),
            f64("cvtsd2ss", "f20f5ac0", Result.XMM32, (a, b, env) -> Float64.toFloat32(a, env)),
            f64("cvtsd2si eax", "f20f2dc0", Result.EAX, (a, b, env) -> Float64.toInt32(a, env)),
            f64("cvttsd2si eax", "f20f2cc0", Result.EAX, (a, b, env) -> Float64.toInt32Truncated(a, env)),
            f64("cvtsd2si rax", "f2480f2dc0", Result.RAX, (a, b, env) -> Float64.toInt64(a, env)),
            f64("cvttsd2si rax", "f2480f2cc0", Result.RAX, (a, b, env) -> Float64.toInt64Truncated(a, env)),
            f64("roundsd 0", "660f3a0bc000", Result.XMM64, (a, b, env) -> Float64.roundToInteger(a, 0, false, env)),
            f64("roundsd 1", "660f3a0bc001", Result.XMM64, (a, b, env) -> Float64.roundToInteger(a, 1, false, env)),
            f64("roundsd 2", "660f3a0bc002", Result.XMM64, (a, b, env) -> Float64.roundToInteger(a, 2, false, env)),
            f64("roundsd 3", "660f3a0bc003", Result.XMM64, (a, b, env) -> Float64.roundToInteger(a, 3, false, env)),
            f64("roundsd 8", "660f3a0bc008", Result.XMM64, (a, b, env) -> Float64.roundToInteger(a, 0, true, env)),
            f64(
                    "roundsd 4",
                    "660f3a0bc004",
                    Result.XMM64,
                    (a, b, env) -> Float64.roundToInteger(a, env.rounding, false, env)),
            f32("addss", "f30f58c1", Result.XMM32, (a, b, env) -> Float32.add((int) a, (int) b, env)),
            f32("subss", "f30f5cc1", Result.XMM32, (a, b, env) -> Float32.sub((int) a, (int) b, env)),
            f32("mulss", "f30f59c1", Result.XMM32, (a, b, env) -> Float32.mul((int) a, (int) b, env)),
            f32("divss", "f30f5ec1", Result.XMM32, (a, b, env) -> Float32.div((int) a, (int) b, env)),
            f32("minss", "f30f5dc1", Result.XMM32, (a, b, env) -> Float32.min((int) a, (int) b, env)),
            f32("maxss", "f30f5fc1", Result.XMM32, (a, b, env) -> Float32.max((int) a, (int) b, env)),
            f32("sqrtss", "f30f51c0", Result.XMM32, (a, b, env) -> Float32.sqrt((int) a, env)),
            f32("ucomiss", "0f2ec1 9c58", Result.ORDER, (a, b, env) -> Float32.compareQuiet((int) a, (int) b, env)),
            f32("comiss", "0f2fc1 9c58", Result.ORDER, (a, b, env) -> Float32.compareSignalling((int) a, (int) b, env)),
            f32("cvtss2sd", "f30f5ac0", Result.XMM64, (a, b, env) -> Float32.toFloat64((int) a, env)),
            f32("cvtss2si eax", "f30f2dc0", Result.EAX, (a, b, env) -> Float32.toInt32((int) a, env)),
            f32("cvttss2si eax", "f30f2cc0", Result.EAX, (a, b, env) -> Float32.toInt32Truncated((int) a, env)),
            f32("cvtss2si rax", "f3480f2dc0", Result.RAX, (a, b, env) -> Float32.toInt64((int) a, env)),
            f32("cvttss2si rax", "f3480f2cc0", Result.RAX, (a, b, env) -> Float32.toInt64Truncated((int) a, env)),
            f32(
                    "roundss 0",
                    "660f3a0ac000",
                    Result.XMM32,
                    (a, b, env) -> Float32.roundToInteger((int) a, 0, false, env)),
            f32(
                    "roundss 9",
                    "660f3a0ac009",
                    Result.XMM32,
                    (a, b, env) -> Float32.roundToInteger((int) a, 1, true, env)),
            f32(
                    "roundss 2",
                    "660f3a0ac002",
                    Result.XMM32,
                    (a, b, env) -> Float32.roundToInteger((int) a, 2, false, env)),
            f32(
                    "roundss 3",
                    "660f3a0ac003",
                    Result.XMM32,
                    (a, b, env) -> Float32.roundToInteger((int) a, 3, false, env)),
            integer("cvtsi2sd eax", "f20f2ac0", Result.XMM64, (a, b, env) -> Float64.fromInt32((int) a)),
            integer("cvtsi2sd rax", "f2480f2ac0", Result.XMM64, (a, b, env) -> Float64.fromInt64(a, env)),
            integer("cvtsi2ss eax", "f30f2ac0", Result.XMM32, (a, b, env) -> Float32.fromInt32((int) a, env)),
            integer("cvtsi2ss rax", "f3480f2ac0", Result.XMM32, (a, b, env) -> Float32.fromInt64(a, env)));

    @BeforeAll
    static void needsAnX86Host() {
        assumeTrue(NativeCode.isSupported(), "needs an x86-64 processor under Linux to compare with");
    }

    @TestFactory
    List<DynamicTest> everyInstructionIsThatOfTheHost() {
        return INSTRUCTIONS.stream()
                .map(instruction -> DynamicTest.dynamicTest(instruction.name, () -> compare(instruction)))
                .toList();
    }

    private static void compare(Instruction instruction) {
        Operands operands = new Operands(SEED);
        FloatEnvironment env = new FloatEnvironment();
        try (SseHost host = new SseHost(instruction.code)) {
            for (long i = 0; i < CASES; i++) {
                env.rounding = operands.oneIn(2) ? 0 : operands.below(4);
                env.denormalsAreZero = operands.oneIn(4);
                env.flushToZero = operands.oneIn(4);
                env.flags = 0;
                long a = first(instruction.operands, operands);
                long b = second(instruction.operands, operands, a);
                int mxcsr = ALL_MASKED
                        | env.rounding << 13
                        | (env.denormalsAreZero ? 1 << 6 : 0)
                        | (env.flushToZero ? 1 << 15 : 0);
                host.run(a, b, mxcsr);
                long expected = result(instruction.result, host);
                long actual = narrowed(instruction.result, instruction.function.apply(a, b, env));
                if (actual != expected || env.flags != host.flags()) {
                    fail("%s(%x, %x) mxcsr %x: host %x flags %x, ours %x flags %x; -Dumbra.seed=%d case %d"
                            .formatted(
                                    instruction.name, a, b, mxcsr, expected, host.flags(), actual, env.flags, SEED, i));
                }
            }
        }
    }

    private static long first(Operands2 kind, Operands operands) {
        return switch (kind) {
            case FLOAT64 -> operands.float64();
            case FLOAT32 -> operands.float32() & 0xffff_ffffL;
            case INTEGER -> operands.integer();
        };
    }

    private static long second(Operands2 kind, Operands operands, long a) {
        return switch (kind) {
            case FLOAT64 -> operands.oneIn(16) ? a : operands.float64(operands.oneIn(2) ? a : ~a);
            case FLOAT32 ->
                operands.oneIn(16) ? a : operands.float32((int) (operands.oneIn(2) ? a : ~a)) & 0xffff_ffffL;
            case INTEGER -> 0;
        };
    }

    private static long result(Result kind, SseHost host) {
        return switch (kind) {
            case XMM64 -> host.xmm();
            case XMM32 -> host.xmm() & 0xffff_ffffL;
            case RAX -> host.rax();
            case EAX -> host.rax() & 0xffff_ffffL;
            case ORDER -> order(host.rax());
        };
    }

    private static long narrowed(Result kind, long value) {
        return kind == Result.XMM32 || kind == Result.EAX ? value & 0xffff_ffffL : value;
    }

    /** ZF, PF and CF as COMISD sets them. */
    private static long order(long rflags) {
        return switch ((int) rflags & 0x45) {
            case 0x00 -> Float64.GREATER;
            case 0x01 -> Float64.LESS;
            case 0x40 -> Float64.EQUAL;
            default -> Float64.UNORDERED;
        };
    }
}
