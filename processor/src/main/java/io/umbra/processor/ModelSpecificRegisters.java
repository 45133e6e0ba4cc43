package io.umbra.processor;

import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.Intercepts;
import io.umbra.x86.Msr;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** RDMSR and WRMSR. The registers that instructions themselves depend on are held here; all others leave the guest. */
final class ModelSpecificRegisters {
    private static final int EAX_EDX_BITS = 32;

    static void read(Cpu cpu, Op op) {
        ControlRegisters.requireKernel(cpu);
        int index = (int) cpu.gpr[VcpuState.RCX];
        VcpuState state = cpu.state;
        switch (index) {
            case Msr.TIME_STAMP_COUNTER -> answer(cpu, cpu.retired() + state.tscOffset);
            case Msr.SYSENTER_CS -> answer(cpu, state.sysenterCs);
            case Msr.SYSENTER_ESP -> answer(cpu, state.sysenterEsp);
            case Msr.SYSENTER_EIP -> answer(cpu, state.sysenterEip);
            case Msr.PAT -> answer(cpu, state.pat);
            case Msr.EFER -> answer(cpu, state.efer);
            case Msr.STAR -> answer(cpu, state.star);
            case Msr.LSTAR -> answer(cpu, state.lstar);
            case Msr.CSTAR -> answer(cpu, state.cstar);
            case Msr.SYSCALL_MASK -> answer(cpu, state.syscallMask);
            case Msr.FS_BASE -> answer(cpu, state.segments[VcpuState.FS].base);
            case Msr.GS_BASE -> answer(cpu, state.segments[VcpuState.GS].base);
            case Msr.KERNEL_GS_BASE -> answer(cpu, state.kernelGsBase);
            case Msr.TSC_AUX -> answer(cpu, state.tscAux);
            default -> cpu.exitBefore(new Exit.MsrRead(index, op.length));
        }
    }

    static void write(Cpu cpu, Op op) {
        ControlRegisters.requireKernel(cpu);
        int index = (int) cpu.gpr[VcpuState.RCX];
        long value = cpu.register(VcpuState.RAX, 4) | cpu.gpr[VcpuState.RDX] << EAX_EDX_BITS;
        VcpuState state = cpu.state;
        switch (index) {
            case Msr.TIME_STAMP_COUNTER -> writeTimeStamp(cpu, value);
            case Msr.SYSENTER_CS -> state.sysenterCs = value;
            case Msr.SYSENTER_ESP -> state.sysenterEsp = linear(cpu, value);
            case Msr.SYSENTER_EIP -> state.sysenterEip = linear(cpu, value);
            case Msr.PAT -> state.pat = pageAttributes(cpu, value);
            case Msr.EFER -> ControlRegisters.writeEfer(cpu, value);
            case Msr.STAR -> state.star = value;
            case Msr.LSTAR -> state.lstar = linear(cpu, value);
            case Msr.CSTAR -> state.cstar = linear(cpu, value);
            case Msr.SYSCALL_MASK -> state.syscallMask = narrow(cpu, value);
            case Msr.FS_BASE -> state.segments[VcpuState.FS].base = linear(cpu, value);
            case Msr.GS_BASE -> state.segments[VcpuState.GS].base = linear(cpu, value);
            case Msr.KERNEL_GS_BASE -> state.kernelGsBase = linear(cpu, value);
            case Msr.TSC_AUX -> state.tscAux = narrow(cpu, value);
            default -> cpu.exitBefore(new Exit.MsrWrite(index, value, op.length));
        }
    }

    private static void writeTimeStamp(Cpu cpu, long value) {
        cpu.state.tscOffset = value - cpu.retired();
        if ((cpu.intercepts.controlRegisterWrites() & Intercepts.TIME_STAMP_COUNTER) != 0) {
            cpu.exitAfter(new Exit.TimeStampWritten());
        }
    }

    private static void answer(Cpu cpu, long value) {
        cpu.setRegister(VcpuState.RAX, 4, value);
        cpu.setRegister(VcpuState.RDX, 4, value >>> EAX_EDX_BITS);
    }

    private static long linear(Cpu cpu, long value) {
        if (!cpu.features.isStorable(value)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return value;
    }

    /** The upper half is reserved. */
    private static long narrow(Cpu cpu, long value) {
        if (value >>> EAX_EDX_BITS != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return value;
    }

    private static long pageAttributes(Cpu cpu, long value) {
        if (!arePageAttributes(value)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return value;
    }

    /** Eight memory types: 0, 1, 4, 5, 6 and 7 exist. */
    static boolean arePageAttributes(long value) {
        for (int i = 0; i < 64; i += 8) {
            long type = value >>> i & 0xFF;
            if (type > 7 || type == 2 || type == 3) {
                return false;
            }
        }
        return true;
    }

    /** SYSCALL and SYSRET exist only while EFER.SCE is set. */
    static boolean isSyscallEnabled(VcpuState state) {
        return (state.efer & Efer.SYSCALL) != 0;
    }

    private ModelSpecificRegisters() {}
}
