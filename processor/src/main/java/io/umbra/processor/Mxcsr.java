package io.umbra.processor;

import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * Between {@link VcpuState#mxcsr}, which is the architectural truth, and the environment that the arithmetic works with. Intel SDM vol. 1, 10.2.3.
 *
 * <pre> 15 FTZ | 14..13 RC | 12..7 masks | 6 DAZ | 5..0 flags </pre>
 */
final class Mxcsr {
    /** The bits that exist: what FXSAVE stores as MXCSR_MASK. Setting another raises #GP(0). */
    static final int DEFINED = 0xFFFF;

    private static final int DENORMALS_ARE_ZERO = 1 << 6;
    private static final int MASKS = 7;
    private static final int ROUNDING = 13;
    private static final int FLUSH_TO_ZERO = 1 << 15;

    /** @return the environment of one instruction, without flags */
    static FloatEnvironment begin(Cpu cpu) {
        int mxcsr = cpu.state.mxcsr;
        FloatEnvironment env = cpu.floats;
        env.rounding = mxcsr >> ROUNDING & 3;
        env.masked = mxcsr >> MASKS & FloatEnvironment.ALL;
        env.denormalsAreZero = (mxcsr & DENORMALS_ARE_ZERO) != 0;
        env.flushToZero = (mxcsr & FLUSH_TO_ZERO) != 0;
        env.flags = 0;
        return env;
    }

    /** Makes the flags sticky; raises the exception if one of them is unmasked. To be called before a result is written. */
    static void finish(Cpu cpu, FloatEnvironment env) {
        if (env.flags != 0) {
            report(cpu, env);
        }
    }

    private static void report(Cpu cpu, FloatEnvironment env) {
        int raised = FloatEnvironment.ofPackedInstruction(env.flags, env.masked);
        cpu.state.mxcsr |= raised;
        if ((raised & ~env.masked) != 0) {
            boolean offered = (cpu.state.cr4 & Cr4.SIMD_EXCEPTIONS) != 0;
            throw cpu.fault(offered ? Vector.SIMD_FLOATING_POINT : Vector.INVALID_OPCODE);
        }
    }

    /** @throws GuestException #GP(0) for bits that do not exist */
    static int checked(Cpu cpu, int value) {
        if ((value & ~DEFINED) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return value;
    }

    private Mxcsr() {}
}
