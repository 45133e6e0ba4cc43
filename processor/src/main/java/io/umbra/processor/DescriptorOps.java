package io.umbra.processor;

import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** The instructions on descriptor tables: LGDT and kin, LLDT, LTR, LAR, LSL, VERR, VERW, ARPL. Intel SDM vol. 2. */
final class DescriptorOps {
    /** System types for which LAR answers: TSS, LDT, gates. As bits. */
    private static final int LAR_LEGACY = 0b0001_1010_0011_1110;

    private static final int LAR_LONG = 0b0001_1010_0000_0100;
    private static final int LSL_LEGACY = 0b0000_1010_0000_1110;
    private static final int LSL_LONG = 0b0000_1010_0000_0100;

    /** SGDT and SIDT: the limit, then four bytes of base or eight in 64-bit mode. */
    static void storeTable(Cpu cpu, Address address, boolean mode64, int limit, long base) {
        int size = mode64 ? 8 : 4;
        long linear = address.linearForWrite(cpu, size + 2);
        cpu.probeWrite(linear, size + 2);
        cpu.store16(linear, limit);
        cpu.store(mode64 ? linear + 2 : linear + 2 & 0xFFFF_FFFFL, size, base);
    }

    /** LGDT and LIDT. With 16-bit operands the base has 24 bits. */
    static void loadTable(Cpu cpu, Address address, boolean mode64, int operandSize, boolean global) {
        ControlRegisters.requireKernel(cpu);
        int size = mode64 ? 8 : 4;
        long linear = address.linear(cpu, size + 2);
        int limit = (int) cpu.load16(linear);
        long base = cpu.load(mode64 ? linear + 2 : linear + 2 & 0xFFFF_FFFFL, size);
        if (!mode64 && operandSize == 2) {
            base &= 0xFF_FFFF;
        }
        if (mode64 && !cpu.features.isStorable(base)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        if (global) {
            cpu.state.gdtBase = base;
            cpu.state.gdtLimit = limit;
        } else {
            cpu.state.idtBase = base;
            cpu.state.idtLimit = limit;
        }
    }

    static void loadLocalTable(Cpu cpu, Place operand) {
        requireProtected(cpu);
        ControlRegisters.requireKernel(cpu);
        int selector = (int) operand.read(cpu);
        VcpuState state = cpu.state;
        if (Descriptor.isNull(selector)) {
            state.ldtr.set(selector, 0, 0, SegmentRegister.UNUSABLE);
            return;
        }
        long descriptor = systemDescriptor(cpu, selector);
        if (Descriptor.type(descriptor) != Descriptor.LDT) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, selector & 0xFFFC);
        }
        long base = base(cpu, selector, descriptor);
        state.ldtr.set(selector, base, Descriptor.limit(descriptor), Descriptor.attributes(descriptor));
    }

    static void loadTaskRegister(Cpu cpu, Place operand) {
        requireProtected(cpu);
        ControlRegisters.requireKernel(cpu);
        int selector = (int) operand.read(cpu);
        if (Descriptor.isNull(selector)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        long descriptor = systemDescriptor(cpu, selector);
        int type = Descriptor.type(descriptor);
        boolean narrow = type == Descriptor.TSS_16 && !cpu.state.isLongModeActive();
        if (type != Descriptor.TSS_32 && !narrow) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, selector & 0xFFFC);
        }
        long base = base(cpu, selector, descriptor);
        int busy = type | Descriptor.BUSY;
        int attributes = Descriptor.attributes(descriptor) | Descriptor.BUSY;
        long place = Descriptor.address(cpu.state, selector) + Descriptor.TYPE_BYTE;
        cpu.implicitStore(place, 1, descriptor >>> 40 & 0xF0 | busy);
        cpu.state.tr.set(selector, base, Descriptor.limit(descriptor), attributes);
    }

    /** Of the GDT, present; in long mode both halves must be inside. */
    private static long systemDescriptor(Cpu cpu, int selector) {
        int code = selector & 0xFFFC;
        int bytes = cpu.state.isLongModeActive() ? 16 : 8;
        if ((selector & 4) != 0 || Descriptor.isOutside(cpu.state, selector, bytes)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, code);
        }
        long descriptor = Descriptor.read(cpu, selector, Vector.GENERAL_PROTECTION, 0);
        if (!Descriptor.isSystem(descriptor)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, code);
        }
        if (!Descriptor.isPresent(descriptor)) {
            throw cpu.fault(Vector.SEGMENT_NOT_PRESENT, code);
        }
        return descriptor;
    }

    private static long base(Cpu cpu, int selector, long descriptor) {
        if (!cpu.state.isLongModeActive()) {
            return Descriptor.base(descriptor);
        }
        long upper = Descriptor.readUpper(cpu, selector, Vector.GENERAL_PROTECTION, 0);
        long base = Descriptor.base(descriptor) | upper << 32;
        if (!cpu.features.isStorable(base) || (upper >>> 40 & 0x1F) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION, selector & 0xFFFC);
        }
        return base;
    }

    /** LAR; ZF tells whether the register was written. */
    static void loadRights(Cpu cpu, Place operand, int register, int size) {
        requireProtected(cpu);
        int selector = (int) operand.read(cpu) & 0xFFFF;
        boolean isLong = cpu.state.isLongModeActive();
        long descriptor = visible(cpu, selector, isLong ? LAR_LONG : LAR_LEGACY);
        if (descriptor != INVISIBLE) {
            cpu.setRegister(register, size, descriptor >>> 32 & (size == 2 ? 0xFF00 : 0xF0_FF00));
        }
        zero(cpu, descriptor != INVISIBLE);
    }

    /** LSL, the same for the limit. */
    static void loadLimit(Cpu cpu, Place operand, int register, int size) {
        requireProtected(cpu);
        int selector = (int) operand.read(cpu) & 0xFFFF;
        boolean isLong = cpu.state.isLongModeActive();
        long descriptor = visible(cpu, selector, isLong ? LSL_LONG : LSL_LEGACY);
        if (descriptor != INVISIBLE) {
            cpu.setRegister(register, size, Descriptor.limit(descriptor));
        }
        zero(cpu, descriptor != INVISIBLE);
    }

    /** VERR and VERW. */
    static void verify(Cpu cpu, Place operand, boolean write) {
        requireProtected(cpu);
        int selector = (int) operand.read(cpu) & 0xFFFF;
        long descriptor = visible(cpu, selector, 0);
        boolean open = write ? Descriptor.isWritableData(descriptor) : Descriptor.isReadable(descriptor);
        zero(cpu, descriptor != INVISIBLE && open);
    }

    private static final long INVISIBLE = 0;

    /**
     * The descriptor, when the current privilege and the selector's may see it; else {@link #INVISIBLE}, which is no valid descriptor.
     *
     * @param systemTypes a bit for each type of system descriptor that counts
     */
    private static long visible(Cpu cpu, int selector, int systemTypes) {
        if (Descriptor.isNull(selector) || Descriptor.isOutside(cpu.state, selector, 8)) {
            return INVISIBLE;
        }
        long descriptor = Descriptor.read(cpu, selector, Vector.GENERAL_PROTECTION, 0);
        if (Descriptor.isSystem(descriptor) && (systemTypes >>> Descriptor.type(descriptor) & 1) == 0) {
            return INVISIBLE;
        }
        if (Descriptor.isCode(descriptor) && Descriptor.isConforming(descriptor)) {
            return descriptor;
        }
        boolean seen = Math.max(cpu.state.cpl, selector & 3) <= Descriptor.privilegeLevel(descriptor);
        return seen ? descriptor : INVISIBLE;
    }

    /** ARPL: the destination's RPL is raised to the source's. */
    static void adjustPrivilege(Cpu cpu, Place destination, Place source) {
        requireProtected(cpu);
        long selector = destination.readForUpdate(cpu);
        long level = source.read(cpu) & 3;
        boolean raised = (selector & 3) < level;
        if (raised) {
            destination.update(cpu, selector & ~3L | level);
        }
        zero(cpu, raised);
    }

    private static void zero(Cpu cpu, boolean value) {
        long rest = cpu.flags.toRFlags() & ~RFlags.ZERO;
        cpu.flags.fromRFlags(value ? rest | RFlags.ZERO : rest);
    }

    /** These instructions do not exist in real-address and virtual-8086 mode. */
    static void requireProtected(Cpu cpu) {
        if (SegmentUnit.isReal(cpu.state)) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
    }

    private DescriptorOps() {}
}
