package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.Intercepts;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * Writes to CR0, CR3, CR4, CR8 and EFER: the checks that raise #GP(0), what a write brings with it, and the exit behind it. Intel SDM vol. 3A,
 * "Control Registers" and "Initializing IA-32e Mode".
 *
 * <p>The PDPTEs of PAE paging are read here when the processor walks the guest's tables; under shadows only the hypervisor can find them, and is asked.
 */
final class ControlRegisters {
    private static final long PHYSICAL = (1L << CpuFeatures.PHYSICAL_ADDRESS_BITS) - 1;
    /** A change of these may change any translation. */
    private static final long PAGING_CR0 = Cr0.PAGING | Cr0.WRITE_PROTECT | Cr0.PROTECTION;

    private static final long PAGING_CR4 =
            Cr4.PAGE_SIZE_EXTENSIONS | Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_GLOBAL | Cr4.SMEP | Cr4.SMAP;
    private static final long PDPTE_CR0 = Cr0.PAGING | Cr0.CACHE_DISABLE | Cr0.NOT_WRITE_THROUGH;
    private static final long PDPTE_CR4 =
            Cr4.PAGE_SIZE_EXTENSIONS | Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_GLOBAL | Cr4.SMEP;
    private static final long WRITABLE_EFER = Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.NO_EXECUTE;

    /** MOV to CR{@code number}. */
    static void write(Cpu cpu, int number, long value) {
        requireKernel(cpu);
        switch (number) {
            case 0 -> writeCr0(cpu, value);
            case 2 -> cpu.state.cr2 = value;
            case 3 -> writeCr3(cpu, value);
            case 4 -> writeCr4(cpu, value);
            case 8 -> writeCr8(cpu, value);
            default -> throw cpu.fault(Vector.INVALID_OPCODE);
        }
    }

    static long read(Cpu cpu, int number) {
        requireKernel(cpu);
        return switch (number) {
            case 0 -> cpu.state.cr0;
            case 2 -> cpu.state.cr2;
            case 3 -> cpu.state.cr3;
            case 4 -> cpu.state.cr4;
            case 8 -> cpu.state.cr8;
            default -> throw cpu.fault(Vector.INVALID_OPCODE);
        };
    }

