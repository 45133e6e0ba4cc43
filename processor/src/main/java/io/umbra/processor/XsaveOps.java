package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Arrays;

/**
 * XSAVE, XSAVEOPT and XRSTOR, in the standard format ({@link ExtendedState}). Intel SDM vol. 1, 13.7 to 13.9.
 *
 * <ul>
 *   <li>XSAVE-1: #UD without CR4.OSXSAVE, then #NM with CR0.TS, then #GP(0) for an area that is not aligned to 64 bytes.
 *   <li>XSAVE-2: what takes part is XCR0 & EDX:EAX. Of the header XSTATE_BV alone is written, and of that only the bits of what takes part: whether a component is in use. XSAVEOPT does not write a
 *       component that is not in use.
 *   <li>XSAVE-3: MXCSR goes with SSE and with AVX, whatever XSTATE_BV says.
 *   <li>XSAVE-4: XRSTOR raises #GP(0) for a bit of XSTATE_BV outside of XCR0, for a header whose bytes 23 … 8 are not zero, and for bits of MXCSR that do not exist; before anything is loaded. A
 *       component whose bit is clear gets its initial value.
 * </ul>
 */
final class XsaveOps {
    private XsaveOps() {}

    /** XSAVE, and with {@code optimised} XSAVEOPT. */
    static Op save(boolean optimised, Instruction i, int offsetInPage) {
        return new Save(optimised, i, offsetInPage);
    }

    static Op restore(Instruction i, int offsetInPage) {
        return new Restore(i, offsetInPage);
    }

    private abstract static class Area extends FxsaveImage {
        static final int ALIGNMENT = 64;
        static final int STATE_BITS = ExtendedState.HEADER, COMPACTION_BITS = ExtendedState.HEADER + 8;

        Area(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        static void check(Cpu cpu) {
            if ((cpu.state.cr4 & Cr4.XSAVE) == 0) {
                throw cpu.fault(Vector.INVALID_OPCODE);
            }
            if ((cpu.state.cr0 & Cr0.TASK_SWITCHED) != 0) {
                throw cpu.fault(Vector.DEVICE_NOT_AVAILABLE);
            }
        }

        static long requested(Cpu cpu) {
            long mask = cpu.gpr[VcpuState.RDX] << 32 | cpu.gpr[VcpuState.RAX] & 0xFFFF_FFFFL;
            return cpu.state.xcr0 & mask;
        }

        static boolean has(long components, long component) {
            return (components & component) != 0;
        }
    }

    private static final class Save extends Area {
        private final boolean optimised;

        Save(boolean optimised, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.optimised = optimised;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long requested = requested(cpu);
            int size = ExtendedState.size(requested);
            long linear = checkAlignment(cpu, address.linearForWrite(cpu, size), ALIGNMENT);
            cpu.probeWrite(linear, size);
            long inUse = ExtendedState.inUse(cpu.state);
            long kept = cpu.load64(linear + STATE_BITS) & ~requested;
            long written = optimised ? requested & inUse : requested;
            if (has(written, ExtendedState.X87)) {
                saveX87(cpu, linear);
            }
            if (has(requested, ExtendedState.VECTORS)) {
                saveMxcsr(cpu, linear);
            }
            if (has(written, ExtendedState.SSE)) {
                saveXmm(cpu, linear);
            }
            if (has(written, ExtendedState.AVX)) {
                for (int i = 0; i < 2 * xmmRegisters; i++) {
                    cpu.store64(linear + ExtendedState.AVX_OFFSET + 8L * i, cpu.state.ymmHigh[i]);
                }
            }
            if (has(written, ExtendedState.PKRU)) {
                cpu.store64(linear + ExtendedState.PKRU_OFFSET, cpu.state.pkru & 0xFFFF_FFFFL);
            }
            cpu.store64(linear + STATE_BITS, kept | requested & inUse);
        }
    }

    private static final class Restore extends Area {
        Restore(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long requested = requested(cpu);
            int size = ExtendedState.size(requested);
            long linear = checkAlignment(cpu, address.linear(cpu, size), ALIGNMENT);
            cpu.probeRead(linear, size);
            long present = cpu.load64(linear + STATE_BITS);
            long others = cpu.load64(linear + COMPACTION_BITS) | cpu.load64(linear + COMPACTION_BITS + 8);
            if ((present & ~cpu.state.xcr0) != 0 || others != 0) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            if (has(requested, ExtendedState.VECTORS)) {
                cpu.state.mxcsr = Mxcsr.checked(cpu, (int) cpu.load32(linear + MXCSR));
            }
            load(cpu, linear, requested & present);
            reset(cpu, requested & ~present);
        }

        private void load(Cpu cpu, long linear, long components) {
            if (has(components, ExtendedState.SSE)) {
                restoreXmm(cpu, linear);
            }
            if (has(components, ExtendedState.AVX)) {
                for (int i = 0; i < 2 * xmmRegisters; i++) {
                    cpu.state.ymmHigh[i] = cpu.load64(linear + ExtendedState.AVX_OFFSET + 8L * i);
                }
            }
            if (has(components, ExtendedState.X87)) {
                restoreX87(cpu, linear);
            }
            if (has(components, ExtendedState.PKRU)) {
                cpu.protectionKeyRights((int) cpu.load32(linear + ExtendedState.PKRU_OFFSET));
            }
        }

        private void reset(Cpu cpu, long components) {
            if (has(components, ExtendedState.X87)) {
                ExtendedState.resetX87(cpu);
            }
            if (has(components, ExtendedState.SSE)) {
                Arrays.fill(cpu.state.xmm, 0, 2 * xmmRegisters, 0);
            }
            if (has(components, ExtendedState.AVX)) {
                Arrays.fill(cpu.state.ymmHigh, 0, 2 * xmmRegisters, 0);
            }
            if (has(components, ExtendedState.PKRU)) {
                cpu.protectionKeyRights(0);
            }
        }
    }
}
