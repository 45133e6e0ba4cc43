package io.umbra.vmm;

import io.umbra.vmm.loader.EntryState;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/** Puts a vCPU into the state that a boot protocol starts a guest in. */
final class EntryRegisters {
    private static final long FLAT_LIMIT = 0xFFFF_FFFFL;
    private static final int CODE_64 = 0xA9B;
    private static final int CODE_32 = 0xC9B;
    private static final int DATA = 0xC93;
    private static final int BUSY_TSS_32 = 0x8B;
    private static final int TSS_LIMIT = 0x67;
    private static final int LDT = 0x82;

    static void set(VcpuState state, EntryState entry) {
        state.rflags = RFlags.ALWAYS_ONE;
        state.cpl = 0;
        state.tr.set(0, 0, TSS_LIMIT, BUSY_TSS_32);
        state.ldtr.set(0, 0, 0, LDT | SegmentRegister.UNUSABLE);
        switch (entry) {
            case EntryState.LongMode longMode -> set(state, longMode);
            case EntryState.Pvh pvh -> set(state, pvh);
            case EntryState.Linux32 linux -> set(state, linux);
            case EntryState.Multiboot multiboot -> set(state, multiboot);
        }
    }

    private static void set(VcpuState state, EntryState.LongMode entry) {
        state.cr0 = Cr0.PROTECTION | Cr0.EXTENSION_TYPE | Cr0.PAGING;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE;
        state.cr3 = entry.cr3();
        state.gdtBase = entry.gdtBase();
        state.gdtLimit = entry.gdtLimit();
        segments(state, CODE_64, EntryState.CODE_SELECTOR, EntryState.DATA_SELECTOR);
        state.segments[VcpuState.FS].set(0, 0, 0, SegmentRegister.UNUSABLE);
        state.segments[VcpuState.GS].set(0, 0, 0, SegmentRegister.UNUSABLE);
        state.rip = entry.rip();
        state.gpr[VcpuState.RSP] = entry.rsp();
        state.gpr[VcpuState.RSI] = entry.rsi();
        state.gpr[VcpuState.RDI] = entry.rdi();
    }

    private static void set(VcpuState state, EntryState.Pvh entry) {
        protectedMode(state, entry.eip(), 0x08, 0x10);
        state.gpr[VcpuState.RBX] = entry.startInfo();
    }

    private static void set(VcpuState state, EntryState.Linux32 entry) {
        protectedMode(state, entry.eip(), EntryState.CODE_SELECTOR, EntryState.DATA_SELECTOR);
        state.gdtBase = entry.gdtBase();
        state.gdtLimit = entry.gdtLimit();
        state.gpr[VcpuState.RSP] = entry.esp();
        state.gpr[VcpuState.RSI] = entry.zeroPage();
    }

    private static void set(VcpuState state, EntryState.Multiboot entry) {
        protectedMode(state, entry.eip(), 0x08, 0x10);
        state.gpr[VcpuState.RAX] = EntryState.Multiboot.MAGIC;
        state.gpr[VcpuState.RBX] = entry.info();
    }

    private static void protectedMode(VcpuState state, long eip, int codeSelector, int dataSelector) {
        state.cr0 = Cr0.PROTECTION | Cr0.EXTENSION_TYPE;
        segments(state, CODE_32, codeSelector, dataSelector);
        state.rip = eip;
    }

    private static void segments(VcpuState state, int code, int codeSelector, int dataSelector) {
        for (SegmentRegister segment : state.segments) {
            segment.set(dataSelector, 0, FLAT_LIMIT, DATA);
        }
        state.segments[VcpuState.CS].set(codeSelector, 0, FLAT_LIMIT, code);
    }

    private EntryRegisters() {}
}
