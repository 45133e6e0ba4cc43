package io.umbra.processor;

import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** The breakpoints of DR0 … DR3. Intel SDM vol. 3B, "Debug Registers". */
final class DebugUnit {
    /** Bits of DR6. */
    static final long ACCESS_DETECTED = 1L << 13;

    static final long SINGLE_STEP = 1L << 14;
    /** BT: a task was entered whose TSS has the T bit set. */
    static final long TASK_SWITCHED = 1L << 15;

    static final long DR6_FIXED = 0xFFFF_0FF0L;
    static final long DR6_WRITABLE = 0xF | 7L << 13;

    /** Bits of DR7. */
    static final long GENERAL_DETECT = 1L << 13;

    static final long DR7_FIXED = 1L << 10;
    static final long DR7_WRITABLE = 0xFFFF_2BFFL;

    private static final int EXECUTE = 0, WRITE = 1, PORT = 2;

    /** Some breakpoint is enabled. */
    static boolean isArmed(long dr7) {
        return (dr7 & 0xFF) != 0;
    }

    /** Some data breakpoint is enabled. */
    static boolean watchesData(long dr7) {
        if (!isArmed(dr7)) {
            return false;
        }
        for (int i = 0; i < 4; i++) {
            if (isEnabled(dr7, i) && (kind(dr7, i) & 1) != 0) {
                return true;
            }
        }
        return false;
    }

    /** Remembers the data breakpoints that the access meets, for the trap behind the instruction. */
    static void noteDataAccess(Cpu cpu, long linear, int size, boolean write) {
        long dr7 = cpu.state.dr[7];
        for (int i = 0; i < 4; i++) {
            int kind = kind(dr7, i);
            boolean wanted = kind == WRITE ? write : kind == 3;
            if (isEnabled(dr7, i) && wanted && meets(cpu.state, i, linear, size)) {
                cpu.debugHits |= 1L << i;
            }
        }
    }

    static void notePort(Cpu cpu, int port, int size) {
        long dr7 = cpu.state.dr[7];
        if (!isArmed(dr7) || (cpu.state.cr4 & Cr4.DEBUGGING_EXTENSIONS) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            if (isEnabled(dr7, i) && kind(dr7, i) == PORT && meets(cpu.state, i, port, size)) {
                cpu.debugHits |= 1L << i;
            }
        }
    }

    /** @return bits of DR6 for the instruction breakpoints at {@code linear} */
    static long codeHits(VcpuState state, long linear) {
        long dr7 = state.dr[7];
        long hits = 0;
        for (int i = 0; i < 4; i++) {
            if (isEnabled(dr7, i) && kind(dr7, i) == EXECUTE && state.dr[i] == linear) {
                hits |= 1L << i;
            }
        }
        return hits;
    }

    /** MOV to DR{@code number}. */
    static void write(Cpu cpu, int number, long value) {
        int register = check(cpu, number);
        if (register >= 6 && value >>> 32 != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        cpu.state.dr[register] = switch (register) {
            case 6 -> value & DR6_WRITABLE | DR6_FIXED;
            case 7 -> value & DR7_WRITABLE | DR7_FIXED;
            default -> value;
        };
        cpu.isWatchful = true;
        cpu.privilegeChanged();
    }

    static long read(Cpu cpu, int number) {
        return cpu.state.dr[check(cpu, number)];
    }

    /** DR4 and DR5 are DR6 and DR7, or with CR4.DE do not exist. With DR7.GD every access is #DB. */
    private static int check(Cpu cpu, int number) {
        VcpuState state = cpu.state;
        if ((number == 4 || number == 5) && (state.cr4 & Cr4.DEBUGGING_EXTENSIONS) != 0 || number > 7) {
            throw cpu.fault(Vector.INVALID_OPCODE);
        }
        ControlRegisters.requireKernel(cpu);
        if ((state.dr[7] & GENERAL_DETECT) != 0) {
            state.dr[6] |= ACCESS_DETECTED;
            state.dr[7] &= ~GENERAL_DETECT;
            throw cpu.fault(Vector.DEBUG);
        }
        return number == 4 || number == 5 ? number + 2 : number;
    }

    private static boolean isEnabled(long dr7, int number) {
        return (dr7 >>> 2 * number & 3) != 0;
    }

    private static int kind(long dr7, int number) {
        return (int) (dr7 >>> 16 + 4 * number) & 3;
    }

    private static boolean meets(VcpuState state, int number, long address, int size) {
        int code = (int) (state.dr[7] >>> 18 + 4 * number) & 3;
        int length = code == 2 ? 8 : code + 1;
        long start = state.dr[number] & -length;
        return start < address + size && address < start + length;
    }

    private DebugUnit() {}
}
