package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** Segmentation: legacy linear addresses and the loading of segment registers. Intel SDM vol. 3A, chapters "Protected-Mode Memory Management" and "Protection". */
final class SegmentUnit {
    private static final long LINEAR_32 = 0xFFFF_FFFFL;
    private static final int REAL_DATA = 0x93;
    private static final int VIRTUAL_DATA = 0xF3;

    /** Outside 64-bit mode: the linear address of {@code bytes} at {@code offset}, after the checks of type and limit. */
    static long linear(Cpu cpu, int segment, long offset, int bytes, boolean write) {
        SegmentRegister register = cpu.state.segments[segment];
        if (!permits(register, offset, bytes, write)) {
            throw cpu.fault(segment == VcpuState.SS ? Vector.STACK_FAULT : Vector.GENERAL_PROTECTION);
        }
        return register.base + offset & LINEAR_32;
    }

    static boolean permits(SegmentRegister register, long offset, int bytes, boolean write) {
        int attributes = register.attributes;
        if ((attributes & SegmentRegister.UNUSABLE) != 0) {
            return false;
        }
        boolean code = (attributes & SegmentRegister.CODE) != 0;
        boolean open = (attributes & SegmentRegister.READ_WRITE) != 0;
        if (code ? write || !open : write && !open) {
            return false;
        }
        return isInside(register, offset, bytes);
    }

    static boolean isInside(SegmentRegister register, long offset, int bytes) {
        long last = offset + bytes - 1;
        int downData = register.attributes & (SegmentRegister.CODE | SegmentRegister.DOWN_CONFORMING);
        if (downData == SegmentRegister.DOWN_CONFORMING) {
            return offset > register.limit && last <= (register.isBig() ? LINEAR_32 : 0xFFFF);
        }
        return last <= register.limit;
    }

    /** Segments are those of real-address or virtual-8086 mode: a base is sixteen times its selector. */
    static boolean isReal(VcpuState state) {
        return (state.cr0 & Cr0.PROTECTION) == 0 || isVirtual8086(state);
    }

    static boolean isVirtual8086(VcpuState state) {
        return (state.rflags & RFlags.VIRTUAL_8086) != 0;
    }

    /** MOV or POP to ES, SS, DS, FS or GS, and the far pointer loads. Commits only after every check. */
    static void load(Cpu cpu, int segment, int selector) {
        VcpuState state = cpu.state;
        SegmentRegister register = state.segments[segment];
        if (isReal(state)) {
            loadReal(state, register, selector);
        } else if (segment == VcpuState.SS) {
            loadStack(cpu, register, selector);
        } else if (Descriptor.isNull(selector)) {
            register.set(selector, 0, 0, SegmentRegister.UNUSABLE);
        } else {
            loadData(cpu, register, selector);
        }
    }

    private static void loadReal(VcpuState state, SegmentRegister register, int selector) {
        if (isVirtual8086(state)) {
            register.set(selector, (long) selector << 4, 0xFFFF, VIRTUAL_DATA);
        } else {
            int big = register.attributes & SegmentRegister.DEFAULT_BIG;
            register.set(selector, (long) selector << 4, register.limit, REAL_DATA | big);
        }
    }

    /** As a virtual-8086 task has its segments. */
    static void loadVirtual8086(SegmentRegister register, int selector) {
        register.set(selector, (long) selector << 4, 0xFFFF, VIRTUAL_DATA);
    }

    private static void loadStack(Cpu cpu, SegmentRegister register, int selector) {
        VcpuState state = cpu.state;
        if (Descriptor.isNull(selector)) {
            if (!state.is64Bit() || state.cpl == 3 || (selector & 3) != state.cpl) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            setNullStack(register, selector);
            return;
        }
        long descriptor = stackDescriptor(cpu, selector, state.cpl, Vector.GENERAL_PROTECTION, 0);
        set(register, selector, Descriptor.markAccessed(cpu, selector, descriptor));
    }

    static void setNullStack(SegmentRegister register, int selector) {
        register.set(selector, 0, 0, SegmentRegister.UNUSABLE | (selector & 3) << 5);
    }

    /**
     * Reads and checks what shall become SS at privilege {@code cpl}.
     *
     * @param vector #GP, or #TS when a TSS names the selector
     */
    static long stackDescriptor(Cpu cpu, int selector, int cpl, int vector, int external) {
        int code = selector & 0xFFFC | external;
        if (Descriptor.isNull(selector)) {
            throw cpu.fault(vector, code);
        }
        long descriptor = Descriptor.read(cpu, selector, vector, external);
        if ((selector & 3) != cpl
                || Descriptor.privilegeLevel(descriptor) != cpl
                || !Descriptor.isWritableData(descriptor)) {
            throw cpu.fault(vector, code);
        }
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.STACK_FAULT, code);
        }
        return descriptor;
    }

    private static void loadData(Cpu cpu, SegmentRegister register, int selector) {
        long descriptor = Descriptor.read(cpu, selector, Vector.GENERAL_PROTECTION, 0);
        boolean conforming = Descriptor.isCode(descriptor) && Descriptor.isConforming(descriptor);
        int level = Descriptor.privilegeLevel(descriptor);
        if (Descriptor.isSystem(descriptor)
                || !Descriptor.isReadable(descriptor)
                || !conforming && Math.max(selector & 3, cpu.state.cpl) > level) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, selector & 0xFFFC);
        }
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, selector & 0xFFFC);
        }
        set(register, selector, Descriptor.markAccessed(cpu, selector, descriptor));
    }

    static void set(SegmentRegister register, int selector, long descriptor) {
        register.set(
                selector, Descriptor.base(descriptor), Descriptor.limit(descriptor), Descriptor.attributes(descriptor));
    }

    /** Loads CS with a checked code descriptor and makes {@code cpl} current. */
    static void setCode(Cpu cpu, int selector, long descriptor, int cpl) {
        set(cpu.state.segments[VcpuState.CS], selector & 0xFFFC | cpl, descriptor);
        cpu.state.cpl = cpl;
        cpu.codeModeChanged();
        cpu.privilegeChanged();
    }

    /** In real-address mode. */
    static void setRealCode(Cpu cpu, int selector) {
        SegmentRegister cs = cpu.state.segments[VcpuState.CS];
        if (isVirtual8086(cpu.state)) {
            loadVirtual8086(cs, selector);
        } else {
            cs.set(selector, (long) selector << 4, cs.limit, cs.attributes & SegmentRegister.DEFAULT_BIG | 0x9B);
        }
        cpu.codeModeChanged();
    }

    /** After a return to less privilege: data segments that may not be seen there become null. */
    static void dropPrivilegedData(VcpuState state) {
        for (int segment : new int[] {VcpuState.ES, VcpuState.DS, VcpuState.FS, VcpuState.GS}) {
            SegmentRegister register = state.segments[segment];
            int conformingCode = SegmentRegister.CODE | SegmentRegister.DOWN_CONFORMING;
            boolean conforming = (register.attributes & conformingCode) == conformingCode;
            if (register.isUsable() && !conforming && register.privilegeLevel() < state.cpl) {
                register.set(0, 0, 0, SegmentRegister.UNUSABLE);
            }
        }
    }

    private SegmentUnit() {}
}
