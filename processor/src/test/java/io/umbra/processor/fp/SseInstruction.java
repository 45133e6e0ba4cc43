package io.umbra.processor.fp;

import java.util.List;

/** An SSE instruction: its machine code on XMM0, XMM1 and RAX, and what computes the same here. */
record SseInstruction(String name, String code, Operands2 operands, Result result, Function2 function) {
    enum Operands2 {
        FLOAT64,
        FLOAT32,
        INTEGER
    }

    enum Result {
        XMM64,
        XMM32,
        RAX,
        EAX,
        ORDER
    }

    @FunctionalInterface
    interface Function2 {
        long apply(long a, long b, FloatEnvironment env);
    }

    private static SseInstruction f64(String name, String code, Result result, Function2 function) {
        return new SseInstruction(name, code, Operands2.FLOAT64, result, function);
    }

    private static SseInstruction f32(String name, String code, Result result, Function2 function) {
        return new SseInstruction(name, code, Operands2.FLOAT32, result, function);
    }

    private static SseInstruction integer(String name, String code, Result result, Function2 function) {
        return new SseInstruction(name, code, Operands2.INTEGER, result, function);
    }

    static final List<SseInstruction> ALL = List.of(
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

    long first(Operands random) {
        return switch (operands) {
            case FLOAT64 -> random.float64();
            case FLOAT32 -> random.float32() & 0xffff_ffffL;
            case INTEGER -> random.integer();
        };
    }

    long second(Operands random, long a) {
        return switch (operands) {
            case FLOAT64 -> random.oneIn(16) ? a : random.float64(random.oneIn(2) ? a : ~a);
            case FLOAT32 -> random.oneIn(16) ? a : random.float32((int) (random.oneIn(2) ? a : ~a)) & 0xffff_ffffL;
            case INTEGER -> 0;
        };
    }

    long resultOf(SseHost host) {
        return switch (result) {
            case XMM64 -> host.xmm();
            case XMM32 -> host.xmm() & 0xffff_ffffL;
            case RAX -> host.rax();
            case EAX -> host.rax() & 0xffff_ffffL;
            case ORDER -> order(host.rax());
        };
    }

    long compute(long a, long b, FloatEnvironment env) {
        long value = function.apply(a, b, env);
        return result == Result.XMM32 || result == Result.EAX ? value & 0xffff_ffffL : value;
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
