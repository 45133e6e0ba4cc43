package io.umbra.processor;

import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/**
 * An 8-byte segment descriptor, as a long. Intel SDM vol. 3A, "Segment Descriptors" and "System Descriptor Types".
 *
 * <pre>
 *  63..56      55 54  53 52  51..48        47 46..45 44 43..40  39..16      15..0
 *  base 31..24 G  D/B L  AVL limit 19..16  P  DPL    S  type    base 23..0  limit 15..0
 * </pre>
 */
final class Descriptor {
    // Types of system descriptors; in long mode 2, 9, B, C, E and F exist.
    static final int TSS_16 = 1, LDT = 2, TSS_16_BUSY = 3, CALL_GATE_16 = 4, TASK_GATE = 5;
    static final int INTERRUPT_GATE_16 = 6, TRAP_GATE_16 = 7;
    static final int TSS_32 = 9, TSS_32_BUSY = 11, CALL_GATE_32 = 12, INTERRUPT_GATE_32 = 14, TRAP_GATE_32 = 15;

    static final int TYPE_BYTE = 5;
    static final int BUSY = 2;

    static long base(long descriptor) {
        return descriptor >>> 16 & 0xFF_FFFF | descriptor >>> 56 << 24;
    }

    /** In bytes. */
    static long limit(long descriptor) {
        long raw = descriptor & 0xFFFF | (descriptor >>> 48 & 0xF) << 16;
        return (attributes(descriptor) & SegmentRegister.GRANULARITY) == 0 ? raw : raw << 12 | 0xFFF;
    }

    /** Packed as in {@link SegmentRegister}. */
    static int attributes(long descriptor) {
        return (int) (descriptor >>> 40 & 0xFF | (descriptor >>> 52 & 0xF) << 8);
    }

    static int type(long descriptor) {
        return (int) (descriptor >>> 40) & 0xF;
    }

    static int privilegeLevel(long descriptor) {
        return (int) (descriptor >>> 45) & 3;
    }

    static boolean isPresent(long descriptor) {
        return (descriptor >>> 47 & 1) != 0;
    }

    static boolean isSystem(long descriptor) {
        return (descriptor >>> 44 & 1) == 0;
    }

    static boolean isCode(long descriptor) {
        return !isSystem(descriptor) && (type(descriptor) & SegmentRegister.CODE) != 0;
    }

    static boolean isConforming(long descriptor) {
        return (type(descriptor) & SegmentRegister.DOWN_CONFORMING) != 0;
    }

    static boolean isReadable(long descriptor) {
        return !isCode(descriptor) || (type(descriptor) & SegmentRegister.READ_WRITE) != 0;
    }

    static boolean isWritableData(long descriptor) {
        return !isSystem(descriptor)
                && (type(descriptor) & (SegmentRegister.CODE | SegmentRegister.READ_WRITE))
                        == SegmentRegister.READ_WRITE;
    }

    static boolean isLong(long descriptor) {
        return (attributes(descriptor) & SegmentRegister.LONG) != 0;
    }

    static boolean isBig(long descriptor) {
        return (attributes(descriptor) & SegmentRegister.DEFAULT_BIG) != 0;
    }

    // ---- gates
    // --------------------------------------------------------------------------------------------------------------

    static int gateSelector(long gate) {
        return (int) (gate >>> 16) & 0xFFFF;
    }

    /** The low 32 bits of the offset; only 16 count in 16-bit gates. */
    static long gateOffset(long gate) {
        return gate & 0xFFFF | gate >>> 48 << 16;
    }

    // ---- tables
    // ---------------------------------------------------------------------------------------------------------------

    static boolean isNull(int selector) {
        return (selector & 0xFFFC) == 0;
    }

    /**
     * Reads a descriptor of the GDT or LDT.
     *
     * @param vector raised when the table has no such entry, with the selector
     * @param external the EXT bit of the error code
     */
    static long read(Cpu cpu, int selector, int vector, int external) {
        if (isOutside(cpu.state, selector, 8)) {
            throw cpu.fault(vector, selector & 0xFFFC | external);
        }
        return cpu.implicitLoad(address(cpu.state, selector), 8);
    }

    /** The upper half of a 16-byte descriptor. */
    static long readUpper(Cpu cpu, int selector, int vector, int external) {
        if (isOutside(cpu.state, selector, 16)) {
            throw cpu.fault(vector, selector & 0xFFFC | external);
        }
        return cpu.implicitLoad(address(cpu.state, selector) + 8, 8);
    }

    static boolean isOutside(VcpuState state, int selector, int bytes) {
        boolean local = (selector & 4) != 0;
        long limit = local ? state.ldtr.limit : state.gdtLimit;
        return local && !state.ldtr.isUsable() || (selector & 0xFFF8) + bytes - 1 > limit;
    }

    static long address(VcpuState state, int selector) {
        long base = (selector & 4) != 0 ? state.ldtr.base : state.gdtBase;
        long sum = base + (selector & 0xFFF8);
        return state.isLongModeActive() ? sum : sum & 0xFFFF_FFFFL;
    }

    /** Sets the accessed bit in the table where it is still clear. */
    static long markAccessed(Cpu cpu, int selector, long descriptor) {
        if ((type(descriptor) & SegmentRegister.ACCESSED) != 0) {
            return descriptor;
        }
        long marked = descriptor | 1L << 40;
        cpu.implicitStore(address(cpu.state, selector) + TYPE_BYTE, 1, marked >>> 40 & 0xFF);
        return marked;
    }

    private Descriptor() {}
}
