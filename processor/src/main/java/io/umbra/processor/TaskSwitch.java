package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * The hardware's task switch of protected mode, by JMP, CALL, IRET or a task gate; long mode has none. The outgoing state is saved, the incoming one is loaded and its
 * segments are checked in the new task. Intel SDM vol. 3A, "Task Switching".
 *
 * <p>Where a check fails after the switch is committed, the exception is raised in the new task: RIP is already its own.
 */
final class TaskSwitch {
    private static final int[] SEGMENT_ORDER = {
        VcpuState.ES, VcpuState.CS, VcpuState.SS, VcpuState.DS, VcpuState.FS, VcpuState.GS
    };
    private static final int SMALLEST_TSS_16 = 0x2B;
    private static final int SMALLEST_TSS_32 = 0x67;
    private static final long NO_ERROR = -1;
    /** All that exist, but VIF and VIP. */
    private static final long LOADED_FLAGS = 0x27_7FD7L | RFlags.RESUME;

    /** Why: decides what becomes of the busy bits, of NT and of the link. */
    private enum Reason {
        JUMP,
        /** CALL, interrupts and exceptions: the outgoing task stays busy and the incoming one can return. */
        NEST,
        RETURN
    }

    /** Where things lie in a TSS of one width. */
    private record Layout(
            int size, int cr3, int rip, int flags, int registers, int segments, int segmentCount, int ldt, int trap) {
        static final Layout NARROW = new Layout(2, -1, 0x0E, 0x10, 0x12, 0x22, 4, 0x2A, -1);
        static final Layout WIDE = new Layout(4, 0x1C, 0x20, 0x24, 0x28, 0x48, 6, 0x60, 0x64);

        int segment(int i) {
            return segments + i * size;
        }

        int bytes() {
            return size == 4 ? SMALLEST_TSS_32 + 1 : SMALLEST_TSS_16 + 1;
        }
    }

    private final Cpu cpu;
    private final VcpuState state;
    private final Reason reason;
    private final int external;

    private TaskSwitch(Cpu cpu, Reason reason, int external) {
        this.cpu = cpu;
        this.state = cpu.state;
        this.reason = reason;
        this.external = external;
    }

    /** A TSS that is not busy, or a task gate, outside long mode. */
    static boolean isTask(VcpuState state, long descriptor) {
        int type = Descriptor.type(descriptor);
        return !state.isLongModeActive()
                && (type == Descriptor.TASK_GATE || type == Descriptor.TSS_16 || type == Descriptor.TSS_32);
    }

    static void jump(Cpu cpu, int selector, long descriptor) {
        explicit(cpu, Reason.JUMP, selector, descriptor);
    }

    static void call(Cpu cpu, int selector, long descriptor) {
        explicit(cpu, Reason.NEST, selector, descriptor);
    }