    static void requireKernel(Cpu cpu) {
        if (cpu.state.cpl != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
    }

    static void writeCr0(Cpu cpu, long written) {
        VcpuState state = cpu.state;
        long old = state.cr0;
        long value = written & Cr0.DEFINED | Cr0.EXTENSION_TYPE;
        boolean paging = (value & Cr0.PAGING) != 0;
        boolean wasPaging = state.isPaging();
        boolean good = written >>> 32 == 0
                && (!paging || (value & Cr0.PROTECTION) != 0)
                && ((value & Cr0.NOT_WRITE_THROUGH) == 0 || (value & Cr0.CACHE_DISABLE) != 0)
                && (paging == wasPaging || (paging ? mayStartPaging(state) : !state.is64Bit()));
        if (!good) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        boolean toLongMode = paging && (state.efer & Efer.LONG_MODE_ENABLE) != 0;
        if (paging && !toLongMode && ((old ^ value) & PDPTE_CR0) != 0 && isPae(state.cr4)) {
            loadPdptes(cpu, state.cr3);
        }
        state.cr0 = value;
        if (paging != wasPaging) {
            state.efer = toLongMode ? state.efer | Efer.LONG_MODE_ACTIVE : state.efer & ~Efer.LONG_MODE_ACTIVE;
        }
        changed(cpu, ((old ^ value) & PAGING_CR0) != 0);
        tell(cpu, 0, old);
    }

    /** With EFER.LME set, PAE must be on, CS must not be a 64-bit segment yet, nor the TSS a 16-bit one. */
    private static boolean mayStartPaging(VcpuState state) {
        if ((state.efer & Efer.LONG_MODE_ENABLE) == 0) {
            return true;
        }
        boolean narrowTask = state.tr.isUsable() && state.tr.type() == Descriptor.TSS_16_BUSY;
        return isPae(state.cr4) && !state.segments[VcpuState.CS].isLong() && !narrowTask;
    }

    private static boolean isPae(long cr4) {
        return (cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) != 0;
    }

    private static void writeCr3(Cpu cpu, long value) {
        VcpuState state = cpu.state;
        long old = state.cr3;
        if (state.isLongModeActive() && (value & ~PHYSICAL) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        if (state.isPaging() && !state.isLongModeActive() && isPae(state.cr4)) {
            loadPdptes(cpu, value);
        }
        state.cr3 = state.is64Bit() ? value : value & 0xFFFF_FFFFL;
        cpu.memory.flush(cpu);
        tell(cpu, 3, old);
    }

    private static void writeCr4(Cpu cpu, long value) {
        VcpuState state = cpu.state;
        long old = state.cr4;
        boolean dropsPae = isPae(old) && !isPae(value) && state.isLongModeActive();
        if ((value & ~CpuFeatures.CR4) != 0 || dropsPae) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        boolean reloads = state.isPaging() && !state.isLongModeActive() && isPae(value);
        if (reloads && ((old ^ value) & PDPTE_CR4) != 0) {
            loadPdptes(cpu, state.cr3);
        }
        state.cr4 = value;
        changed(cpu, ((old ^ value) & PAGING_CR4) != 0);
        tell(cpu, 4, old);
    }

    private static void writeCr8(Cpu cpu, long value) {
        if ((value & ~0xFL) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        long old = cpu.state.cr8;
        cpu.state.cr8 = value;
        tell(cpu, 8, old);
    }

    /** WRMSR to EFER. LMA is not written. */
    static void writeEfer(Cpu cpu, long value) {
        VcpuState state = cpu.state;
        long old = state.efer;
        boolean changesMode = ((old ^ value) & Efer.LONG_MODE_ENABLE) != 0 && state.isPaging();
        if ((value & ~(WRITABLE_EFER | Efer.LONG_MODE_ACTIVE)) != 0 || changesMode) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        state.efer = value & WRITABLE_EFER | old & Efer.LONG_MODE_ACTIVE;
        changed(cpu, ((old ^ value) & Efer.NO_EXECUTE) != 0);
        if ((cpu.intercepts.controlRegisterWrites() & Intercepts.EFER) != 0) {
            cpu.exitAfter(new Exit.EferWritten(old));
        }
    }

    /** LMSW: bits 3..0, and PE only upwards. */
    static void loadStatusWord(Cpu cpu, long value) {
        requireKernel(cpu);
        long kept = cpu.state.cr0 & ~0xEL;
        writeCr0(cpu, kept | value & 0xF);
    }

    static void clearTaskSwitched(Cpu cpu) {
        requireKernel(cpu);
        long old = cpu.state.cr0;
        cpu.state.cr0 &= ~Cr0.TASK_SWITCHED;
        tell(cpu, 0, old);
    }

    /** Reads the PDPTEs that {@code cr3} points to, when that is the processor's business; a reserved bit is #GP(0). */
    static void loadPdptes(Cpu cpu, long cr3) {
        PageWalker walker = cpu.memory.walker();
        if (!walker.isNested()) {
            if (!cpu.memory.handler().readPdptes(cr3, cpu.state.pdpte)) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            return;
        }
        while (true) {
            switch (walker.readPdptes(cr3, cpu.state.pdpte)) {
                case MAPPED -> {
                    return;
                }
                case PAGE_FAULT -> throw cpu.fault(Vector.GENERAL_PROTECTION);
                case NESTED_FAULT -> cpu.memory.nestedFault(cpu, 0);
            }
        }
    }

    private static void changed(Cpu cpu, boolean mappings) {
        if (mappings) {
            cpu.memory.flush(cpu);
        }
        cpu.codeModeChanged();
        cpu.privilegeChanged();
    }

    private static void tell(Cpu cpu, int number, long old) {
        if (cpu.intercepts.controlRegister(number)) {
            cpu.exitAfter(new Exit.ControlRegister(number, old));
        }
    }

    private ControlRegisters() {}
}
