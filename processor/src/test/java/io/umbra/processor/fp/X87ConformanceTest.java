package io.umbra.processor.fp;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.processor.host.NativeCode;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Float80 against the host's x87: results, flags and condition codes, in all rounding modes, precisions and masks. */
class X87ConformanceTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long CASES = Long.getLong("umbra.cases", 10_000);

    private enum Kind {
        REGISTERS,
        OPERAND32,
        OPERAND64,
        LOAD32,
        LOAD64,
        LOAD_INTEGER,
        LOAD_BCD,
        STORE16,
        STORE32,
        STORE64,
        STORE_INTEGER16,
        STORE_INTEGER32,
        STORE_INTEGER64,
        STORE_BCD
    }

    /** What an instruction leaves behind. Conditions are C3 C2 C1 C0; those in {@code checked} are compared. */
    private static final class Outcome {
        final Float80 st0 = new Float80();
        final Float80 st1 = new Float80();
        long memory;
        int conditions;
        int checked = C1;
    }

    private static final int C0 = 1;
    private static final int C1 = 2;
    private static final int C2 = 4;
    private static final int C3 = 8;

    @FunctionalInterface
    private interface Function2 {
        /** The operands are in st0 and st1 at first, too. */
        void apply(Outcome out, Float80 a, Float80 b, FloatEnvironment env);
    }

    private record Instruction(String name, String code, Kind kind, Function2 function) {}

    @FunctionalInterface
    private interface Arithmetic {
        void apply(Float80 destination, Float80 a, Float80 b, FloatEnvironment env);
    }

    private static Instruction arithmetic(String name, String code, Kind kind, Arithmetic operation) {
        return new Instruction(name, code, kind, (out, a, b, env) -> operation.apply(out.st0, a, b, env));
    }

    private static Instruction comparison(String name, String code, Kind kind, boolean quiet) {
        return new Instruction(name, code, kind, (out, a, b, env) -> {
            out.checked = C0 | C1 | C2 | C3;
            int order = quiet ? Float80.compareQuiet(a, b, env) : Float80.compare(a, b, env);
            out.conditions = order == Float80.UNORDERED
                    ? C0 | C2 | C3
                    : order == Float80.LESS ? C0 : order == Float80.EQUAL ? C3 : 0;
        });
    }

    private static Instruction remainder(String name, String code, boolean nearest) {
        return new Instruction(name, code, Kind.REGISTERS, (out, a, b, env) -> {
            int q = nearest ? Float80.remNearest(out.st0, a, b, env) : Float80.rem(out.st0, a, b, env);
            boolean suppressed = env.isUnmasked(FloatEnvironment.PRE_COMPUTATION);
            out.checked = suppressed ? 0 : C0 | C1 | C2 | C3;
            out.conditions = q == Float80.PARTIAL
                    ? C2
                    : ((q & 4) != 0 ? C0 : 0) | ((q & 2) != 0 ? C3 : 0) | ((q & 1) != 0 ? C1 : 0);
        });
    }

    /** Raises nothing, so that it has no environment; C1 is cleared. */
    private static Instruction plainLoad(String name, String code, Kind kind, BiConsumer<Float80, Float80> load) {
        return new Instruction(name, code, kind, (out, a, b, env) -> {
            load.accept(out.st0, a);
            env.roundedUp = false;
        });
    }

    private static Instruction constant(String name, String code, Constant80 constant) {
        return new Instruction(name, code, Kind.LOAD64, (out, a, b, env) -> Float80.load(out.st0, constant, env));
    }

    @FunctionalInterface
    private interface Store {
        long apply(Float80 a, FloatEnvironment env);
    }

    private static Instruction store(String name, String code, Kind kind, Store operation) {
        return new Instruction(name, code, kind, (out, a, b, env) -> out.memory = operation.apply(a, env));
    }

    private static void reverse(Arithmetic operation, Float80 d, Float80 a, Float80 b, FloatEnvironment env) {
        operation.apply(d, b, a, env);
    }

    private static final List<Instruction> INSTRUCTIONS = List.of(
            arithmetic("fadd", "d8c1", Kind.REGISTERS, Float80::add),
            arithmetic("fsub", "d8e1", Kind.REGISTERS, Float80::sub),
            arithmetic("fsubr", "d8e9", Kind.REGISTERS, (d, a, b, env) -> reverse(Float80::sub, d, a, b, env)),
            arithmetic("fmul", "d8c9", Kind.REGISTERS, Float80::mul),
            arithmetic("fdiv", "d8f1", Kind.REGISTERS, Float80::div),
            arithmetic("fdivr", "d8f9", Kind.REGISTERS, (d, a, b, env) -> reverse(Float80::div, d, a, b, env)),
            arithmetic("fadd m32", "d84710", Kind.OPERAND32, Float80::add),
            arithmetic("fadd m64", "dc4710", Kind.OPERAND64, Float80::add),
            arithmetic("fsub m64", "dc6710", Kind.OPERAND64, Float80::sub),
            arithmetic("fmul m32", "d84f10", Kind.OPERAND32, Float80::mul),
            arithmetic("fdiv m64", "dc7710", Kind.OPERAND64, Float80::div),
            arithmetic("fsqrt", "d9fa", Kind.REGISTERS, (d, a, b, env) -> Float80.sqrt(d, a, env)),
            arithmetic("frndint", "d9fc", Kind.REGISTERS, (d, a, b, env) -> Float80.roundToInteger(d, a, env)),
            arithmetic("fscale", "d9fd", Kind.REGISTERS, Float80::scale),
            remainder("fprem", "d9f8", false),
            remainder("fprem1", "d9f5", true),
            comparison("fcom", "d8d1", Kind.REGISTERS, false),
            comparison("fucom", "dde1", Kind.REGISTERS, true),
            comparison("fcom m32", "d85710", Kind.OPERAND32, false),
            comparison("fcom m64", "dc5710", Kind.OPERAND64, false),
            new Instruction("fxtract", "d9f4", Kind.REGISTERS, (out, a, b, env) -> {
                out.st1.copy(b);
                Float80 exponent = new Float80();
                Float80 significand = new Float80();
                Float80.extract(exponent, significand, a, env);
                if (env.isUnmasked(FloatEnvironment.PRE_COMPUTATION)) return;
                out.st0.copy(significand);
                out.st1.copy(exponent);
            }),
            new Instruction("fxam", "d9e5", Kind.REGISTERS, (out, a, b, env) -> {
                out.checked = C0 | C1 | C2 | C3;
                env.roundedUp = false;
                int word = Float80.classify(a).conditions();
                out.conditions = word >> 11 & 8 | word >> 8 & 5 | ((a.signExponent & 0x8000) != 0 ? C1 : 0);
            }),
            constant("fld1", "d9e8", Constant80.ONE),
            constant("fldl2t", "d9e9", Constant80.LOG2_OF_10),
            constant("fldl2e", "d9ea", Constant80.LOG2_OF_E),
            constant("fldpi", "d9eb", Constant80.PI),
            constant("fldlg2", "d9ec", Constant80.LOG10_OF_2),
            constant("fldln2", "d9ed", Constant80.LN_OF_2),
            constant("fldz", "d9ee", Constant80.ZERO),
            arithmetic(
                    "fld m32",
                    "d94710",
                    Kind.LOAD32,
                    (d, a, b, env) -> Float80.fromFloat32(d, (int) a.significand, env)),
            arithmetic("fld m64", "dd4710", Kind.LOAD64, (d, a, b, env) -> Float80.fromFloat64(d, a.significand, env)),
            plainLoad("fild m64", "df6f10", Kind.LOAD_INTEGER, (d, a) -> Float80.fromInt64(d, a.significand)),
            plainLoad("fbld", "df6710", Kind.LOAD_BCD, Float80::fromBcd),
            store("fst m32", "d95730", Kind.STORE32, (a, env) -> Float80.toFloat32(a, env)),
            store("fst m64", "dd5730", Kind.STORE64, Float80::toFloat64),
            store("fist m16", "df5730", Kind.STORE_INTEGER16, Float80::toInt16),
            store("fist m32", "db5730", Kind.STORE_INTEGER32, Float80::toInt32),
            store("fistp m64", "df7f30", Kind.STORE_INTEGER64, Float80::toInt64),
            store("fisttp m16", "df4f30", Kind.STORE_INTEGER16, Float80::toInt16Truncated),
            store("fisttp m32", "db4f30", Kind.STORE_INTEGER32, Float80::toInt32Truncated),
            store("fisttp m64", "dd4f30", Kind.STORE_INTEGER64, Float80::toInt64Truncated),
            new Instruction("fbstp", "df7730", Kind.STORE_BCD, (out, a, b, env) -> Float80.toBcd(out.st0, a, env)));

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
        Float80 a = new Float80();
        Float80 b = new Float80();
        try (X87Host host = host(instruction)) {
            for (long i = 0; i < CASES; i++) {
                env.rounding = operands.oneIn(2) ? 0 : operands.below(4);
                env.masked = operands.oneIn(2) ? 63 : operands.below(64);
                int pc = operands.oneIn(2) ? 3 : operands.below(3);
                if (pc == 1) pc = 0;
                env.precision = new int[] {24, 0, 53, 64}[pc];
                env.flags = 0;
                env.roundedUp = operands.oneIn(2);
                env.denormalsAreZero = operands.oneIn(2);
                env.flushToZero = operands.oneIn(2);
                choose(instruction.kind, operands, a, b);
                int fcw = env.masked | pc << 8 | env.rounding << 10;
                Outcome out = new Outcome();
                out.st0.copy(a);
                out.st1.copy(b);
                run(instruction, host, out, a, b, env, fcw);
                if ((out.checked & C1) != 0 && env.roundedUp) out.conditions |= C1;
                String difference = difference(instruction.kind, out, env, host);
                if (difference != null) {
                    fail("%s %x:%016x %x:%016x fcw %x: %s; -Dumbra.seed=%d case %d"
                            .formatted(
                                    instruction.name,
                                    a.signExponent,
                                    a.significand,
                                    b.signExponent,
                                    b.significand,
                                    fcw,
                                    difference,
                                    SEED,
                                    i));
                }
            }
        }
    }

    private static X87Host host(Instruction instruction) {
        return switch (instruction.kind) {
            case REGISTERS -> X87Host.onRegisters(instruction.code);
            case OPERAND32, OPERAND64 -> X87Host.withOperand(instruction.code);
            case LOAD32, LOAD64, LOAD_INTEGER, LOAD_BCD -> X87Host.load(instruction.code);
            default -> X87Host.store(instruction.code);
        };
    }

    private static void choose(Kind kind, Operands operands, Float80 a, Float80 b) {
        b.set(0, 0);
        switch (kind) {
            case REGISTERS -> {
                operands.float80(a);
                operands.float80(b, operands.oneIn(2) ? a.signExponent : operands.oneIn(2) ? ~a.signExponent : 0x4000);
                if (operands.oneIn(16)) b.set(a.significand, a.signExponent ^ (operands.below(2) << 15));
            }
            case OPERAND32 -> {
                b.set(operands.float32(), 0);
                operands.float80(a, operands.oneIn(2) ? 0x3fff : operands.below(0x8000));
            }
            case OPERAND64 -> {
                b.set(operands.float64(), 0);
                operands.float80(a, operands.oneIn(2) ? 0x3fff : operands.below(0x8000));
            }
            case LOAD32 -> a.set(operands.float32(), 0);
            case LOAD64 -> a.set(operands.float64(), 0);
            case LOAD_INTEGER -> a.set(operands.integer(), 0);
            case LOAD_BCD -> a.set(digits(operands, 16), operands.below(256) << 8 | (int) digits(operands, 2));
            case STORE32 -> operands.float80(a, nearEnd(operands, 127, 24));
            case STORE64 -> operands.float80(a, nearEnd(operands, 1023, 53));
            default -> operands.float80(a, 0x3fff + operands.below(66));
        }
    }

    private static int nearEnd(Operands operands, int bias, int digits) {
        return 0x3fff + (operands.oneIn(2) ? bias + 1 : -bias - operands.below(digits + 3));
    }

    private static long digits(Operands operands, int count) {
        long digits = 0;
        for (int i = 0; i < count; i++) digits = digits << 4 | operands.below(10);
        return digits;
    }

    private static void run(
            Instruction instruction,
            X87Host host,
            Outcome out,
            Float80 a,
            Float80 b,
            FloatEnvironment env,
            int controlWord) {
        Float80 operand = new Float80();
        switch (instruction.kind) {
            case OPERAND32 -> Float80.widenFloat32(operand, (int) b.significand);
            case OPERAND64 -> Float80.widenFloat64(operand, b.significand);
            default -> operand.copy(b);
        }
        switch (instruction.kind) {
            case LOAD32, LOAD64, LOAD_INTEGER, LOAD_BCD -> host.run(b, a, controlWord);
            default -> host.run(a, b, controlWord);
        }
        // A destination may be the operand: half of the time it is.
        boolean inPlace = (a.significand & 1L << 40) != 0 && instruction.kind != Kind.STORE_BCD;
        instruction.function.apply(out, inPlace ? out.st0 : a, operand, env);
    }

    private static String difference(Kind kind, Outcome out, FloatEnvironment env, X87Host host) {
        String ours = "flags %x conditions %x".formatted(env.flags, out.conditions);
        String hosts = "flags %x conditions %x".formatted(host.flags(), host.conditions() & out.checked);
        int suppressing = FloatEnvironment.INVALID;
        switch (kind) {
            case REGISTERS -> {
                ours += " " + hex(out.st0) + " " + hex(out.st1);
                hosts += " " + hex(host.signExponent(), host.significand()) + " "
                        + hex(host.secondSignExponent(), host.secondSignificand());
            }
            case OPERAND32, OPERAND64 -> {
                ours += " " + hex(out.st0);
                hosts += " " + hex(host.signExponent(), host.significand());
            }
            case LOAD32, LOAD64, LOAD_INTEGER, LOAD_BCD -> {
                if (!env.isUnmasked(suppressing)) {
                    ours += " " + hex(out.st0);
                    hosts += " " + hex(host.signExponent(), host.significand());
                }
            }
            case STORE_BCD -> {
                ours += stored(env, hex(out.st0));
                hosts += stored(env, host, hex(host.signExponent(), host.significand()));
            }
            case STORE16, STORE_INTEGER16 -> {
                ours += stored(env, "%04x".formatted((short) out.memory));
                hosts += stored(env, host, "%04x".formatted((short) host.memory()));
            }
            case STORE32, STORE_INTEGER32 -> {
                ours += stored(env, "%08x".formatted((int) out.memory));
                hosts += stored(env, host, "%08x".formatted((int) host.memory()));
            }
            case STORE64, STORE_INTEGER64 -> {
                ours += stored(env, "%016x".formatted(out.memory));
                hosts += stored(env, host, "%016x".formatted(host.memory()));
            }
        }
        return Objects.equals(ours, hosts) ? null : "host " + hosts + ", ours " + ours;
    }

    private static String stored(FloatEnvironment env, String value) {
        int suppressing = FloatEnvironment.INVALID | FloatEnvironment.OVERFLOW | FloatEnvironment.UNDERFLOW;
        return env.isUnmasked(suppressing) ? " nothing" : " " + value;
    }

    /** What the host left in memory, which may have been there before. */
    private static String stored(FloatEnvironment env, X87Host host, String value) {
        return stored(env, "").equals(" nothing") && !host.stored() ? " nothing" : " " + value;
    }

    private static String hex(Float80 a) {
        return hex(a.signExponent, a.significand);
    }

    private static String hex(int signExponent, long significand) {
        return "%04x:%016x".formatted(signExponent, significand);
    }
}
