package io.umbra.processor;

import io.umbra.x86.PageFaultCode;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * A stack that gates and returns push to and pop from while nothing is committed yet: SS and RSP change only when the caller says so. A violation of the
 * limit, or of canonicality, raises #SS with {@link #errorCode}.
 */
final class StackCursor {
    private final Cpu cpu;
    private final SegmentRegister segment;
    private final boolean isFlat;
    private final long mask;
    /** USER for a stack of CPL 3, else 0. */
    private final int access;

    private final int errorCode;
    long pointer;

    private StackCursor(Cpu cpu, SegmentRegister segment, boolean isFlat, long pointer, int cpl, int errorCode) {
        this.cpu = cpu;
        this.segment = segment;
        this.isFlat = isFlat;
        this.mask = isFlat ? -1L : segment.isBig() ? 0xFFFF_FFFFL : 0xFFFF;
        this.access = cpl == 3 ? PageFaultCode.USER : 0;
        this.pointer = pointer;
        this.errorCode = errorCode;
    }

    /** SS:RSP as they are. */
    static StackCursor current(Cpu cpu, int errorCode) {
        VcpuState state = cpu.state;
        return new StackCursor(
                cpu, state.segments[VcpuState.SS], state.is64Bit(), state.gpr[VcpuState.RSP], state.cpl, errorCode);
    }

    /** A stack of 64-bit code: no segment takes part. */
    static StackCursor flat(Cpu cpu, long pointer, int cpl, int errorCode) {
        return new StackCursor(cpu, cpu.state.segments[VcpuState.SS], true, pointer, cpl, errorCode);
    }

    static StackCursor legacy(Cpu cpu, SegmentRegister segment, long pointer, int cpl, int errorCode) {
        return new StackCursor(cpu, segment, false, pointer, cpl, errorCode);
    }

    /** Makes sure that the next {@code count} pushes of {@code size} bytes will not fault; a page fault is that of the first push that has one. */
    void reserve(int count, int size) {
        linear(pointer - (long) count * size & mask, count * size, true);
        for (int push = 1; push <= count; push++) {
            long next = pointer - (long) push * size & mask;
            cpu.memory.probeAs(cpu, linear(next, size, true), size, access | PageFaultCode.WRITE);
        }
    }

    void push(int size, long value) {
        long next = pointer - size & mask;
        cpu.memory.storeAs(cpu, linear(next, size, true), size, value, access);
        pointer = next;
    }

    long pop(int size) {
        long value = peek(0, size);
        skip(size);
        return value;
    }

    void skip(long bytes) {
        pointer = pointer + bytes & mask;
    }

    /** What lies {@code above} bytes over the pointer. */
    long peek(long above, int size) {
        return cpu.memory.loadAs(cpu, linear(pointer + above & mask, size, false), size, access);
    }

    /** Makes the pointer RSP, or the part of it that this stack has. */
    void commit() {
        long[] gpr = cpu.gpr;
        gpr[VcpuState.RSP] = mask == 0xFFFF ? gpr[VcpuState.RSP] & ~0xFFFFL | pointer & 0xFFFF : pointer & mask;
    }

    private long linear(long offset, int bytes, boolean write) {
        if (isFlat) {
            if (!cpu.isCanonical(offset)) {
                throw cpu.fault(Vector.STACK_FAULT, errorCode);
            }
            return offset;
        }
        if (!SegmentUnit.permits(segment, offset, bytes, write)) {
            throw cpu.fault(Vector.STACK_FAULT, errorCode);
        }
        return segment.base + offset & 0xFFFF_FFFFL;
    }
}
