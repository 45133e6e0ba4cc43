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

    /** OF is undefined: 0 here. */
    private static void adjustPacked(Cpu cpu, int sign) {
        int old = (int) cpu.gpr[VcpuState.RAX] & 0xFF;
        boolean carry = cpu.flags.carry();
        boolean high = carry || old > 0x99;
        boolean low = cpu.flags.auxiliary() || (old & 0xF) > 9;
        int al = old + sign * ((low ? 6 : 0) + (high ? 0x60 : 0));
        boolean borrowed = sign < 0 && low && old < 6;
        cpu.setRegister(VcpuState.RAX, 1, al);
        resultFlags(cpu, al, high || borrowed, low);
    }

    /** AAA. */
    static final class AsciiAdjustAfterAddition extends Op {
        @Override
        void execute(Cpu cpu) {
            adjustUnpacked(cpu, 0x106);
        }
    }

    /** AAS. */
    static final class AsciiAdjustAfterSubtraction extends Op {
        @Override
        void execute(Cpu cpu) {
            adjustUnpacked(cpu, -0x106);
        }
    }

    /** OF, SF, ZF and PF are undefined: here they follow AL. */
    private static void adjustUnpacked(Cpu cpu, int amount) {
        long ax = cpu.gpr[VcpuState.RAX];
        boolean adjusts = (ax & 0xF) > 9 || cpu.flags.auxiliary();
        long adjusted = (adjusts ? ax + amount : ax) & 0xFF0F;
        cpu.setRegister(VcpuState.RAX, 2, adjusted);
        resultFlags(cpu, (int) adjusted, adjusts, adjusts);
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

    /** AAD. */
    static final class AsciiAdjustBeforeDivision extends Op {
        private final int base;

        AsciiAdjustBeforeDivision(int base) {
            this.base = base;
        }

        @Override
        void execute(Cpu cpu) {
            long al = cpu.gpr[VcpuState.RAX] + cpu.highByte(VcpuState.RAX) * base & 0xFF;
            cpu.setRegister(VcpuState.RAX, 2, al);
            cpu.flags.logic(al, 8);
        }
    }

    /** SALC: AL becomes all ones when CF is set, else 0. */
    static final class SetFromCarry extends Op {
        @Override
        void execute(Cpu cpu) {
            cpu.setRegister(VcpuState.RAX, 1, cpu.flags.carry() ? 0xFF : 0);
        }
    }

    private static void resultFlags(Cpu cpu, int al, boolean carry, boolean auxiliary) {
        cpu.flags.logic(al, 8);
        cpu.flags.fromRFlags(cpu.flags.toRFlags() | (carry ? RFlags.CARRY : 0) | (auxiliary ? RFlags.AUXILIARY : 0));
    }
}
