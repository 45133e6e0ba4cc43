package io.umbra.processor;

import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** What privilege changes read from the TSS. Intel SDM vol. 3A, "Task-State Segment" and "64-Bit TSS". */
final class TaskState {
    private static final int RSP_0 = 4;
    private static final int IST_1 = 0x24;

    /** RSP for privilege {@code level} from a 64-bit TSS. */
    static long stackPointer(Cpu cpu, int level, int external) {
        return read(cpu, RSP_0 + 8 * level, 8, external);
    }

    /** @param number 1 … 7 */
    static long interruptStack(Cpu cpu, int number, int external) {
        return read(cpu, IST_1 + 8 * (number - 1), 8, external);
    }

    /** SS and ESP for privilege {@code level} from a legacy TSS: ESP in the low half, the selector in the high one. */
    static long legacyStack(Cpu cpu, int level, int external) {
        if (isWide(cpu.state)) {
            long pointer = read(cpu, 4 + 8 * level, 4, external);
            return pointer | read(cpu, 8 + 8 * level, 2, external) << 32;
        }
        long pointer = read(cpu, 2 + 4 * level, 2, external);
        return pointer | read(cpu, 4 + 4 * level, 2, external) << 32;
    }

    /** A 32-bit or 64-bit TSS. */
    static boolean isWide(VcpuState state) {
        return (state.tr.type() & 8) != 0;
    }

    private static long read(Cpu cpu, int offset, int size, int external) {
        VcpuState state = cpu.state;
        if (!state.tr.isUsable() || offset + size - 1 > state.tr.limit) {
            throw cpu.fault(Vector.INVALID_TSS, state.tr.selector & 0xFFFC | external);
        }
        return cpu.implicitLoad(linear(state, offset), size);
    }

    /** Outside long mode addresses wrap at 4 GiB. */
    static long linear(VcpuState state, long offset) {
        long linear = state.tr.base + offset;
        return state.isLongModeActive() ? linear : linear & 0xFFFF_FFFFL;
    }

    private TaskState() {}
}
