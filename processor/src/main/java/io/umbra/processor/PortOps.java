package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Exit;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** IN, OUT, INS and OUTS. All of them leave the guest, but an IN that the hypervisor answers at once; a repeated one does so for each iteration. */
final class PortOps {
    /** In a TSS, the word that says where the I/O permission bitmap begins. */
    private static final int BITMAP_OFFSET = 0x66;

    /** IN to AL, AX or EAX: operand 1 is the port. */
    static SystemOp.Action in(Instruction i) {
        int size = i.operands[0].size();
        Instruction.Operand port = i.operands[1];
        return (cpu, op) -> {
            int number = port(cpu, port);
            checkPermission(cpu, number, size);
            DebugUnit.notePort(cpu, number, size);
            long value = cpu.memory.handler().portRead(number, size, cpu.retired());
            if (value >= 0) {
                cpu.setRegister(VcpuState.RAX, size, value);
                return;
            }
            cpu.pendingInput = new PortInput(size, op.length, false, -1, -1, 0, false);
            cpu.exitBefore(new Exit.PortRead(number, size));
        };
    }

    /** OUT from AL, AX or EAX: operand 0 is the port. */
    static SystemOp.Action out(Instruction i) {
        int size = i.operands[1].size();
        Instruction.Operand port = i.operands[0];
        return (cpu, op) -> {
            int number = port(cpu, port);
            checkPermission(cpu, number, size);
            DebugUnit.notePort(cpu, number, size);
            cpu.exitAfter(new Exit.PortWrite(number, size, (int) cpu.register(VcpuState.RAX, size)));
        };
    }

    private static int port(Cpu cpu, Instruction.Operand operand) {
        long number = operand.isGeneral() ? cpu.gpr[VcpuState.RDX] : operand.value() & 0xFF;
        return (int) number & 0xFFFF;
    }

    /** INS: ES:RDI is translated before the exit, so that the answer will not fault. */
    static SystemOp.Action insertString(Instruction i) {
        int size = i.operandSize;
        int addressSize = i.addressSize;
        boolean repeats = i.repeat != 0;
        boolean mode64 = i.mode == 64;
        return (cpu, op) -> {
            int number = (int) cpu.gpr[VcpuState.RDX] & 0xFFFF;
            checkPermission(cpu, number, size);
            if (repeats && cpu.register(VcpuState.RCX, addressSize) == 0) {
                return;
            }
            long offset = cpu.register(VcpuState.RDI, addressSize);
            long linear = mode64 ? offset : cpu.legacyLinear(VcpuState.ES, offset, size, true);
            int access = PageFaultCode.WRITE | cpu.memory.explicit();
            long first = cpu.memory.translate(cpu, linear, access);
            long last = linear + size - 1;
            long second = (linear ^ last) >>> 12 == 0 ? -1 : cpu.memory.translate(cpu, last & -4096L, access);
            DebugUnit.notePort(cpu, number, size);
            cpu.pendingInput = new PortInput(size, op.length, true, first, second, addressSize, repeats);
            cpu.exitBefore(new Exit.PortRead(number, size));
        };
    }

    /** OUTS: one iteration is complete at its exit. */
    static SystemOp.Action outputString(Instruction i) {
        int size = i.operandSize;
        int addressSize = i.addressSize;
        int segment = i.segment;
        boolean repeats = i.repeat != 0;
        boolean mode64 = i.mode == 64;
        return (cpu, op) -> {
            int number = (int) cpu.gpr[VcpuState.RDX] & 0xFFFF;
            checkPermission(cpu, number, size);
            long count = cpu.register(VcpuState.RCX, addressSize);
            if (repeats && count == 0) {
                return;
            }
            long offset = cpu.register(VcpuState.RSI, addressSize);
            long linear = mode64 ? offset + cpu.longModeBase(segment) : cpu.legacyLinear(segment, offset, size, false);
            int value = (int) cpu.load(linear, size);
            DebugUnit.notePort(cpu, number, size);
            advance(cpu, VcpuState.RSI, addressSize, size);
            if (repeats) {
                cpu.setRegister(VcpuState.RCX, addressSize, count - 1);
                cpu.repeatAgain = count != 1;
            }
            cpu.exitAfter(new Exit.PortWrite(number, size, value));
        };
    }

    /** The answer to {@code input}. @return whether the instruction is complete */
    static boolean complete(Cpu cpu, PortInput input, int value) {
        if (!input.string()) {
            cpu.setRegister(VcpuState.RAX, input.size(), value & 0xFFFF_FFFFL);
            return true;
        }
        cpu.memory.putHost(input.first(), input.second(), input.size(), value);
        advance(cpu, VcpuState.RDI, input.addressSize(), input.size());
        if (!input.repeats()) {
            return true;
        }
        long left = cpu.register(VcpuState.RCX, input.addressSize()) - 1;
        cpu.setRegister(VcpuState.RCX, input.addressSize(), left);
        return left == 0;
    }

    private static void advance(Cpu cpu, int register, int addressSize, int size) {
        cpu.setRegister(register, addressSize, cpu.gpr[register] + (StringOp.isBackward(cpu) ? -size : size));
    }

    /** By IOPL, and where that does not suffice by the bitmap in the TSS. */
    private static void checkPermission(Cpu cpu, int port, int size) {
        VcpuState state = cpu.state;
        boolean needsBitmap = (state.cr0 & Cr0.PROTECTION) != 0
                && (state.cpl > FlagOps.ioPrivilege(cpu) || SegmentUnit.isVirtual8086(state));
        if (needsBitmap && !isInBitmap(cpu, port, size)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    private static boolean isInBitmap(Cpu cpu, int port, int size) {
        VcpuState state = cpu.state;
        if (!state.tr.isUsable() || !TaskState.isWide(state) || state.tr.limit < BITMAP_OFFSET + 1) {
            return false;
        }
        long start = cpu.implicitLoad(TaskState.linear(state, BITMAP_OFFSET), 2) + (port >>> 3);
        if (start + 1 > state.tr.limit) {
            return false;
        }
        long bits = cpu.implicitLoad(TaskState.linear(state, start), 2);
        return (bits >>> (port & 7) & (1L << size) - 1) == 0;
    }

    private PortOps() {}
}
