package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/**
 * FLDENV, FNSTENV, FRSTOR and FNSAVE. Intel SDM vol. 1, figures 8-9 to 8-12. The environment is seven words, each of four bytes, or of two with a 16-bit operand size;
 * FNSAVE puts ST0 … ST7 behind it, ten bytes each.
 *
 * <pre>
 *                 0    1    2     3           4                           5            6
 * protected, 32   FCW  FSW  tags  FIP         FOP 26..16 | FCS            FDP          FDS
 * real, 32        FCW  FSW  tags  FIP 15..0   FIP 31..16 in 27..12 | FOP  FDP 15..0    FDP 31..16 in 27..12
 * protected, 16   FCW  FSW  tags  FIP         FCS                         FDP          FDS
 * real, 16        FCW  FSW  tags  FIP 15..0   FIP 19..16 in 15..12 | FOP  FDP 15..0    FDP 19..16 in 15..12
 * </pre>
 *
 * <p>In real and virtual-8086 mode the pointers are linear: the selector's base is added.
 */
final class X87EnvironmentOps {
    private static final int WORDS = 7;
    private static final int REGISTERS = 8;
    private static final int REGISTER_BYTES = 10;
    private static final int OPCODE_BITS = 0x7FF;

    private X87EnvironmentOps() {}

    static Op store(Instruction i, int offsetInPage, boolean withRegisters) {
        return new Store(i, offsetInPage, withRegisters);
    }

    static Op load(Instruction i, int offsetInPage, boolean withRegisters) {
        return new Load(i, offsetInPage, withRegisters);
    }

    private abstract static class Image extends MemoryOp {
        final boolean withRegisters;
        /** Bytes of a word of the environment. */
        final int word;
        /** In bytes, all of it. */
        final int size;

        Image(Instruction i, int offsetInPage, boolean withRegisters) {
            super(i.address(offsetInPage));
            this.withRegisters = withRegisters;
            this.size = i.operands[0].size();
            this.word = (size - (withRegisters ? REGISTERS * REGISTER_BYTES : 0)) / WORDS;
        }

        static boolean isReal(Cpu cpu) {
            return (cpu.state.cr0 & Cr0.PROTECTION) == 0 || (cpu.state.rflags & RFlags.VIRTUAL_8086) != 0;
        }
    }

    private static final class Store extends Image {
        private static final long UPPER_ONES = 0xFFFF_0000L;

        Store(Instruction i, int offsetInPage, boolean withRegisters) {
            super(i, offsetInPage, withRegisters);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            VcpuState state = cpu.state;
            long linear = address.linearForWrite(cpu, size);
            cpu.probeWrite(linear, size);
            put(cpu, linear, 0, UPPER_ONES | state.x87Control);
            put(cpu, linear, 1, UPPER_ONES | state.x87Status);
            put(cpu, linear, 2, UPPER_ONES | cpu.x87.tags());
            putPointers(cpu, state, linear);
            if (withRegisters) {
                putRegisters(cpu, linear);
                cpu.x87.initialise();
            } else {
                cpu.x87.maskAll();
            }
        }

        private void put(Cpu cpu, long linear, int index, long value) {
            cpu.store(X87Format.behind(cpu, linear, index * word), word, value);
        }

        private void putPointers(Cpu cpu, VcpuState state, long linear) {
            long instruction = state.x87InstructionPointer;
            long data = state.x87DataPointer;
            if (isReal(cpu)) {
                instruction += (long) state.x87InstructionSelector << 4;
                data += (long) state.x87DataSelector << 4;
                put(cpu, linear, 3, instruction & 0xFFFF);
                put(cpu, linear, 4, instruction >>> 4 & 0xFFF_F000 | state.x87Opcode & OPCODE_BITS);
                put(cpu, linear, 5, data & 0xFFFF);
                put(cpu, linear, 6, data >>> 4 & 0xFFF_F000);
            } else {
                put(cpu, linear, 3, instruction);
                put(cpu, linear, 4, (long) (state.x87Opcode & OPCODE_BITS) << 16 | state.x87InstructionSelector);
                put(cpu, linear, 5, data);
                put(cpu, linear, 6, UPPER_ONES | state.x87DataSelector);
            }
        }

        /** In pieces of two bytes, which are aligned wherever the environment is. */
        private void putRegisters(Cpu cpu, long linear) {
            X87Unit x87 = cpu.x87;
            for (int i = 0; i < REGISTERS; i++) {
                long place = X87Format.behind(cpu, linear, WORDS * word + i * REGISTER_BYTES);
                x87.read(x87.a, i);
                for (int n = 0; n < 8; n += 2) {
                    cpu.store16(X87Format.behind(cpu, place, n), x87.a.significand >>> 8 * n);
                }
                cpu.store16(X87Format.behind(cpu, place, 8), x87.a.signExponent);
            }
        }
    }

    private static final class Load extends Image {
        Load(Instruction i, int offsetInPage, boolean withRegisters) {
            super(i, offsetInPage, withRegisters);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkX87();
            cpu.x87.checkPending(cpu);
            VcpuState state = cpu.state;
            long linear = address.linear(cpu, size);
            cpu.probeRead(linear, size);
            int control = (int) get(cpu, linear, 0);
            state.x87Status = (int) get(cpu, linear, 1) & 0xFFFF;
            cpu.x87.tags((int) get(cpu, linear, 2));
            cpu.x87.control(control);
            getPointers(cpu, state, linear);
            if (withRegisters) {
                getRegisters(cpu, linear);
            }
        }

        private long get(Cpu cpu, long linear, int index) {
            return cpu.load(X87Format.behind(cpu, linear, index * word), word);
        }

        private void getPointers(Cpu cpu, VcpuState state, long linear) {
            long third = get(cpu, linear, 3);
            long fourth = get(cpu, linear, 4);
            long fifth = get(cpu, linear, 5);
            long sixth = get(cpu, linear, 6);
            if (isReal(cpu)) {
                state.x87InstructionPointer = third & 0xFFFF | (fourth & 0xFFF_F000) << 4;
                state.x87InstructionSelector = 0;
                state.x87Opcode = (int) fourth & OPCODE_BITS;
                state.x87DataPointer = fifth & 0xFFFF | (sixth & 0xFFF_F000) << 4;
                state.x87DataSelector = 0;
            } else {
                state.x87InstructionPointer = third;
                state.x87InstructionSelector = (int) fourth & 0xFFFF;
                state.x87Opcode = (int) (fourth >>> 16) & OPCODE_BITS;
                state.x87DataPointer = fifth;
                state.x87DataSelector = (int) sixth & 0xFFFF;
            }
        }

        private void getRegisters(Cpu cpu, long linear) {
            X87Unit x87 = cpu.x87;
            for (int i = 0; i < REGISTERS; i++) {
                long place = X87Format.behind(cpu, linear, WORDS * word + i * REGISTER_BYTES);
                long significand = 0;
                for (int n = 0; n < 8; n += 2) {
                    significand |= cpu.load16(X87Format.behind(cpu, place, n)) << 8 * n;
                }
                x87.a.set(significand, (int) cpu.load16(X87Format.behind(cpu, place, 8)));
                x87.restore(i, x87.a);
            }
        }
    }
}
