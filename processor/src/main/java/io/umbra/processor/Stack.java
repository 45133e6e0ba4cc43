package io.umbra.processor;

import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * The stack as PUSH, POP, CALL and their kin use it: RSP in 64-bit mode, else ESP or SP by the B bit of SS. The pointer is committed after the memory access,
 * so that a fault leaves it alone.
 */
final class Stack {
    private Stack() {}

    /** The bits of RSP that stack accesses use and change. */
    static long mask(Cpu cpu) {
        if (cpu.ripMask == -1L) {
            return -1L;
        }
        SegmentRegister ss = cpu.state.segments[VcpuState.SS];
        return ss.isBig() ? 0xFFFF_FFFFL : 0xFFFF;
    }

    /** The linear address of the {@code bytes} at {@code pointer}, which may have garbage above the {@linkplain #mask stack's width}. */
    static long linear(Cpu cpu, long pointer, int bytes, boolean write) {
        return cpu.ripMask == -1L ? pointer : cpu.legacyLinear(VcpuState.SS, pointer & mask(cpu), bytes, write);
    }

    /**
     * The same for an instruction that has another memory operand too: a non-canonical stack address raises #SS(0) here and not
     * in the translation, which could not tell the two operands apart.
     */
    static long checkedLinear(Cpu cpu, long pointer, int bytes, boolean write) {
        long linear = linear(cpu, pointer, bytes, write);
        if (!cpu.isCanonical(linear) || !cpu.isCanonical(linear + bytes - 1)) {
            throw cpu.fault(Vector.STACK_FAULT);
        }
        return linear;
    }

    /** Sets SP, ESP or RSP. */
    static void setPointer(Cpu cpu, long pointer) {
        cpu.gpr[VcpuState.RSP] = merged(cpu, VcpuState.RSP, pointer);
    }

    /** The register's new value when the bits that belong to the stack's width become those of {@code pointer}. */
    static long merged(Cpu cpu, int register, long pointer) {
        long mask = mask(cpu);
        return mask == 0xFFFF ? cpu.gpr[register] & ~0xFFFFL | pointer & 0xFFFF : pointer & mask;
    }

    static void push(Cpu cpu, int size, long value) {
        long pointer = cpu.gpr[VcpuState.RSP] - size;
        cpu.store(linear(cpu, pointer, size, true), size, value);
        setPointer(cpu, pointer);
    }

    /** The value on top, which stays there. */
    static long top(Cpu cpu, int size) {
        return cpu.load(linear(cpu, cpu.gpr[VcpuState.RSP], size, false), size);
    }

    static void drop(Cpu cpu, int bytes) {
        setPointer(cpu, cpu.gpr[VcpuState.RSP] + bytes);
    }
}
