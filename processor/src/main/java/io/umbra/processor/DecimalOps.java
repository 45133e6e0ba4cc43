package io.umbra.processor;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** Decimal arithmetic on AL and AH, and SALC; none of it exists in 64-bit mode. The pseudocode is that of Intel SDM vol. 2. */
final class DecimalOps {
    private DecimalOps() {}

    /** DAA. */
    static final class AdjustAfterAddition extends Op {
        @Override
        void execute(Cpu cpu) {
            adjustPacked(cpu, 1);
        }
    }

    /** DAS. */
    static final class AdjustAfterSubtraction extends Op {
        @Override
        void execute(Cpu cpu) {
            adjustPacked(cpu, -1);
        }
    }

    /** OF is undefined: here that of adding the whole correction at once. */
    private static void adjustPacked(Cpu cpu, int sign) {
        int old = (int) cpu.gpr[VcpuState.RAX] & 0xFF;
        boolean high = cpu.flags.carry() || old > 0x99;
        boolean low = cpu.flags.auxiliary() || (old & 0xF) > 9;
        boolean borrowed = sign < 0 && low && old < 6;
        long al = correct(cpu, old, sign, (low ? 6 : 0) + (high ? 0x60 : 0));
        cpu.setRegister(VcpuState.RAX, 1, al);
        carries(cpu, high || borrowed, low);
    }

    /** AAA. */
    static final class AsciiAdjustAfterAddition extends Op {
        @Override
        void execute(Cpu cpu) {
            adjustUnpacked(cpu, 1);
        }
    }

    /** AAS. */
    static final class AsciiAdjustAfterSubtraction extends Op {
        @Override
        void execute(Cpu cpu) {
            adjustUnpacked(cpu, -1);
        }
    }

    /** OF, SF, ZF and PF are undefined: here they follow AL before its upper half is cleared. */
    private static void adjustUnpacked(Cpu cpu, int sign) {
        long ax = cpu.gpr[VcpuState.RAX];
        boolean adjusts = (ax & 0xF) > 9 || cpu.flags.auxiliary();
        correct(cpu, ax & 0xFF, sign, adjusts ? 6 : 0);
        cpu.setRegister(VcpuState.RAX, 2, (adjusts ? ax + sign * 0x106L : ax) & 0xFF0F);
        carries(cpu, adjusts, adjusts);
    }

    /** AAM: #DE when the base is 0. */
    static final class AsciiAdjustAfterMultiplication extends Op {
        private final int base;

        AsciiAdjustAfterMultiplication(int base) {
            this.base = base;
        }

        @Override
        void execute(Cpu cpu) {
            if (base == 0) {
                throw cpu.fault(Vector.DIVIDE_ERROR);
            }
            int al = (int) cpu.gpr[VcpuState.RAX] & 0xFF;
            cpu.setRegister(VcpuState.RAX, 2, al / base << 8 | al % base);
            cpu.flags.logic(al % base, 8);
        }
    }

    /** AAD. CF, OF and AF are undefined: here those of the addition. */
    static final class AsciiAdjustBeforeDivision extends Op {
        private final int base;

        AsciiAdjustBeforeDivision(int base) {
            this.base = base;
        }

        @Override
        void execute(Cpu cpu) {
            long tens = cpu.highByte(VcpuState.RAX) * base;
            long al = Alu.add(cpu, cpu.gpr[VcpuState.RAX], tens, 8);
            cpu.setRegister(VcpuState.RAX, 2, al & 0xFF);
        }
    }

    /** SALC: AL becomes all ones when CF is set, else 0. */
    static final class SetFromCarry extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.setRegister(VcpuState.RAX, 1, cpu.flags.carry() ? 0xFF : 0);
        }
    }

    private static long correct(Cpu cpu, long al, int sign, int amount) {
        return sign > 0 ? Alu.add(cpu, al, amount, 8) : Alu.subtract(cpu, al, amount, 8);
    }

    private static void carries(Cpu cpu, boolean carry, boolean auxiliary) {
        long others = cpu.flags.toRFlags() & ~(RFlags.CARRY | RFlags.AUXILIARY);
        cpu.flags.fromRFlags(others | (carry ? RFlags.CARRY : 0) | (auxiliary ? RFlags.AUXILIARY : 0));
    }
}
