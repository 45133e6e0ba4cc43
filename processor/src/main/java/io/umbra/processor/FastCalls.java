package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * SYSCALL, SYSRET, SYSENTER and SYSEXIT. They load flat segments without reading any table. AMD APM vol. 2, "Fast System Call and Return"; SYSENTER and
 * SYSEXIT also work in long mode, as on Intel's processors, and SYSRET checks RCX before it leaves CPL 0.
 */
final class FastCalls {
    private static final int CODE = SegmentRegister.PRESENT
            | SegmentRegister.CODE_OR_DATA
            | SegmentRegister.CODE
            | SegmentRegister.READ_WRITE
            | SegmentRegister.ACCESSED
            | SegmentRegister.GRANULARITY;
    private static final int CODE_64 = CODE | SegmentRegister.LONG;
    private static final int CODE_32 = CODE | SegmentRegister.DEFAULT_BIG;
    private static final int DATA = SegmentRegister.PRESENT
            | SegmentRegister.CODE_OR_DATA
            | SegmentRegister.READ_WRITE
            | SegmentRegister.ACCESSED
            | SegmentRegister.GRANULARITY
            | SegmentRegister.DEFAULT_BIG;
    private static final long FLAT = 0xFFFF_FFFFL;
    /** What SYSRET takes from R11. */
    private static final long RETURNED_FLAGS = 0x3C_7FD7L;

    static void syscall(Cpu cpu, Op op) {
        VcpuState state = cpu.state;
        if (!ModelSpecificRegisters.isSyscallEnabled(state)) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
        if (cpu.intercepts.systemEntries()) {
            cpu.exitBefore(new Exit.SystemCall(op.length));
            return;
        }
        int selector = (int) (state.star >>> 32) & 0xFFFC;
        if (state.isLongModeActive()) {
            long target = state.is64Bit() ? state.lstar : state.cstar;
            cpu.gpr[VcpuState.RCX] = cpu.rip;
            cpu.gpr[11] = cpu.rflags() & ~RFlags.RESUME;
            cpu.rflags(cpu.rflags() & ~(state.syscallMask | RFlags.RESUME));
            enter(cpu, selector, selector + 8, CODE_64, 0);
            cpu.rip = target;
        } else {
            cpu.setRegister(VcpuState.RCX, 4, cpu.rip);
            cpu.rflags(cpu.rflags() & ~(RFlags.INTERRUPT | RFlags.RESUME | RFlags.VIRTUAL_8086));
            enter(cpu, selector, selector + 8, CODE_32, 0);
            cpu.rip = state.star & 0xFFFF_FFFFL;
        }
    }

    /** @param size 8 returns to 64-bit code, else to compatibility mode or protected mode */
    static void sysret(Cpu cpu, int size) {
        VcpuState state = cpu.state;
        if (!ModelSpecificRegisters.isSyscallEnabled(state)) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
        requireProtectedKernel(cpu);
        int selector = (int) (state.star >>> 48) & 0xFFFF;
        long target = cpu.gpr[VcpuState.RCX];
        boolean wide = size == 8;
        if (wide) {
            requireCanonical(cpu, target);
        }
        if (state.isLongModeActive()) {
            cpu.rflags(cpu.gpr[11] & RETURNED_FLAGS);
        } else {
            cpu.rflags(cpu.rflags() | RFlags.INTERRUPT);
        }
        enter(cpu, wide ? selector + 16 : selector, selector + 8, wide ? CODE_64 : CODE_32, 3);
        cpu.rip = wide ? target : target & 0xFFFF_FFFFL;
    }

    static void sysenter(Cpu cpu, Op op) {
        VcpuState state = cpu.state;
        int selector = (int) state.sysenterCs & 0xFFFC;
        if ((state.cr0 & Cr0.PROTECTION) == 0 || selector == 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        boolean isLong = state.isLongModeActive();
        cpu.rflags(cpu.rflags() & ~(RFlags.INTERRUPT | RFlags.RESUME | RFlags.VIRTUAL_8086));
        enter(cpu, selector, selector + 8, isLong ? CODE_64 : CODE_32, 0);
        cpu.rip = isLong ? state.sysenterEip : state.sysenterEip & 0xFFFF_FFFFL;
        cpu.gpr[VcpuState.RSP] = isLong ? state.sysenterEsp : state.sysenterEsp & 0xFFFF_FFFFL;
    }

    /** @param size 8 returns to 64-bit code */
    static void sysexit(Cpu cpu, int size) {
        VcpuState state = cpu.state;
        requireProtectedKernel(cpu);
        int selector = (int) state.sysenterCs & 0xFFFC;
        if (selector == 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        long target = cpu.gpr[VcpuState.RDX];
        long pointer = cpu.gpr[VcpuState.RCX];
        boolean wide = size == 8;
        if (wide) {
            requireCanonical(cpu, target);
            requireCanonical(cpu, pointer);
        }
        enter(cpu, selector + (wide ? 32 : 16), selector + (wide ? 40 : 24), wide ? CODE_64 : CODE_32, 3);
        cpu.rip = wide ? target : target & 0xFFFF_FFFFL;
        cpu.gpr[VcpuState.RSP] = wide ? pointer : pointer & 0xFFFF_FFFFL;
    }

    private static void enter(Cpu cpu, int code, int stack, int codeAttributes, int level) {
        VcpuState state = cpu.state;
        int shown = level << 5;
        state.segments[VcpuState.CS].set(code & 0xFFFC | level, 0, FLAT, codeAttributes | shown);
        state.segments[VcpuState.SS].set(stack & 0xFFFC | level, 0, FLAT, DATA | shown);
        state.cpl = level;
        cpu.codeModeChanged();
        cpu.privilegeChanged();
    }

    private static void requireProtectedKernel(Cpu cpu) {
        if ((cpu.state.cr0 & Cr0.PROTECTION) == 0 || cpu.state.cpl != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    private static void requireCanonical(Cpu cpu, long address) {
        if (!cpu.isCanonical(address)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    private FastCalls() {}
}
