package io.umbra.processor;

import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * The memory image of 512 bytes, 16-byte aligned. Intel SDM vol. 2A, "FXSAVE"; AMD APM vol. 2, 11.4.4.
 *
 * <pre>
 *    0 FCW | 2 FSW | 4 tags, abridged: 1 = in use | 6 FOP | 8 FIP | 16 FDP: 64 bits with REX.W, else 32 and a selector
 *   24 MXCSR | 28 MXCSR_MASK | 32 + 16 i  ST(i), 10 bytes | 160 + 16 i  XMMi, 8 of them outside 64-bit mode
 * </pre>
 *
 * <p>What is not named is neither written nor read. MXCSR and the XMM registers take part only while CR4.OSFXSR is set. As on AMD's processors the
 * pointers are saved as zeroes while no x87 exception is pending, and always restored (CPUID 8000_0008, RstrFpErrPtrs).
 */
abstract class FxsaveImage extends MemoryOp {
    static final int CONTROL = 0,
            STATUS = 2,
            TAGS = 4,
            OPCODE = 6,
            INSTRUCTION = 8,
            OPERAND = 16,
            MXCSR = 24,
            MASK = 28;
    static final int STACK = 32, XMM = 160, BYTES = 512;
    static final int STACK_REGISTERS = 8;
    static final long SLOT = 16;
    static final int OPCODE_BITS = 0x7FF;

    /** Pointers are 64 bits wide and have no selector. */
    final boolean wide;

    final int xmmRegisters;

    FxsaveImage(Instruction i, int offsetInPage) {
        super(i.address(offsetInPage));
        wide = i.operandSize == 8;
        xmmRegisters = i.mode == 64 ? 16 : 8;
    }

    /** @param bytes a power of two */
    static long checkAlignment(Cpu cpu, long linear, long bytes) {
        if ((linear & bytes - 1) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return linear;
    }

    /** Index of ST(i). */
    static int physical(VcpuState state, int i) {
        return (state.x87Status >> 11) + i & 7;
    }

    final void saveX87(Cpu cpu, long linear) {
        VcpuState state = cpu.state;
        cpu.store16(linear + CONTROL, state.x87Control);
        cpu.store16(linear + STATUS, state.x87Status);
        cpu.store16(linear + TAGS, ~state.x87Empty & 0xFF);
        if ((state.x87Status & X87Unit.SUMMARY) != 0) {
            cpu.store16(linear + OPCODE, state.x87Opcode & OPCODE_BITS);
            storePointer(cpu, linear + INSTRUCTION, state.x87InstructionPointer, state.x87InstructionSelector);
            storePointer(cpu, linear + OPERAND, state.x87DataPointer, state.x87DataSelector);
        } else {
            cpu.store16(linear + OPCODE, 0);
            cpu.store64(linear + INSTRUCTION, 0);
            cpu.store64(linear + OPERAND, 0);
        }
        for (int i = 0; i < STACK_REGISTERS; i++) {
            int register = physical(state, i);
            cpu.store64(linear + STACK + i * SLOT, state.x87Significand[register]);
            cpu.store64(linear + STACK + i * SLOT + 8, state.x87SignExponent[register] & 0xFFFF);
        }
    }

    private void storePointer(Cpu cpu, long linear, long offset, int selector) {
        cpu.store64(linear, wide ? offset : offset & 0xFFFF_FFFFL | (selector & 0xFFFFL) << 32);
    }

    final void saveMxcsr(Cpu cpu, long linear) {
        cpu.store32(linear + MXCSR, cpu.state.mxcsr);
        cpu.store32(linear + MASK, Mxcsr.DEFINED);
    }

    final void saveXmm(Cpu cpu, long linear) {
        for (int i = 0; i < 2 * xmmRegisters; i++) {
            cpu.store64(linear + XMM + 8L * i, cpu.state.xmm[i]);
        }
    }

    final void restoreXmm(Cpu cpu, long linear) {
        for (int i = 0; i < 2 * xmmRegisters; i++) {
            cpu.state.xmm[i] = cpu.load64(linear + XMM + 8L * i);
        }
    }

    /** Whatever the image has is accepted; the caller has checked MXCSR. */
    final void restoreX87(Cpu cpu, long linear) {
        VcpuState state = cpu.state;
        state.x87Status = (int) cpu.load16(linear + STATUS);
        cpu.x87.control((int) cpu.load16(linear + CONTROL));
        state.x87Empty = ~(int) cpu.load8(linear + TAGS) & 0xFF;
        state.x87Opcode = (int) cpu.load16(linear + OPCODE) & OPCODE_BITS;
        long instruction = cpu.load64(linear + INSTRUCTION);
        long operand = cpu.load64(linear + OPERAND);
        state.x87InstructionPointer = wide ? instruction : instruction & 0xFFFF_FFFFL;
        state.x87InstructionSelector = wide ? 0 : (int) (instruction >>> 32) & 0xFFFF;
        state.x87DataPointer = wide ? operand : operand & 0xFFFF_FFFFL;
        state.x87DataSelector = wide ? 0 : (int) (operand >>> 32) & 0xFFFF;
        for (int i = 0; i < STACK_REGISTERS; i++) {
            int register = physical(state, i);
            state.x87Significand[register] = cpu.load64(linear + STACK + i * SLOT);
            state.x87SignExponent[register] = (int) cpu.load16(linear + STACK + i * SLOT + 8);
        }
    }
}
