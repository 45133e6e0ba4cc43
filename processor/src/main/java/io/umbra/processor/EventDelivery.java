package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Event;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Takes an interrupt or exception through the guest's IDT. Everything that can fault (gate, descriptors, TSS, stack) is done before registers change: a
 * {@link GuestException} leaves the processor as it was. Intel SDM vol. 3A, "Interrupt and Exception Handling".
 */
final class EventDelivery {
    private static final long CLEARED = RFlags.TRAP | RFlags.NESTED_TASK | RFlags.RESUME | RFlags.VIRTUAL_8086;
    private static final int IDT = 2;

    private final Cpu cpu;
    private final VcpuState state;
    private final Event event;
    /** The EXT bit of error codes that the delivery itself raises. */
    private final int external;
    /** What names the IDT entry in such an error code. */
    private final int gateCode;

    private final long returnRip;
    private final long savedFlags;

    /** Sets RIP, CS, SS, RSP and RFLAGS for the handler, and CPL and NMI blocking. */
    static void deliver(Cpu cpu, Event event) {
        EventDelivery delivery = new EventDelivery(cpu, event);
        if ((cpu.state.cr0 & Cr0.PROTECTION) == 0) {
            delivery.throughVectorTable();
        } else if (cpu.state.isLongModeActive()) {
            delivery.throughLongGate();
        } else {
            delivery.throughLegacyGate();
        }
        cpu.state.interruptShadow = false;
        if (event.kind() == Event.Kind.NMI) {
            cpu.state.nmiBlocked = true;
        }
    }

    private EventDelivery(Cpu cpu, Event event) {
        this.cpu = cpu;
        this.state = cpu.state;
        this.event = event;
        this.external = event.isSoftware() ? 0 : 1;
        this.gateCode = event.vector() * 8 | IDT | external;
        this.returnRip = cpu.rip + event.length() & cpu.ripMask;
        long flags = cpu.rflags();
        this.savedFlags = isFault(event) ? flags | RFlags.RESUME : flags;
    }

    /** The saved RIP is on an instruction that will be started again, past its breakpoint. */
    private static boolean isFault(Event event) {
        return event.kind() == Event.Kind.EXCEPTION
                && event.vector() != Vector.DEBUG
                && event.vector() != Vector.BREAKPOINT
                && event.vector() != Vector.OVERFLOW;
    }

    private boolean checksGatePrivilege() {
        return event.kind() == Event.Kind.SOFTWARE_INTERRUPT || event.kind() == Event.Kind.SOFTWARE_EXCEPTION;
    }

    private GuestException refuse(int vector, int selector) {
        return cpu.fault(vector, selector & 0xFFFC | external);
    }

    // ---- real-address mode
    // ----------------------------------------------------------------------------------------------------

