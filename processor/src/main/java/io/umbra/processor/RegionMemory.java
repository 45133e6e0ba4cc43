package io.umbra.processor;

import io.umbra.x86.VcpuState;

/**
 * Linear memory as translated code reaches it: {@link Cpu}'s accesses, each in a method that is compiled once and called by all regions. Were they inlined, a region of two hundred
 * instructions would be too large for the JIT compiler to finish in time; the launcher tells it not to.
 */
final class RegionMemory {
    private RegionMemory() {}

    static long load8(Cpu cpu, long linear) {
        return cpu.load8(linear);
    }

    static long load16(Cpu cpu, long linear) {
        return cpu.load16(linear);
    }

    static long load32(Cpu cpu, long linear) {
        return cpu.load32(linear);
    }

    static long load64(Cpu cpu, long linear) {
        return cpu.load64(linear);
    }

    static void store8(Cpu cpu, long linear, long value) {
        cpu.store8(linear, value);
    }

    static void store16(Cpu cpu, long linear, long value) {
        cpu.store16(linear, value);
    }

    static void store32(Cpu cpu, long linear, long value) {
        cpu.store32(linear, value);
    }

    static void store64(Cpu cpu, long linear, long value) {
        cpu.store64(linear, value);
    }

    static long rmwLoad(Cpu cpu, long linear, int size) {
        return cpu.rmwLoad(linear, size);
    }

    static void rmwStore(Cpu cpu, int size, long value) {
        cpu.rmwStore(size, value);
    }

    /** PUSH in 64-bit mode. */
    static void push64(Cpu cpu, long value) {
        long pointer = cpu.gpr[VcpuState.RSP] - 8;
        cpu.store64(pointer, value);
        cpu.gpr[VcpuState.RSP] = pointer;
    }

    /** POP in 64-bit mode. */
    static long pop64(Cpu cpu) {
        long pointer = cpu.gpr[VcpuState.RSP];
        long value = cpu.load64(pointer);
        cpu.gpr[VcpuState.RSP] = pointer + 8;
        return value;
    }
}
