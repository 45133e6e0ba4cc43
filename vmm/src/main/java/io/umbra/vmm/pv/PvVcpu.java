package io.umbra.vmm.pv;

import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.PvPaging;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.Sleep;
import io.umbra.vmm.xen.VcpuInfo;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.RFlags;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/**
 * A virtual processor of a 64-bit PV guest: the state that such a guest has beside the registers. Kernel and user both run at CPL 3; which of them it is decides about the address space and which
 * GS base is active. Xen: {@code struct pv_vcpu}, {@code toggle_guest_mode}.
 */
final class PvVcpu {
    /** The hypervisor's own flat segments, of which every GDT has descriptors. Xen: {@code FLAT_RING3_CS64}, {@code FLAT_RING3_DS}. */
    static final int FLAT_CODE_64 = 0xE033, FLAT_DATA = 0xE02B, FLAT_CODE_32 = 0xE023;

    /** The GDT that the processor sees: 14 frames of the guest's and the hypervisor's own. */
    private static final int GDT_LIMIT = 0xEFFF;

    private static final int RING_3 = 3 << 5;
    private static final int CODE_64 = SegmentRegister.PRESENT
            | SegmentRegister.CODE_OR_DATA
            | SegmentRegister.CODE
            | SegmentRegister.READ_WRITE
            | SegmentRegister.ACCESSED
            | SegmentRegister.GRANULARITY
            | SegmentRegister.LONG
            | RING_3;
    private static final int DATA = SegmentRegister.PRESENT
            | SegmentRegister.CODE_OR_DATA
            | SegmentRegister.READ_WRITE
            | SegmentRegister.ACCESSED
            | SegmentRegister.GRANULARITY
            | SegmentRegister.DEFAULT_BIG
            | RING_3;
    private static final long FLAT = 0xFFFF_FFFFL;

    /** CR0 as a guest sees it at first: what matters to it is TS. */
    private static final long INITIAL_CR0 = Cr0.PROTECTION
            | Cr0.MONITOR_COPROCESSOR
            | Cr0.EXTENSION_TYPE
            | Cr0.NUMERIC_ERROR
            | Cr0.WRITE_PROTECT
            | Cr0.ALIGNMENT_MASK
            | Cr0.PAGING;

    private static final long REAL_CR4 =
            Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FXSAVE | Cr4.SIMD_EXCEPTIONS | Cr4.DEBUGGING_EXTENSIONS;

    final VcpuState state;
    final VcpuInfo info;
    final TrapTable traps = new TrapTable();
    final Callbacks callbacks = new Callbacks();
    final Sleep sleep = new Sleep();
    private final SoftwareProcessor processor;
    private final PvPaging paging;
    private final PvTables tables;

    private boolean kernel = true;

    /** Where a frame goes when user mode is interrupted. */
    long kernelStack;

    int kernelStackSelector;
    /** 0 … 3: from which ring port accesses and CLI are permitted; a kernel counts as ring 1. */
    int ioPrivilege;
    /** An NMI waits for its handler. */
    boolean nmiPending;

    /** Where the guest has its LDT. */
    private long ldt;

    /** Where the guest has a bitmap of ports that user mode may use: clear bits permit. */
    private long portBitmap;

    private int ports;

    PvVcpu(SoftwareProcessor processor, VcpuInfo info, PvPaging paging, PvTables tables) {
        this.processor = processor;
        this.state = processor.state();
        this.info = info;
        this.paging = paging;
        this.tables = tables;
        state.gdtBase = tables.gdtBase();
        state.gdtLimit = GDT_LIMIT;
        state.cr0 = INITIAL_CR0;
        state.cr4 = REAL_CR4;
        state.efer = Efer.SYSCALL | Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
        state.cpl = 3;
        state.rflags = RFlags.ALWAYS_ONE | RFlags.INTERRUPT;
        flatSegments();
        for (int segment : new int[] {VcpuState.ES, VcpuState.DS, VcpuState.FS, VcpuState.GS}) {
            state.segments[segment].set(0, 0, 0, SegmentRegister.UNUSABLE);
        }
        state.ldtr.set(0, 0, 0, SegmentRegister.UNUSABLE);
        state.tr.set(0, 0, 0, SegmentRegister.UNUSABLE);
    }

    /** CS and SS as every handler of the guest kernel's starts. */
    void flatSegments() {
        state.segments[VcpuState.CS].set(FLAT_CODE_64, 0, FLAT, CODE_64);
        state.segments[VcpuState.SS].set(FLAT_DATA, 0, FLAT, DATA);
    }

    // ---- kernel and user mode
    // ------------------------------------------------------------------------------------------

    /** Something waits that enters the guest's kernel: an NMI, or an event that is not masked. */
    boolean hasEvent() {
        return nmiPending || info.isPending() && !info.isMasked();
    }

    boolean isKernel() {
        return kernel;
    }

    boolean hasUserBase() {
        return tables.userBase() != 0;
    }

    /** The frame of the top table in force. */
    long base() {
        return kernel ? tables.kernelBase() : tables.userBase();
    }

    void enterKernel() {
        if (!kernel) {
            toggle();
        }
    }

    /** There must be a user root. */
    void enterUser() {
        if (kernel) {
            toggle();
        }
    }

    private void toggle() {
        kernel = !kernel;
        SegmentRegister gs = state.segments[VcpuState.GS];
        long active = gs.base;
        gs.base = state.kernelGsBase;
        state.kernelGsBase = active;
        loadBase();
    }

    /** Hardware CR3 becomes what the mode asks for. */
    void loadBase() {
        long old = state.cr3;
        state.cr3 = base() << 12;
        paging.controlRegisterWritten(0, 3, old);
    }

    /** The GS base that is active in user mode. */
    void userGsBase(long linear) {
        if (kernel) {
            state.kernelGsBase = linear;
        } else {
            state.segments[VcpuState.GS].base = linear;
        }
    }

    void kernelGsBase(long linear) {
        if (kernel) {
            state.segments[VcpuState.GS].base = linear;
        } else {
            state.kernelGsBase = linear;
        }
    }

    /** Whether accesses that need an IOPL are permitted now. */
    boolean hasIoPrivilege() {
        return ioPrivilege >= (kernel ? 1 : 3);
    }

    /** @param count of its bits, from port 0 on */
    void portBitmap(long linear, int count) {
        portBitmap = linear;
        ports = count;
    }

    /** Whether the present mode may use the ports, by IOPL or else by the bitmap. */
    boolean permitsPorts(int first, int count, GuestMemory memory) {
        if (hasIoPrivilege()) {
            return true;
        }
        for (int port = first; port < first + count; port++) {
            if (port >= ports || !isClear(port, memory)) {
                return false;
            }
        }
        return true;
    }

    private boolean isClear(int port, GuestMemory memory) {
        try {
            return (memory.readByte(portBitmap + (port >>> 3)) >>> (port & 7) & 1) == 0;
        } catch (BadPointer pointer) {
            return false;
        }
    }

    void ldt(long linear) {
        ldt = linear;
    }

    /** The linear address of the guest's LDT as it knows it. */
    long ldt() {
        return ldt;
    }

    SoftwareProcessor processor() {
        return processor;
    }
}
