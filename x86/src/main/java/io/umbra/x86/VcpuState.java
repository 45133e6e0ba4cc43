package io.umbra.x86;

/**
 * The architectural state of one virtual processor: what a VMCB's save area and the general registers hold. Whoever runs
 * the guest ({@link Processor}) works on this object; it is precise whenever {@link Processor#run} is not active, and inside a
 * {@link FaultHandler} it describes the start of the faulting instruction, but for {@link #rflags}, whose status bits may be stale there.
 *
 * <p>Guest CR3 is a plain value here: the root that the processor really walks is set by {@link Tlb#load}.
 */
public final class VcpuState {
    public static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    public static final int ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5;

    /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 … R15. */
    public final long[] gpr = new long[16];

    public long rip;
    public long rflags = RFlags.ALWAYS_ONE;

    /** ES, CS, SS, DS, FS, GS. */
    public final SegmentRegister[] segments = new SegmentRegister[6];

    public final SegmentRegister ldtr = new SegmentRegister();
    public final SegmentRegister tr = new SegmentRegister();
    public long gdtBase;
    public int gdtLimit;
    public long idtBase;
    public int idtLimit;
    /** Current privilege level. */
    public int cpl;

    public long cr0 = Cr0.RESET;
    public long cr2;
    public long cr3;
    public long cr4;
    public long cr8;
    public long efer;
    /** XCR0; bit 0 (x87) is always set. */
    public long xcr0 = 1;

    /** Protection-key rights of user pages: bit 2i denies access to key i, bit 2i+1 denies writes. */
    public int pkru;

    /** The four PDPTE registers of PAE paging, as loaded by the last MOV to CR3 or mode change. */
    public final long[] pdpte = new long[4];

    /** DR0 … DR3, two unused, DR6, DR7. */
    public final long[] dr = {0, 0, 0, 0, 0, 0, 0xFFFF_0FF0L, 0x400};

    public long star;
    public long lstar;
    public long cstar;
    public long syscallMask;
    public long kernelGsBase;
    public long sysenterCs;
    public long sysenterEsp;
    public long sysenterEip;
    public long pat = 0x0007_0406_0007_0406L;
    public long tscAux;

    /** XMM0 … XMM15: low half of register n at 2n, high half at 2n+1. */
    public final long[] xmm = new long[32];

    /** The upper halves of YMM0 … YMM15: bits 191..128 of register n at 2n, bits 255..192 at 2n+1. */
    public final long[] ymmHigh = new long[32];

    public int mxcsr = 0x1F80;

    /** x87 physical registers R0 … R7: significands and sign-exponents; MMX shares the significands. */
    public final long[] x87Significand = new long[8];

    public final int[] x87SignExponent = new int[8];
    public int x87Control = 0x37F;
    /** TOP is in bits 13..11. */
    public int x87Status;
    /** One bit a physical register: set = empty. FXSAVE's abridged tag is its complement. */
    public int x87Empty = 0xFF;

    public int x87Opcode;
    public long x87InstructionPointer;
    public int x87InstructionSelector;
    public long x87DataPointer;
    public int x87DataSelector;

    /** The instruction after STI, or MOV or POP to SS, is not interrupted. */
    public boolean interruptShadow;
    /** An NMI was delivered and no IRET followed yet. */
    public boolean nmiBlocked;

    /** Instructions retired since the machine was made. Exact outside {@link Processor#run}; see {@link Processor#retired}. */
    public long instructions;
    /** TSC = retired instructions + this. */
    public long tscOffset;

    public VcpuState() {
        for (int i = 0; i < segments.length; i++) {
            segments[i] = new SegmentRegister();
        }
    }

    /** CR0.PE is set: real mode is left. In virtual-8086 mode too. */
    public boolean isProtectedMode() {
        return (cr0 & Cr0.PROTECTION) != 0;
    }

    public boolean isPaging() {
        return (cr0 & Cr0.PAGING) != 0;
    }

    public boolean isLongModeActive() {
        return (efer & Efer.LONG_MODE_ACTIVE) != 0;
    }

    /** Code runs with 64-bit addresses: long mode is active and CS.L is set. */
    public boolean is64Bit() {
        return isLongModeActive() && segments[CS].isLong();
    }

    public boolean interruptsEnabled() {
        return (rflags & RFlags.INTERRUPT) != 0;
    }
}
