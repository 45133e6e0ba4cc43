package io.umbra.processor;

import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;

/**
 * The state that XSAVE manages, by the bits of XCR0: which components there are, where they lie in an area of the standard format, and when one has its initial value. Intel SDM vol. 1, 13.1 to 13.6.
 *
 * <pre>
 *  component    offset  bytes
 *  0 x87             0    512, together with SSE: the image of FXSAVE
 *  1 SSE
 *    header        512     64
 *  2 AVX           576    256: the upper halves of the YMM registers
 *  9 PKRU          832      8
 * </pre>
 */
final class ExtendedState {
    static final long X87 = 1, SSE = 1L << 1, AVX = 1L << 2, PKRU = 1L << 9;
    /** What VEX-coded instructions need. */
    static final long VECTORS = SSE | AVX;

    static final int HEADER = 512, HEADER_END = 576;
    static final int AVX_OFFSET = HEADER_END, AVX_BYTES = 256;
    static final int PKRU_OFFSET = AVX_OFFSET + AVX_BYTES, PKRU_BYTES = 8;
    private static final int INITIAL_CONTROL = 0x37F, ALL_EMPTY = 0xFF;

    /** The bits of XCR0 that may be set: PKRU exists with protection keys. */
    static long offered(PagingFeatures features) {
        return X87 | SSE | AVX | (features.protectionKeys() ? PKRU : 0);
    }

    /** @return how long an area with these components is, in bytes */
    static int size(long components) {
        if ((components & PKRU) != 0) {
            return PKRU_OFFSET + PKRU_BYTES;
        }
        return (components & AVX) != 0 ? AVX_OFFSET + AVX_BYTES : HEADER_END;
    }

    /** XGETBV: XCR0, or what of it is in use. */
    static long read(Cpu cpu) {
        requireEnabled(cpu);
        return switch ((int) cpu.gpr[VcpuState.RCX]) {
            case 0 -> cpu.state.xcr0;
            case 1 -> cpu.state.xcr0 & inUse(cpu.state);
            default -> throw cpu.fault(Vector.GENERAL_PROTECTION);
        };
    }

    /** XSETBV. */
    static void write(Cpu cpu) {
        requireEnabled(cpu);
        ControlRegisters.requireKernel(cpu);
        long value = cpu.gpr[VcpuState.RDX] << 32 | cpu.gpr[VcpuState.RAX] & 0xFFFF_FFFFL;
        boolean avxAlone = (value & VECTORS) == AVX;
        if ((int) cpu.gpr[VcpuState.RCX] != 0
                || (value & X87) == 0
                || (value & ~offered(cpu.features)) != 0
                || avxAlone) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        cpu.state.xcr0 = value;
    }

    private static void requireEnabled(Cpu cpu) {
        if ((cpu.state.cr4 & Cr4.XSAVE) == 0) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
    }

    /** XINUSE: the components that differ from what they are after reset. MXCSR does not count. */
    static long inUse(VcpuState state) {
        return (isX87Initial(state) ? 0 : X87)
                | (isZero(state.xmm) ? 0 : SSE)
                | (isZero(state.ymmHigh) ? 0 : AVX)
                | (state.pkru == 0 ? 0 : PKRU);
    }

    private static boolean isX87Initial(VcpuState state) {
        long exponents = 0;
        for (int exponent : state.x87SignExponent) {
            exponents |= exponent;
        }
        boolean isQuiet = state.x87Opcode == 0
                && (state.x87InstructionPointer | state.x87DataPointer) == 0
                && (state.x87InstructionSelector | state.x87DataSelector) == 0;
        return state.x87Control == INITIAL_CONTROL
                && state.x87Status == 0
                && state.x87Empty == ALL_EMPTY
                && isQuiet
                && exponents == 0
                && isZero(state.x87Significand);
    }

    private static boolean isZero(long[] values) {
        long any = 0;
        for (long value : values) {
            any |= value;
        }
        return any == 0;
    }

    /** As FNINIT, and the registers zero. */
    static void resetX87(Cpu cpu) {
        VcpuState state = cpu.state;
        state.x87Status = 0;
        cpu.x87.control(INITIAL_CONTROL);
        state.x87Empty = ALL_EMPTY;
        state.x87Opcode = 0;
        state.x87InstructionPointer = 0;
        state.x87InstructionSelector = 0;
        state.x87DataPointer = 0;
        state.x87DataSelector = 0;
        Arrays.fill(state.x87Significand, 0);
        Arrays.fill(state.x87SignExponent, 0);
    }

    private ExtendedState() {}
}
