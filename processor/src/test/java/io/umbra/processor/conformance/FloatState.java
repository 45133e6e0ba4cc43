package io.umbra.processor.conformance;

import io.umbra.processor.VectorOperands;
import io.umbra.x86.VcpuState;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** XMM, MMX and x87 registers with their control and status words: random ones, given to both sides and compared. All exceptions are masked. */
final class FloatState {
    private static final int X87_DEFAULT = 0x37F;
    private static final int MASKED = 0x1F80, ROUNDING_AND_ZEROS = 0xE040, STICKY = 0x3F;

    private final RegisterFile before;
    private final RegisterFile after;

    FloatState(HostSide host) {
        before = host.before;
        after = host.after;
    }

    void randomise(Random random) {
        int sticky = random.nextBoolean() ? 0 : random.nextInt() & STICKY;
        before.mxcsr(MASKED | sticky | (random.nextBoolean() ? 0 : random.nextInt() & ROUNDING_AND_ZEROS));
        for (int half = 0; half < 32; half++) {
            boolean repeats = half > 1 && random.nextInt(4) == 0;
            before.xmm(half, repeats ? before.xmm(random.nextInt(half)) : VectorOperands.half(random));
        }
        before.x87Control(X87_DEFAULT);
        before.x87Status(random.nextInt(8) << 11);
        before.x87Empty(random.nextInt(256));
        for (int register = 0; register < 8; register++) {
            before.x87Register(register, random.nextInt(0x10000), VectorOperands.half(random));
        }
    }

    /** Gives the software processor what the host will load. */
    void load(VcpuState state) {
        state.mxcsr = before.mxcsr();
        for (int half = 0; half < 32; half++) {
            state.xmm[half] = before.xmm(half);
        }
        state.x87Control = before.x87Control();
        state.x87Status = before.x87Status();
        state.x87Empty = before.x87Empty();
        for (int register = 0; register < 8; register++) {
            state.x87Significand[register] = before.x87Significand(register);
            state.x87SignExponent[register] = before.x87SignExponent(register);
        }
    }

    @Nullable
    String difference(VcpuState state) {
        for (int half = 0; half < 32; half++) {
            if (after.xmm(half) != state.xmm[half]) {
                String name = "xmm%d %s".formatted(half / 2, half % 2 == 0 ? "low" : "high");
                return Conformance.differ(name, after.xmm(half), state.xmm[half]);
            }
        }
        if (after.mxcsr() != state.mxcsr) {
            return Conformance.differ("mxcsr", after.mxcsr(), state.mxcsr);
        }
        if (after.x87Status() != state.x87Status) {
            return Conformance.differ("x87 status", after.x87Status(), state.x87Status);
        }
        if (after.x87Empty() != state.x87Empty) {
            return Conformance.differ("x87 empty", after.x87Empty(), state.x87Empty);
        }
        for (int register = 0; register < 8; register++) {
            if (after.x87Significand(register) != state.x87Significand[register]) {
                return Conformance.differ(
                        "mm" + register, after.x87Significand(register), state.x87Significand[register]);
            }
            if (after.x87SignExponent(register) != state.x87SignExponent[register]) {
                return Conformance.differ(
                        "exponent " + register, after.x87SignExponent(register), state.x87SignExponent[register]);
            }
        }
        return null;
    }

    String describe() {
        StringBuilder text = new StringBuilder("%n   mxcsr %x".formatted(before.mxcsr()));
        for (int register = 0; register < 16; register++) {
            text.append("\n   xmm%-2d %016x %016x"
                    .formatted(register, before.xmm(2 * register + 1), before.xmm(2 * register)));
        }
        for (int register = 0; register < 8; register++) {
            text.append("\n   mm%d %016x".formatted(register, before.x87Significand(register)));
        }
        return text.toString();
    }
}
