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

    private static final long PAGING_CR4 = Cr4.PAGE_SIZE_EXTENSIONS
            | Cr4.PHYSICAL_ADDRESS_EXTENSION
            | Cr4.PAGE_GLOBAL
            | Cr4.FIVE_LEVEL
            | Cr4.PROCESS_CONTEXT_IDENTIFIERS
            | Cr4.SMEP
            | Cr4.SMAP
            | Cr4.PROTECTION_KEYS;
    private static final long PDPTE_CR0 = Cr0.PAGING | Cr0.CACHE_DISABLE | Cr0.NOT_WRITE_THROUGH;
    private static final long PDPTE_CR4 =
            Cr4.PAGE_SIZE_EXTENSIONS | Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_GLOBAL | Cr4.SMEP;
    /** Of a value for CR3 while CR4.PCIDE is set: keep the translations of this PCID. It is not stored. */
    private static final long KEEP_TRANSLATIONS = 1L << 63;

    private static final long CONTEXT = 0xFFF;
    private static final long WRITABLE_EFER = Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.NO_EXECUTE;

    /** Types of INVPCID; beside these, 2 drops all and 3 all but global ones. */
    private static final long SINGLE_ADDRESS = 0, SINGLE_CONTEXT = 1, LARGEST_TYPE = 3;

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
                && (paging == wasPaging || (paging ? mayStartPaging(state) : mayStopPaging(state)));
        if (!good) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        boolean toLongMode = paging && (state.efer & Efer.LONG_MODE_ENABLE) != 0;
        if (paging && !toLongMode && ((old ^ value) & PDPTE_CR0) != 0 && isPae(state.cr4)) {
            loadPdptes(cpu, state.cr3, state.pdpte);
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

    private static boolean mayStopPaging(VcpuState state) {
        return !state.is64Bit() && !hasContexts(state);
    }

    private static boolean hasContexts(VcpuState state) {
        return (state.cr4 & Cr4.PROCESS_CONTEXT_IDENTIFIERS) != 0;
    }

    private static boolean isPae(long cr4) {
        return (cr4 & Cr4.PHYSICAL_ADDRESS_EXTENSION) != 0;
    }

    /** Under nested paging every translation is dropped, also where the write asks to keep some: that is allowed, and nothing here is tagged with a PCID. */
    private static void writeCr3(Cpu cpu, long written) {
        VcpuState state = cpu.state;
        long old = state.cr3;
        long value = hasContexts(state) ? written & ~KEEP_TRANSLATIONS : written;
        if (state.isLongModeActive() && (value & ~PHYSICAL) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        if (state.isPaging() && !state.isLongModeActive() && isPae(state.cr4)) {
            loadPdptes(cpu, value, state.pdpte);
        }
        state.cr3 = state.is64Bit() ? value : value & 0xFFFF_FFFFL;
        cpu.memory.guestFlushed(cpu);
        tell(cpu, 3, old);
    }

    private static void writeCr4(Cpu cpu, long value) {
        VcpuState state = cpu.state;
        long old = state.cr4;
        if ((value & ~(CpuFeatures.CR4 | cpu.features.cr4())) != 0 || !mayFollow(state, value)) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        boolean reloads = state.isPaging() && !state.isLongModeActive() && isPae(value);
        if (reloads && ((old ^ value) & PDPTE_CR4) != 0) {
            loadPdptes(cpu, state.cr3, state.pdpte);
        }
        state.cr4 = value;
        changed(cpu, ((old ^ value) & PAGING_CR4) != 0);
        tell(cpu, 4, old);
    }

    /** In long mode PAE stays and LA57 is as it was; PCIDs are turned on in long mode only, and while the current one is 0. */
    private static boolean mayFollow(VcpuState state, long value) {
        long changed = state.cr4 ^ value;
        boolean startsContexts = (changed & value & Cr4.PROCESS_CONTEXT_IDENTIFIERS) != 0;
        if (state.isLongModeActive()) {
            return isPae(value) && (changed & Cr4.FIVE_LEVEL) == 0 && !(startsContexts && (state.cr3 & CONTEXT) != 0);
        }
        return !startsContexts;
    }

    private static void writeCr8(Cpu cpu, long value) {
        if ((value & ~0xFL) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        long old = cpu.state.cr8;
        cpu.state.cr8 = value;
        tell(cpu, 8, old);
    }

    /** WRMSR to EFER. LMA cannot be written, and must be given as it is (AMD APM vol. 2, "Extended Feature Enable Register"). */
    static void writeEfer(Cpu cpu, long value) {
        VcpuState state = cpu.state;
        long old = state.efer;
        boolean changesMode = ((old ^ value) & Efer.LONG_MODE_ACTIVE) != 0
                || ((old ^ value) & Efer.LONG_MODE_ENABLE) != 0 && state.isPaging();
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

    /** INVPCID: of what it names everything is dropped, and more. SDM vol. 2A. */
    static void invalidateContext(Cpu cpu, long type, long context, long linear) {
        boolean isSingle = type == SINGLE_ADDRESS || type == SINGLE_CONTEXT;
        boolean good = (type & ~LARGEST_TYPE) == 0
                && (context & ~CONTEXT) == 0
                && !(isSingle && context != 0 && !hasContexts(cpu.state))
                && (type != SINGLE_ADDRESS || cpu.features.isStorable(linear));
        if (!good) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        if (type == SINGLE_ADDRESS) {
            cpu.memory.invalidate(cpu, linear);
        } else {
            cpu.memory.guestFlushed(cpu);
        }
        if (cpu.intercepts.invalidatePage()) {
            cpu.exitAfter(new Exit.InvalidateContext());
        }
    }

    /**
     * Reads the PDPTEs that {@code cr3} points to; a reserved bit is #GP(0).
     *
     * @param target receives them, only when all are good
     */
    static void loadPdptes(Cpu cpu, long cr3, long[] target) {
        PageWalker walker = cpu.memory.walker();
        if (!walker.isNested()) {
            if (!cpu.memory.handler().readPdptes(cr3, target)) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            return;
        }
        while (true) {
            switch (walker.readPdptes(cr3, target)) {
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
