package io.umbra.processor;

import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** LDMXCSR, STMXCSR, FXSAVE and FXRSTOR. */
final class VectorStateOps {
    private VectorStateOps() {}

    static Op loadMxcsr(Instruction i, int offsetInPage) {
        return new LoadMxcsr(i.address(offsetInPage));
    }

    static Op storeMxcsr(Instruction i, int offsetInPage) {
        return new StoreMxcsr(i.address(offsetInPage));
    }

    static Op save(Instruction i, int offsetInPage) {
        return new Save(i, offsetInPage);
    }

    static Op restore(Instruction i, int offsetInPage) {
        return new Restore(i, offsetInPage);
    }

    private static final class LoadMxcsr extends MemoryOp {
        LoadMxcsr(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            cpu.state.mxcsr = Mxcsr.checked(cpu, (int) cpu.load32(address.linear(cpu, 4)));
        }
    }

    private static final class StoreMxcsr extends MemoryOp {
        StoreMxcsr(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkSse();
            cpu.store32(address.linearForWrite(cpu, 4), cpu.state.mxcsr);
        }
    }

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
    private abstract static class Image extends MemoryOp {
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

        Image(Instruction i, int offsetInPage) {
            super(i.address(offsetInPage));
            wide = i.operandSize == 8;
            xmmRegisters = i.mode == 64 ? 16 : 8;
        }

        static long checkAlignment(Cpu cpu, long linear) {
            if ((linear & SLOT - 1) != 0) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            return linear;
        }

        static boolean hasSse(Cpu cpu) {
            return (cpu.state.cr4 & Cr4.FXSAVE) != 0;
        }

        /** Index of ST(i). */
        static int physical(VcpuState state, int i) {
            return (state.x87Status >> 11) + i & 7;
        }
    }

    private static final class Save extends Image {
        Save(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            long linear = checkAlignment(cpu, address.linearForWrite(cpu, BYTES));
            cpu.probeWrite(linear, BYTES);
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
            if (hasSse(cpu)) {
                cpu.store32(linear + MXCSR, state.mxcsr);
                cpu.store32(linear + MASK, Mxcsr.DEFINED);
                for (int i = 0; i < 2 * xmmRegisters; i++) {
                    cpu.store64(linear + XMM + 8L * i, state.xmm[i]);
                }
            }
        }

        private void storePointer(Cpu cpu, long linear, long offset, int selector) {
            cpu.store64(linear, wide ? offset : offset & 0xFFFF_FFFFL | (selector & 0xFFFFL) << 32);
        }
    }

    private static final class Restore extends Image {
        Restore(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            long linear = checkAlignment(cpu, address.linear(cpu, BYTES));
            cpu.probeRead(linear, BYTES);
            if (hasSse(cpu)) {
                cpu.state.mxcsr = Mxcsr.checked(cpu, (int) cpu.load32(linear + MXCSR));
                for (int i = 0; i < 2 * xmmRegisters; i++) {
                    cpu.state.xmm[i] = cpu.load64(linear + XMM + 8L * i);
                }
            }
            restoreX87(cpu, cpu.state, linear);
        }

        private void restoreX87(Cpu cpu, VcpuState state, long linear) {
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
}