    private void throughVectorTable() {
        int offset = event.vector() * 4;
        if (offset + 3 > state.idtLimit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, gateCode);
        }
        long entry = cpu.implicitLoad(state.idtBase + offset & 0xFFFF_FFFFL, 4);
        StackCursor stack = StackCursor.current(cpu, 0);
        stack.push(2, savedFlags & 0xFFFF);
        stack.push(2, state.segments[VcpuState.CS].selector);
        stack.push(2, returnRip & 0xFFFF);
        stack.commit();
        SegmentUnit.setRealCode(cpu, (int) (entry >>> 16) & 0xFFFF);
        cpu.rip = entry & 0xFFFF;
        cpu.rflags(cpu.rflags() & ~(RFlags.INTERRUPT | RFlags.TRAP | RFlags.RESUME | RFlags.ALIGNMENT_CHECK));
    }

    // ---- long mode
    // --------------------------------------------------------------------------------------------------------------

    private void throughLongGate() {
        int offset = event.vector() * 16;
        if (offset + 15 > state.idtLimit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, gateCode);
        }
        long gate = cpu.implicitLoad(state.idtBase + offset, 8);
        long upper = cpu.implicitLoad(state.idtBase + offset + 8, 8);
        int type = Descriptor.type(gate);
        boolean wrongType = type != Descriptor.INTERRUPT_GATE_32 && type != Descriptor.TRAP_GATE_32;
        checkGate(gate, wrongType);
        int selector = Descriptor.gateSelector(gate);
        long code = targetCode(selector);
        if (!Descriptor.isLong(code) || Descriptor.isBig(code)) {
            throw refuse(Vector.GENERAL_PROTECTION, selector);
        }
        int level = newLevel(code);
        long target = Descriptor.gateOffset(gate) | upper << 32;
        int stackNumber = (int) (gate >>> 32) & 7;
        long pointer = state.gpr[VcpuState.RSP];
        if (stackNumber != 0) {
            pointer = TaskState.interruptStack(cpu, stackNumber, external);
        } else if (level != state.cpl) {
            pointer = TaskState.stackPointer(cpu, level, external);
        }
        StackCursor stack = StackCursor.flat(cpu, pointer & -16L, level, external);
        stack.reserve(event.hasErrorCode() ? 6 : 5, 8);
        if (!cpu.isCanonical(target)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, external);
        }
        stack.push(8, state.segments[VcpuState.SS].selector);
        stack.push(8, state.gpr[VcpuState.RSP]);
        stack.push(8, savedFlags);
        stack.push(8, state.segments[VcpuState.CS].selector);
        stack.push(8, returnRip);
        if (event.hasErrorCode()) {
            stack.push(8, event.errorCode() & 0xFFFF_FFFFL);
        }
        code = Descriptor.markAccessed(cpu, selector, code);
        if (level != state.cpl) {
            SegmentUnit.setNullStack(state.segments[VcpuState.SS], level);
        }
        stack.commit();
        enterHandler(selector, code, level, target, type == Descriptor.INTERRUPT_GATE_32);
    }

    private void enterHandler(int selector, long code, int level, long target, boolean masks) {
        SegmentUnit.setCode(cpu, selector, code, level);
        cpu.rip = target;
        cpu.rflags(cpu.rflags() & ~(CLEARED | (masks ? RFlags.INTERRUPT : 0)));
    }

    private void checkGate(long gate, boolean wrongType) {
        if (wrongType || !Descriptor.isSystem(gate)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, gateCode);
        }
        if (checksGatePrivilege() && Descriptor.privilegeLevel(gate) < state.cpl) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, gateCode);
        }
        if (!Descriptor.isPresent(gate)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, gateCode);
        }
    }

    private long targetCode(int selector) {
        if (Descriptor.isNull(selector)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, external);
        }
        long code = Descriptor.read(cpu, selector, Vector.GENERAL_PROTECTION, external);
        if (!Descriptor.isCode(code) || Descriptor.privilegeLevel(code) > state.cpl) {
            throw refuse(Vector.GENERAL_PROTECTION, selector);
        }
        if (!Descriptor.isPresent(code)) {
            throw refuse(Vector.SEGMENT_NOT_PRESENT, selector);
        }
        return code;
    }

    private int newLevel(long code) {
        return Descriptor.isConforming(code) ? state.cpl : Descriptor.privilegeLevel(code);
    }

    // ---- protected mode without long mode
    // -----------------------------------------------------------------------------------------

    private void throughLegacyGate() {
        int offset = event.vector() * 8;
        if (offset + 7 > state.idtLimit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, gateCode);
        }
        long gate = cpu.implicitLoad(state.idtBase + offset & 0xFFFF_FFFFL, 8);
        int type = Descriptor.type(gate);
        boolean wrongType = type < Descriptor.TASK_GATE || type > Descriptor.TRAP_GATE_16 && type < 14;
        checkGate(gate, wrongType);
        int selector = Descriptor.gateSelector(gate);
        if (type == Descriptor.TASK_GATE) {
            long error = event.hasErrorCode() ? event.errorCode() & 0xFFFF_FFFFL : -1;
            TaskSwitch.throughGate(cpu, selector, returnRip, savedFlags, external, error);
            return;
        }
        boolean wide = type >= Descriptor.INTERRUPT_GATE_32;
        long code = targetCode(selector);
        int level = newLevel(code);
        long target = Descriptor.gateOffset(gate) & (wide ? 0xFFFF_FFFFL : 0xFFFF);
        boolean virtual = SegmentUnit.isVirtual8086(state);
        if (virtual && level != 0) {
            throw refuse(Vector.GENERAL_PROTECTION, selector);
        }
        if (target > Descriptor.limit(code)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, external);
        }
        int size = wide ? 4 : 2;
        @Nullable SegmentRegister newStack = null;
        StackCursor stack;
        if (level == state.cpl) {
            stack = StackCursor.current(cpu, external);
        } else {
            newStack = new SegmentRegister();
            long pointer = innerStack(level, newStack);
            stack = StackCursor.legacy(
                    cpu, newStack, pointer & 0xFFFF_FFFFL, level, newStack.selector & 0xFFFC | external);
        }
        stack.reserve(3 + (newStack != null ? 2 : 0) + (virtual ? 4 : 0) + (event.hasErrorCode() ? 1 : 0), size);
        pushLegacyFrame(stack, size, newStack != null, virtual);
        code = Descriptor.markAccessed(cpu, selector, code);
        if (newStack != null) {
            state.segments[VcpuState.SS].copyFrom(newStack);
        }
        if (virtual) {
            for (int segment : new int[] {VcpuState.ES, VcpuState.DS, VcpuState.FS, VcpuState.GS}) {
                state.segments[segment].set(0, 0, 0, SegmentRegister.UNUSABLE);
            }
        }
        stack.commit();
        enterHandler(selector, code, level, target, (type & 1) == 0);
    }

    /** Loads {@code into} with the inner stack's segment. @return its ESP */
    private long innerStack(int level, SegmentRegister into) {
        long stack = TaskState.legacyStack(cpu, level, external);
        int selector = (int) (stack >>> 32);
        long descriptor = SegmentUnit.stackDescriptor(cpu, selector, level, Vector.INVALID_TSS, external);
        SegmentUnit.set(into, selector, Descriptor.markAccessed(cpu, selector, descriptor));
        return stack & 0xFFFF_FFFFL;
    }

    private void pushLegacyFrame(StackCursor stack, int size, boolean switches, boolean virtual) {
        if (virtual) {
            stack.push(size, state.segments[VcpuState.GS].selector);
            stack.push(size, state.segments[VcpuState.FS].selector);
            stack.push(size, state.segments[VcpuState.DS].selector);
            stack.push(size, state.segments[VcpuState.ES].selector);
        }
        if (switches) {
            stack.push(size, state.segments[VcpuState.SS].selector);
            stack.push(size, state.gpr[VcpuState.RSP]);
        }
        stack.push(size, savedFlags);
        stack.push(size, state.segments[VcpuState.CS].selector);
        stack.push(size, returnRip);
        if (event.hasErrorCode()) {
            stack.push(size, event.errorCode());
        }
    }
}
