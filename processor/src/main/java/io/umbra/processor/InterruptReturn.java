package io.umbra.processor;

import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** IRET in all its forms. Intel SDM vol. 2A; AMD APM vol. 2, "Returning From Interrupt Procedures". */
final class InterruptReturn {
    private static final long FREELY_CHANGED = RFlags.STATUS
            | RFlags.TRAP
            | RFlags.DIRECTION
            | RFlags.NESTED_TASK
            | RFlags.RESUME
            | RFlags.ALIGNMENT_CHECK
            | RFlags.IDENTIFICATION;

    /** @param size of what is popped, in bytes */
    static void iret(Cpu cpu, int size) {
        VcpuState state = cpu.state;
        if (SegmentUnit.isReal(state)) {
            fromReal(cpu, size);
        } else if ((state.rflags & RFlags.NESTED_TASK) != 0) {
            if (state.isLongModeActive()) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            TaskSwitch.back(cpu);
        } else {
            fromProtected(cpu, size);
        }
        state.nmiBlocked = false;
    }

    private static void fromReal(Cpu cpu, int size) {
        VcpuState state = cpu.state;
        boolean virtual = SegmentUnit.isVirtual8086(state);
        if (virtual && FlagOps.ioPrivilege(cpu) < 3) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        StackCursor stack = StackCursor.current(cpu, 0);
        long offset = stack.pop(size);
        int selector = (int) stack.pop(size) & 0xFFFF;
        long flags = stack.pop(size);
        FarTransfer.jumpReal(cpu, selector, offset);
        stack.commit();
        long changed = FREELY_CHANGED | RFlags.INTERRUPT | (virtual ? 0 : RFlags.IO_PRIVILEGE);
        setFlags(cpu, flags, changed, size);
    }

    private static void fromProtected(Cpu cpu, int size) {
        VcpuState state = cpu.state;
        StackCursor stack = StackCursor.current(cpu, 0);
        long offset = stack.pop(size);
        int selector = (int) stack.pop(size) & 0xFFFF;
        long flags = stack.pop(size);
        boolean toVirtual = (flags & RFlags.VIRTUAL_8086) != 0 && size == 4 && state.cpl == 0;
        if (toVirtual && !state.isLongModeActive()) {
            toVirtual8086(cpu, stack, selector, offset, flags);
            return;
        }
        long code = FarTransfer.returnCode(cpu, selector);
        int level = selector & 3;
        long changed = FREELY_CHANGED
                | (state.cpl <= FlagOps.ioPrivilege(cpu) ? RFlags.INTERRUPT : 0)
                | (state.cpl == 0 ? RFlags.IO_PRIVILEGE : 0);
        boolean isOuter = level != state.cpl;
        if (!isOuter && !state.is64Bit()) {
            FarTransfer.checkOffset(cpu, code, offset);
            long marked = Descriptor.markAccessed(cpu, selector, code);
            stack.commit();
            FarTransfer.enter(cpu, selector, marked, level, offset);
            setFlags(cpu, flags, changed, size);
            return;
        }
        long pointer = stack.pop(size);
        int stackSelector = (int) stack.pop(size) & 0xFFFF;
        withStack(cpu, selector, offset, stackSelector, pointer);
        setFlags(cpu, flags, changed, size);
        if (isOuter) {
            SegmentUnit.dropPrivilegedData(state);
        }
    }

    /** What IRETQ does at CPL 0 with a frame of these five values, but without a frame: the hypervisor has them in registers. {@code flags} may change IF and IOPL, but not VM. */
    static void fromHypervisor(Cpu cpu, int selector, long offset, long flags, int stackSelector, long pointer) {
        withStack(cpu, selector, offset, stackSelector, pointer);
        setFlags(cpu, flags, FREELY_CHANGED | RFlags.INTERRUPT | RFlags.IO_PRIVILEGE, 8);
        SegmentUnit.dropPrivilegedData(cpu.state);
    }

    private static void withStack(Cpu cpu, int selector, long offset, int stackSelector, long pointer) {
        long code = FarTransfer.returnCode(cpu, selector);
        int level = selector & 3;
        SegmentRegister newStack = FarTransfer.returnStack(cpu, stackSelector, level, code);
        FarTransfer.checkOffset(cpu, code, offset);
        long marked = Descriptor.markAccessed(cpu, selector, code);
        cpu.state.segments[VcpuState.SS].copyFrom(newStack);
        FarTransfer.enter(cpu, selector, marked, level, offset);
        FarTransfer.setStackPointer(cpu, pointer);
    }

    private static void toVirtual8086(Cpu cpu, StackCursor stack, int selector, long offset, long flags) {
        VcpuState state = cpu.state;
        long pointer = stack.pop(4);
        int[] order = {VcpuState.SS, VcpuState.ES, VcpuState.DS, VcpuState.FS, VcpuState.GS};
        int[] selectors = new int[order.length];
        for (int i = 0; i < order.length; i++) {
            selectors[i] = (int) stack.pop(4) & 0xFFFF;
        }
        for (int i = 0; i < order.length; i++) {
            SegmentUnit.loadVirtual8086(state.segments[order[i]], selectors[i]);
        }
        SegmentUnit.loadVirtual8086(state.segments[VcpuState.CS], selector);
        state.cpl = 3;
        cpu.codeModeChanged();
        cpu.rip = offset & 0xFFFF;
        cpu.gpr[VcpuState.RSP] = pointer;
        setFlags(cpu, flags, -1L, 4);
    }

    private static void setFlags(Cpu cpu, long value, long changed, int size) {
        long defined = FREELY_CHANGED | RFlags.INTERRUPT | RFlags.IO_PRIVILEGE | RFlags.VIRTUAL_8086;
        long mask = changed & defined & (size == 2 ? 0xFFFF : 0xFFFF_FFFFL);
        cpu.rflags(cpu.rflags() & ~mask | value & mask);
    }

    private InterruptReturn() {}
}
