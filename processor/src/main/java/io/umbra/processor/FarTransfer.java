package io.umbra.processor;

import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * JMP, CALL and RET to another segment, through gates where the selector names one. {@link Cpu#rip} is the return address when they begin. Intel SDM vol. 3A,
 * "Privilege Level Checking When Transferring Program Control Between Code Segments".
 */
final class FarTransfer {
    /** @param offset of the target, zero-extended from the operand size; a gate's own counts instead of it */
    static void jump(Cpu cpu, int selector, long offset) {
        if (SegmentUnit.isReal(cpu.state)) {
            jumpReal(cpu, selector, offset);
            return;
        }
        long descriptor = target(cpu, selector);
        if (!Descriptor.isSystem(descriptor)) {
            checkDirect(cpu, selector, descriptor);
            checkOffset(cpu, descriptor, offset);
            enter(cpu, selector, descriptor, cpu.state.cpl, offset);
            return;
        }
        if (TaskSwitch.isTask(cpu.state, descriptor)) {
            TaskSwitch.jump(cpu, selector, descriptor);
            return;
        }
        Gate gate = Gate.read(cpu, selector, descriptor);
        boolean conforming = Descriptor.isConforming(gate.code);
        if (!conforming && Descriptor.privilegeLevel(gate.code) != cpu.state.cpl) {
            throw refuse(cpu, gate.selector);
        }
        checkOffset(cpu, gate.code, gate.offset);
        enter(cpu, gate.selector, gate.code, cpu.state.cpl, gate.offset);
    }

    /** @param size of the operand, in bytes: what is pushed, unless a gate has its own */
    static void call(Cpu cpu, int selector, long offset, int size) {
        VcpuState state = cpu.state;
        if (SegmentUnit.isReal(state)) {
            if (offset > state.segments[VcpuState.CS].limit) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            StackCursor stack = pushReturn(cpu, StackCursor.current(cpu, 0), size);
            stack.commit();
            jumpReal(cpu, selector, offset);
            return;
        }
        long descriptor = target(cpu, selector);
        if (!Descriptor.isSystem(descriptor)) {
            checkDirect(cpu, selector, descriptor);
            checkOffset(cpu, descriptor, offset);
            StackCursor stack = pushReturn(cpu, StackCursor.current(cpu, 0), size);
            long marked = Descriptor.markAccessed(cpu, selector, descriptor);
            stack.commit();
            enter(cpu, selector, marked, state.cpl, offset);
        } else if (TaskSwitch.isTask(state, descriptor)) {
            TaskSwitch.call(cpu, selector, descriptor);
        } else {
            callGate(cpu, Gate.read(cpu, selector, descriptor));
        }
    }

    private static void callGate(Cpu cpu, Gate gate) {
        VcpuState state = cpu.state;
        checkOffset(cpu, gate.code, gate.offset);
        int level = Descriptor.privilegeLevel(gate.code);
        if (Descriptor.isConforming(gate.code) || level == state.cpl) {
            StackCursor stack = gate.size == 8
                    ? StackCursor.flat(cpu, state.gpr[VcpuState.RSP], state.cpl, 0)
                    : StackCursor.current(cpu, 0);
            pushReturn(cpu, stack, gate.size);
            long marked = Descriptor.markAccessed(cpu, gate.selector, gate.code);
            stack.commit();
            enter(cpu, gate.selector, marked, state.cpl, gate.offset);
            return;
        }
        SegmentRegister inner = new SegmentRegister();
        StackCursor stack = innerStack(cpu, gate, level, inner);
        int parameters = gate.size == 8 ? 0 : gate.parameters;
        stack.reserve(4 + parameters, gate.size);
        StackCursor outer = StackCursor.current(cpu, 0);
        stack.push(gate.size, state.segments[VcpuState.SS].selector);
        stack.push(gate.size, state.gpr[VcpuState.RSP]);
        for (int i = parameters - 1; i >= 0; i--) {
            stack.push(gate.size, outer.peek((long) i * gate.size, gate.size));
        }
        pushReturn(cpu, stack, gate.size);
        long marked = Descriptor.markAccessed(cpu, gate.selector, gate.code);
        state.segments[VcpuState.SS].copyFrom(inner);
        stack.commit();
        enter(cpu, gate.selector, marked, level, gate.offset);
    }

    private static StackCursor innerStack(Cpu cpu, Gate gate, int level, SegmentRegister inner) {
        if (gate.size == 8) {
            SegmentUnit.setNullStack(inner, level);
            return StackCursor.flat(cpu, TaskState.stackPointer(cpu, level, 0), level, 0);
        }
        long stack = TaskState.legacyStack(cpu, level, 0);
        int selector = (int) (stack >>> 32);
        long descriptor = SegmentUnit.stackDescriptor(cpu, selector, level, Vector.INVALID_TSS, 0);
        SegmentUnit.set(inner, selector, Descriptor.markAccessed(cpu, selector, descriptor));
        return StackCursor.legacy(cpu, inner, stack & 0xFFFF_FFFFL, level, selector & 0xFFFC);
    }

    private static StackCursor pushReturn(Cpu cpu, StackCursor stack, int size) {
        stack.reserve(2, size);
        stack.push(size, cpu.state.segments[VcpuState.CS].selector);
        stack.push(size, cpu.rip);
        return stack;
    }

    /** @param release bytes of parameters above the return address */
    static void ret(Cpu cpu, int size, int release) {
        VcpuState state = cpu.state;
        StackCursor stack = StackCursor.current(cpu, 0);
        long offset = stack.pop(size);
        int selector = (int) stack.pop(size) & 0xFFFF;
        if (SegmentUnit.isReal(state)) {
            if (offset > state.segments[VcpuState.CS].limit) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            stack.skip(release);
            stack.commit();
            jumpReal(cpu, selector, offset);
            return;
        }
        long code = returnCode(cpu, selector);
        int level = selector & 3;
        stack.skip(release);
        if (level == state.cpl) {
            checkOffset(cpu, code, offset);
            long marked = Descriptor.markAccessed(cpu, selector, code);
            stack.commit();
            enter(cpu, selector, marked, level, offset);
            return;
        }
        long pointer = stack.pop(size);
        SegmentRegister outer = returnStack(cpu, (int) stack.pop(size) & 0xFFFF, level, code);
        checkOffset(cpu, code, offset);
        long marked = Descriptor.markAccessed(cpu, selector, code);
        state.segments[VcpuState.SS].copyFrom(outer);
        enter(cpu, selector, marked, level, offset);
        setStackPointer(cpu, pointer + release);
        SegmentUnit.dropPrivilegedData(state);
    }

    // ---- what returns share
    // ---------------------------------------------------------------------------------------------------

    /** Reads and checks the code descriptor that RET or IRET returns to. */
    static long returnCode(Cpu cpu, int selector) {
        long code = target(cpu, selector);
        int level = selector & 3;
        boolean wrongLevel = Descriptor.isConforming(code)
                ? Descriptor.privilegeLevel(code) > level
                : Descriptor.privilegeLevel(code) != level;
        if (!Descriptor.isCode(code) || level < cpu.state.cpl || wrongLevel || isAmbiguous(cpu, code)) {
            throw refuse(cpu, selector);
        }
        checkPresent(cpu, selector, code);
        return code;
    }

    /** Reads and checks the SS that RET or IRET returns to. Null is good for 64-bit code that is not at CPL 3. */
    static SegmentRegister returnStack(Cpu cpu, int selector, int level, long code) {
        SegmentRegister stack = new SegmentRegister();
        boolean isLong = cpu.state.isLongModeActive() && Descriptor.isLong(code);
        if (Descriptor.isNull(selector) && isLong && level != 3 && (selector & 3) == level) {
            SegmentUnit.setNullStack(stack, selector);
            return stack;
        }
        long descriptor = SegmentUnit.stackDescriptor(cpu, selector, level, Vector.GENERAL_PROTECTION, 0);
        SegmentUnit.set(stack, selector, Descriptor.markAccessed(cpu, selector, descriptor));
        return stack;
    }

    /** RSP, ESP or SP, as wide as the stack that was returned to. */
    static void setStackPointer(Cpu cpu, long pointer) {
        VcpuState state = cpu.state;
        boolean isBig = state.segments[VcpuState.SS].isBig();
        int size = state.is64Bit() ? 8 : isBig ? 4 : 2;
        cpu.setRegister(VcpuState.RSP, size, pointer);
    }

    /** In long mode: L and D both set. */
    private static boolean isAmbiguous(Cpu cpu, long code) {
        return cpu.state.isLongModeActive() && Descriptor.isLong(code) && Descriptor.isBig(code);
    }

    /** The target must be canonical, or inside the limit. */
    static void checkOffset(Cpu cpu, long code, long offset) {
        boolean good = cpu.state.isLongModeActive() && Descriptor.isLong(code)
                ? cpu.isCanonical(offset)
                : offset >= 0 && offset <= Descriptor.limit(code);
        if (!good) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    static void enter(Cpu cpu, int selector, long code, int level, long offset) {
        long marked = Descriptor.markAccessed(cpu, selector, code);
        SegmentUnit.setCode(cpu, selector, marked, level);
        cpu.rip = offset;
    }

    static void jumpReal(Cpu cpu, int selector, long offset) {
        if (offset > cpu.state.segments[VcpuState.CS].limit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        SegmentUnit.setRealCode(cpu, selector);
        cpu.rip = offset;
    }

    private static long target(Cpu cpu, int selector) {
        if (Descriptor.isNull(selector)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return Descriptor.read(cpu, selector, Vector.GENERAL_PROTECTION, 0);
    }

    private static void checkDirect(Cpu cpu, int selector, long code) {
        int cpl = cpu.state.cpl;
        int level = Descriptor.privilegeLevel(code);
        boolean wrongLevel = Descriptor.isConforming(code) ? level > cpl : (selector & 3) > cpl || level != cpl;
        if (!Descriptor.isCode(code) || wrongLevel || isAmbiguous(cpu, code)) {
            throw refuse(cpu, selector);
        }
        checkPresent(cpu, selector, code);
    }

    private static void checkPresent(Cpu cpu, int selector, long descriptor) {
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, selector & 0xFFFC);
        }
    }

    private static GuestException refuse(Cpu cpu, int selector) {
        return cpu.fault(Vector.GENERAL_PROTECTION, selector & 0xFFFC);
    }

    /**
     * A call gate and the code that it leads to.
     *
     * @param size of what is pushed, in bytes
     * @param parameters to be copied, each of that size
     */
    private record Gate(int selector, long offset, int size, int parameters, long code) {
        static Gate read(Cpu cpu, int gateSelector, long gate) {
            boolean isLong = cpu.state.isLongModeActive();
            int type = Descriptor.type(gate);
            if (type != Descriptor.CALL_GATE_32 && (isLong || type != Descriptor.CALL_GATE_16)) {
                throw refuse(cpu, gateSelector);
            }
            int level = Descriptor.privilegeLevel(gate);
            if (level < cpu.state.cpl || (gateSelector & 3) > level) {
                throw refuse(cpu, gateSelector);
            }
            long upper = 0;
            if (isLong) {
                upper = Descriptor.readUpper(cpu, gateSelector, Vector.GENERAL_PROTECTION, 0);
                if ((upper >>> 40 & 0x1F) != 0) {
                    throw refuse(cpu, gateSelector);
                }
            }
            checkPresent(cpu, gateSelector, gate);
            int selector = Descriptor.gateSelector(gate);
            long code = target(cpu, selector);
            boolean wrongWidth = isLong && (!Descriptor.isLong(code) || Descriptor.isBig(code));
            if (!Descriptor.isCode(code) || Descriptor.privilegeLevel(code) > cpu.state.cpl || wrongWidth) {
                throw refuse(cpu, selector);
            }
            checkPresent(cpu, selector, code);
            int size = isLong ? 8 : type == Descriptor.CALL_GATE_32 ? 4 : 2;
            long offset = Descriptor.gateOffset(gate) & (size == 2 ? 0xFFFF : 0xFFFF_FFFFL) | upper << 32;
            return new Gate(selector, offset, size, (int) (gate >>> 32) & 0x1F, code);
        }
    }

    private FarTransfer() {}
}
