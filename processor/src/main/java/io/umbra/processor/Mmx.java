package io.umbra.processor;

import io.umbra.x86.VcpuState;

/** The MMX registers, which are the significands of the x87's physical registers. Intel SDM vol. 3A, "Intel MMX Technology System Programming". */
final class Mmx {
    private static final int TOP = 7 << 11;
    /** Sign and exponent of a register that MMX wrote: it is a NaN or an infinity to the x87. */
    private static final int ALL_ONES = 0xFFFF;

    private static final int ALL_EMPTY = 0xFF;

    /** Before an MMX instruction: #UD, #NM, and #MF for an x87 exception that still waits. */
    static void check(Cpu cpu) {
        cpu.checkMmx();
        cpu.x87.checkPending(cpu);
    }

    /** Before an SSE instruction that has an MMX operand. */
    static void checkWithSse(Cpu cpu) {
        cpu.checkSse();
        cpu.x87.checkPending(cpu);
    }

    static long read(Cpu cpu, int register) {
        return cpu.state.x87Significand[register];
    }

    /** Whatever an MMX instruction does, but EMMS: all registers are in use, and the stack's top is register 0. */
    static void enter(Cpu cpu) {
        VcpuState state = cpu.state;
        state.x87Status &= ~TOP;
        state.x87Empty = 0;
    }

    static void write(Cpu cpu, int register, long value) {
        enter(cpu);
        cpu.state.x87Significand[register] = value;
        cpu.state.x87SignExponent[register] = ALL_ONES;
    }

    /** EMMS: makes the registers free for the x87. */
    static final class Leave extends Op {
        @Override
        void execute(Cpu cpu) {
            check(cpu);
            cpu.state.x87Status &= ~TOP;
            cpu.state.x87Empty = ALL_EMPTY;
        }
    }

    private Mmx() {}
}