    private static void explicit(Cpu cpu, Reason reason, int selector, long descriptor) {
        int level = Descriptor.privilegeLevel(descriptor);
        if (level < cpu.state.cpl || level < (selector & 3)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, selector & 0xFFFC);
        }
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, selector & 0xFFFC);
        }
        boolean isGate = Descriptor.type(descriptor) == Descriptor.TASK_GATE;
        int task = isGate ? Descriptor.gateSelector(descriptor) : selector;
        new TaskSwitch(cpu, reason, 0).to(task, Vector.GENERAL_PROTECTION, cpu.rip, cpu.rflags(), NO_ERROR);
    }

    /** @param error pushed on the new task's stack, or negative */
    static void throughGate(Cpu cpu, int selector, long returnRip, long flags, int external, long error) {
        new TaskSwitch(cpu, Reason.NEST, external).to(selector, Vector.GENERAL_PROTECTION, returnRip, flags, error);
    }

    /** IRET with NT set: to the task that the current one is nested in. */
    static void back(Cpu cpu) {
        int link = (int) cpu.implicitLoad(cpu.state.tr.base & 0xFFFF_FFFFL, 2);
        long flags = cpu.rflags() & ~RFlags.NESTED_TASK;
        new TaskSwitch(cpu, Reason.RETURN, 0).to(link, Vector.INVALID_TSS, cpu.rip, flags, NO_ERROR);
    }

    private void to(int selector, int vector, long returnRip, long flags, long error) {
        int code = selector & 0xFFFC | external;
        if (Descriptor.isNull(selector) || (selector & 4) != 0) {
            throw cpu.fault(vector, code);
        }
        long descriptor = Descriptor.read(cpu, selector, vector, external);
        int type = Descriptor.type(descriptor);
        int expected = reason == Reason.RETURN ? Descriptor.BUSY : 0;
        boolean isTss = Descriptor.isSystem(descriptor) && (type & 0b0101) == 1 && (type & Descriptor.BUSY) == expected;
        if (!isTss) {
            throw cpu.fault(vector, code);
        }
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, code);
        }
        Layout in = (type & 8) != 0 ? Layout.WIDE : Layout.NARROW;
        if (Descriptor.limit(descriptor) < in.bytes() - 1) {
            throw cpu.fault(Vector.INVALID_TSS, code);
        }
        Layout out = TaskState.isWide(state) ? Layout.WIDE : Layout.NARROW;
        long base = Descriptor.base(descriptor);
        probe(state.tr.base, out.bytes(), true);
        probe(base, in.bytes(), reason == Reason.NEST);
        long[] incoming = read(base, in);
        long[] pdptes = pdptes(in, incoming[0]);
        int previous = state.tr.selector;

        save(out, returnRip, flags);
        if (reason != Reason.NEST) {
            setBusy(previous, false);
        }
        if (reason == Reason.NEST) {
            write(base, 2, previous);
        }
        if (reason != Reason.RETURN) {
            setBusy(selector, true);
        }
        SegmentUnit.set(state.tr, selector, descriptor | (long) Descriptor.BUSY << 40);
        boolean traps = (in.trap >= 0 && (load(base + in.trap, 1) & 1) != 0);
        load(in, incoming, pdptes);
        if (error != NO_ERROR) {
            StackCursor stack = StackCursor.current(cpu, external);
            stack.push(in.size, error);
            stack.commit();
        }
        if (cpu.rip > state.segments[VcpuState.CS].limit) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, external);
        }
        if (traps) {
            state.dr[6] |= DebugUnit.TASK_SWITCHED;
            throw cpu.fault(Vector.DEBUG);
        }
        cpu.ripIsCommitted = false;
    }

    /** What the PDPTE registers will hold; a reserved bit in one of them refuses the switch before it has changed anything. */
    private long[] pdptes(Layout in, long cr3) {
        long[] values = state.pdpte.clone();
        if (loadsCr3(in, cr3) && (state.cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) != 0) {
            ControlRegisters.loadPdptes(cpu, cr3, values);
        }
        return values;
    }

    /** A switch to the same CR3 keeps the PDPTE registers and the TLB. */
    private boolean loadsCr3(Layout in, long cr3) {
        return in.cr3 >= 0 && state.isPaging() && cr3 != state.cr3;
    }

    private void probe(long base, int bytes, boolean write) {
        int access = PageFaultCode.IMPLICIT | (write ? PageFaultCode.WRITE : 0);
        cpu.memory.probeAs(cpu, base & 0xFFFF_FFFFL, bytes, access);
    }

    /** In order: CR3, RIP, flags, eight registers, six selectors, LDT. */
    private long[] read(long base, Layout in) {
        long[] values = new long[18];
        values[0] = in.cr3 < 0 ? 0 : load(base + in.cr3, 4);
        values[1] = load(base + in.rip, in.size);
        values[2] = load(base + in.flags, in.size);
        for (int i = 0; i < 8; i++) {
            values[3 + i] = load(base + in.registers + (long) i * in.size, in.size);
        }
        for (int i = 0; i < in.segmentCount; i++) {
            values[11 + i] = load(base + in.segment(i), 2);
        }
        values[17] = load(base + in.ldt, 2);
        return values;
    }

    private void save(Layout out, long returnRip, long flags) {
        long base = state.tr.base;
        write(base + out.rip, out.size, returnRip);
        write(base + out.flags, out.size, flags);
        for (int i = 0; i < 8; i++) {
            write(base + out.registers + (long) i * out.size, out.size, state.gpr[i]);
        }
        for (int i = 0; i < out.segmentCount; i++) {
            write(base + out.segment(i), 2, state.segments[SEGMENT_ORDER[i]].selector);
        }
    }

    /** From here on the new task runs; its segments are loaded one after the other, and a bad one raises #TS, #NP or #SS in it. */
    private void load(Layout in, long[] values, long[] pdptes) {
        if (loadsCr3(in, values[0])) {
            loadCr3(values[0], pdptes);
        }
        state.cr0 |= Cr0.TASK_SWITCHED;
        state.dr[7] &= ~0x155L;
        cpu.rip = values[1] & 0xFFFF_FFFFL;
        cpu.ripIsCommitted = true;
        long flags = reason == Reason.NEST ? values[2] | RFlags.NESTED_TASK : values[2];
        for (int i = 0; i < 8; i++) {
            cpu.setRegister(i, 4, values[3 + i]);
        }
        for (int i = 0; i < SEGMENT_ORDER.length; i++) {
            state.segments[SEGMENT_ORDER[i]].set((int) values[11 + i], 0, 0, SegmentRegister.UNUSABLE);
        }
        cpu.rflags(flags & LOADED_FLAGS);
        loadLdt((int) values[17]);
        if (SegmentUnit.isVirtual8086(state)) {
            for (SegmentRegister segment : state.segments) {
                SegmentUnit.loadVirtual8086(segment, segment.selector);
            }
            state.cpl = 3;
            cpu.codeModeChanged();
            cpu.privilegeChanged();
            return;
        }
        loadSegments(values);
    }

    /** The rest of the switch goes through the new tables already, so that the hypervisor is told at once. */
    private void loadCr3(long value, long[] pdptes) {
        long old = state.cr3;
        System.arraycopy(pdptes, 0, state.pdpte, 0, pdptes.length);
        state.cr3 = value;
        cpu.memory.guestFlushed(cpu);
        if (cpu.intercepts.controlRegister(3)) {
            cpu.memory.handler().taskRootLoaded(old);
        }
    }

    private void loadLdt(int selector) {
        state.ldtr.set(selector, 0, 0, SegmentRegister.UNUSABLE);
        if (Descriptor.isNull(selector)) {
            return;
        }
        int code = selector & 0xFFFC | external;
        if ((selector & 4) != 0) {
            throw cpu.fault(Vector.INVALID_TSS, code);
        }
        long descriptor = Descriptor.read(cpu, selector, Vector.INVALID_TSS, external);
        boolean isLdt = Descriptor.isSystem(descriptor) && Descriptor.type(descriptor) == Descriptor.LDT;
        if (!isLdt || !Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.INVALID_TSS, code);
        }
        SegmentUnit.set(state.ldtr, selector, descriptor);
    }

    private void loadSegments(long[] values) {
        int selector = (int) values[12];
        int code = selector & 0xFFFC | external;
        int level = selector & 3;
        if (Descriptor.isNull(selector)) {
            throw cpu.fault(Vector.INVALID_TSS, code);
        }
        long descriptor = Descriptor.read(cpu, selector, Vector.INVALID_TSS, external);
        int own = Descriptor.privilegeLevel(descriptor);
        boolean wrongLevel = Descriptor.isConforming(descriptor) ? own > level : own != level;
        if (!Descriptor.isCode(descriptor) || wrongLevel) {
            throw cpu.fault(Vector.INVALID_TSS, code);
        }
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, code);
        }
        SegmentUnit.setCode(cpu, selector, Descriptor.markAccessed(cpu, selector, descriptor), level);
        int stack = (int) values[13];
        long stackDescriptor = SegmentUnit.stackDescriptor(cpu, stack, level, Vector.INVALID_TSS, external);
        SegmentUnit.set(state.segments[VcpuState.SS], stack, Descriptor.markAccessed(cpu, stack, stackDescriptor));
        for (int i : new int[] {0, 3, 4, 5}) {
            loadDataSegment(SEGMENT_ORDER[i], (int) values[11 + i]);
        }
    }

    private void loadDataSegment(int segment, int selector) {
        try {
            SegmentUnit.load(cpu, segment, selector);
        } catch (GuestException fault) {
            if (fault.reason != GuestException.Reason.EXCEPTION) {
                throw fault;
            }
            int vector = fault.vector == Vector.GENERAL_PROTECTION ? Vector.INVALID_TSS : fault.vector;
            throw cpu.fault(vector, fault.errorCode | external);
        }
    }

    private void setBusy(int selector, boolean busy) {
        long place = Descriptor.address(state, selector & ~4) + Descriptor.TYPE_BYTE;
        long type = cpu.implicitLoad(place, 1);
        cpu.implicitStore(place, 1, busy ? type | Descriptor.BUSY : type & ~(long) Descriptor.BUSY);
    }

    private long load(long linear, int size) {
        return cpu.implicitLoad(linear & 0xFFFF_FFFFL, size);
    }

    private void write(long linear, int size, long value) {
        cpu.implicitStore(linear & 0xFFFF_FFFFL, size, value);
    }
}
