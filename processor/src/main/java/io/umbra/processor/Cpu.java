package io.umbra.processor;

import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.HostMemory;
import io.umbra.x86.Intercepts;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.jspecify.annotations.Nullable;

/**
 * What an instruction sees: registers, flags, and linear memory through the TLB. The fast paths of memory access are here and are short enough to be inlined;
 * everything else about memory (walks, faults, page crossings, code pages, emulation) is behind {@link MemoryUnit}.
 */
final class Cpu {
    private static final long PAGE = -4096L;
    private static final long STEPPING = RFlags.TRAP | RFlags.RESUME;

    final VcpuState state;
    /** The same array as {@code state.gpr}. */
    final long[] gpr;

    final Flags flags = new Flags();
    final FloatEnvironment floats = new FloatEnvironment();
    /** A vector's new value while it may still be refused. */
    final long[] lanes = new long[4];

    final X87Unit x87;
    final MemoryUnit memory;
    final PagingFeatures features;
    final GuestException exception = new GuestException();

    /**
     * RIP of the next instruction, valid between blocks and after an instruction that {@linkplain Op#endsBlock() ended its block}. Inside a block
     * an instruction finds its own with {@link Op#rip}.
     */
    long rip;
    /** RIP that corresponds to the first byte of the page that the running block lies in. */
    long ripBase;
    /** All ones in 64-bit mode, 0xFFFFFFFF in 32-bit and 0xFFFF in 16-bit code. */
    long ripMask = -1;

    /** Set by an instruction that needs the hypervisor; the run loop returns it. */
    @Nullable
    Exit exit;

    /** How many operations of the running block may still start at most: lowered to 0 to leave the block after the current one. */
    int opLimit;
    /** The running instruction is emulated on behalf of the hypervisor: memory goes to a port, REP makes one iteration. */
    boolean emulating;
    /** Under emulation: a REP has iterations left, RIP stays. */
    boolean repeatAgain;

    /** Translations for the current privilege; chosen by {@link #privilegeChanged}. */
    TlbBank bank;
    /** 1 … 4095, in the low bits of every valid tag. */
    long generation = 1;

    /** Where code of the current privilege is; chosen by {@link #privilegeChanged}. */
    CodeTlb codeTlb;
    /** 16, 32 or 64: how code is decoded; kept by {@link #codeModeChanged}. */
    int codeMode = 64;

    /** The running block, or null between blocks; and the place in it of the running operation, which is also how many of it are complete. */
    @Nullable
    Block running;

    int opIndex;

    /** {@link #exit} came before its instruction: RIP stays on it and it is not counted. */
    boolean exitsBefore;
    /** Polled between blocks and by long REPs. */
    volatile boolean stopRequested;
    /** Bits of DR6 for the #DB trap behind the running instruction. */
    long debugHits;

    /** A task switch went so far that {@link #rip} is the new task's: a fault behind that point belongs to it. */
    boolean ripIsCommitted;
    /** What an IN or INS that left the guest waits for. */
    @Nullable
    PortInput pendingInput;
    /** Up to this count of instructions translated code may run; see {@link #leaveRegion}. */
    long regionEnd;

    /** The instruction was an event of its own (INT n), whose delivery is not followed by a single-step trap. */
    boolean trapSuppressed;

    /** An event, a trap, a wanted interrupt window or a breakpoint is to be looked at before the next instruction. */
    boolean isWatchful;

    Intercepts intercepts = Intercepts.NESTED;

    /** Host offset of the operand between {@code rmwLoad} and {@code rmwStore}, or negative when the slow path keeps it. */
    private long rmwOffset;

    Cpu(VcpuState state, MemoryUnit memory) {
        this(state, memory, PagingFeatures.OFFERED);
    }

    Cpu(VcpuState state, MemoryUnit memory, PagingFeatures features) {
        this.state = state;
        this.features = features;
        this.gpr = state.gpr;
        this.memory = memory;
        this.x87 = new X87Unit(state);
        this.bank = memory.bank(0, false, false);
        this.codeTlb = memory.codeTlb(0);
    }

    // ---- linear memory: loads are zero-extended -------------------------------------------------------------------

    long load8(long linear) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.READ] == (linear & PAGE | generation)) {
            return HostMemory.getByte(words[at + TlbBank.ADDEND] + linear);
        }
        return memory.loadSlow(this, linear, 1);
    }

    long load16(long linear) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.READ] == (linear + 1 & PAGE | generation)) {
            return HostMemory.getShort(words[at + TlbBank.ADDEND] + linear);
        }
        return memory.loadSlow(this, linear, 2);
    }

    long load32(long linear) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.READ] == (linear + 3 & PAGE | generation)) {
            return HostMemory.getInt(words[at + TlbBank.ADDEND] + linear) & 0xFFFF_FFFFL;
        }
        return memory.loadSlow(this, linear, 4);
    }

    long load64(long linear) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.READ] == (linear + 7 & PAGE | generation)) {
            return HostMemory.getLong(words[at + TlbBank.ADDEND] + linear);
        }
        return memory.loadSlow(this, linear, 8);
    }

    /** @param size 1, 2, 4 or 8 bytes */
    long load(long linear, int size) {
        return switch (size) {
            case 8 -> load64(linear);
            case 4 -> load32(linear);
            case 2 -> load16(linear);
            default -> load8(linear);
        };
    }

    void store8(long linear, long value) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.WRITE] == (linear & PAGE | generation)) {
            HostMemory.putByte(words[at + TlbBank.ADDEND] + linear, (int) value);
        } else {
            memory.storeSlow(this, linear, 1, value);
        }
    }

    void store16(long linear, long value) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.WRITE] == (linear + 1 & PAGE | generation)) {
            HostMemory.putShort(words[at + TlbBank.ADDEND] + linear, (int) value);
        } else {
            memory.storeSlow(this, linear, 2, value);
        }
    }

    void store32(long linear, long value) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.WRITE] == (linear + 3 & PAGE | generation)) {
            HostMemory.putInt(words[at + TlbBank.ADDEND] + linear, (int) value);
        } else {
            memory.storeSlow(this, linear, 4, value);
        }
    }

    void store64(long linear, long value) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.WRITE] == (linear + 7 & PAGE | generation)) {
            HostMemory.putLong(words[at + TlbBank.ADDEND] + linear, value);
        } else {
            memory.storeSlow(this, linear, 8, value);
        }
    }

    /** @param size 1, 2, 4 or 8 bytes */
    void store(long linear, int size, long value) {
        switch (size) {
            case 8 -> store64(linear, value);
            case 4 -> store32(linear, value);
            case 2 -> store16(linear, value);
            default -> store8(linear, value);
        }
    }

    /**
     * The load of a read-modify-write: needs and checks the right to write. Followed by at most one {@link #rmwStore} of the same size, with no other
     * memory access between them. The pair is atomic towards other processors only under LOCK ({@link MemoryUnit} decides how).
     */
    long rmwLoad(long linear, int size) {
        int at = TlbBank.at(linear);
        long[] words = bank.words;
        if (words[at + TlbBank.WRITE] == (linear + size - 1 & PAGE | generation)) {
            long offset = words[at + TlbBank.ADDEND] + linear;
            rmwOffset = offset;
            return switch (size) {
                case 8 -> HostMemory.getLong(offset);
                case 4 -> HostMemory.getInt(offset) & 0xFFFF_FFFFL;
                case 2 -> HostMemory.getShort(offset);
                default -> HostMemory.getByte(offset);
            };
        }
        rmwOffset = -1;
        return memory.rmwLoadSlow(this, linear, size);
    }

    void rmwStore(int size, long value) {
        long offset = rmwOffset;
        if (offset < 0) {
            memory.rmwStoreSlow(this, size, value);
            return;
        }
        switch (size) {
            case 8 -> HostMemory.putLong(offset, value);
            case 4 -> HostMemory.putInt(offset, (int) value);
            case 2 -> HostMemory.putShort(offset, (int) value);
            default -> HostMemory.putByte(offset, (int) value);
        }
    }

    /** Makes sure that reading {@code size} bytes (any number, at most two pages) will not fault, or raises the fault. */
    void probeRead(long linear, int size) {
        int at = TlbBank.at(linear);
        if (bank.words[at + TlbBank.READ] != (linear + size - 1 & PAGE | generation)) {
            memory.probeSlow(this, linear, size, 0);
        }
    }

    /** The same for writing. */
    void probeWrite(long linear, int size) {
        int at = TlbBank.at(linear);
        if (bank.words[at + TlbBank.WRITE] != (linear + size - 1 & PAGE | generation)) {
            memory.probeSlow(this, linear, size, PageFaultCode.WRITE);
        }
    }

    /** An access that the processor makes itself: supervisor whatever the CPL, and EFLAGS.AC does not help it against SMAP. */
    long implicitLoad(long linear, int size) {
        return memory.implicitLoad(this, linear, size);
    }

    void implicitStore(long linear, int size, long value) {
        memory.implicitStore(this, linear, size, value);
    }

    /** An instruction boundary is not simply passed: single-step, an interrupt shadow, or whatever {@link #isWatchful} tells. */
    boolean needsAttention() {
        return (state.rflags & STEPPING) != 0 || state.interruptShadow || isWatchful;
    }

    /** The block that has just ended is not simply complete. */
    boolean isUnusual() {
        return exit != null || softwareEvent != null || repeatAgain;
    }

    /** Translated code goes back to the run loop at the end of the running block. */
    void leaveRegion() {
        regionEnd = Long.MIN_VALUE;
    }

    /** RIP of the running instruction, or of the next one between blocks. */
    long currentRip() {
        Block block = running;
        return block == null ? rip : block.ops[opIndex].rip(this);
    }

    /** Instructions retired, exact at any time. */
    long retired() {
        return state.instructions + (running == null ? 0 : opIndex);
    }

    /** Leaves the guest behind an instruction that is complete; the caller has set {@link #rip}. */
    void exitAfter(Exit reason) {
        exit = reason;
        exitsBefore = false;
    }

    /** Leaves the guest before an instruction that has done nothing. */
    void exitBefore(Exit reason) {
        exit = reason;
        exitsBefore = true;
    }

    // ---- what may be used
    // ---------------------------------------------------------------------------------------------

    /** x87 instructions, but WAIT: #NM while CR0.EM or CR0.TS is set. */
    void checkX87() {
        if ((state.cr0 & (Cr0.EMULATION | Cr0.TASK_SWITCHED)) != 0) {
            throw fault(Vector.DEVICE_NOT_AVAILABLE);
        }
    }

    /** MMX instructions: #UD while CR0.EM is set, #NM while CR0.TS is. */
    void checkMmx() {
        if ((state.cr0 & Cr0.EMULATION) != 0) {
            throw fault(Vector.INVALID_OPCODE);
        }
        checkX87();
    }

    /** SSE instructions: as MMX, and #UD without CR4.OSFXSR. */
    void checkSse() {
        if ((state.cr4 & Cr4.FXSAVE) == 0) {
            throw fault(Vector.INVALID_OPCODE);
        }
        checkMmx();
    }

    /** VEX-coded instructions on general registers: #UD outside protected mode and in virtual-8086 mode. */
    void checkVex() {
        if ((state.cr0 & Cr0.PROTECTION) == 0 || (state.rflags & RFlags.VIRTUAL_8086) != 0) {
            throw fault(Vector.INVALID_OPCODE);
        }
    }

    /** VEX-coded instructions on vectors: #UD, too, unless the operating system saves XMM and YMM registers with XSAVE; #NM while CR0.TS is set. CR0.EM and CR4.OSFXSR do not count. */
    void checkAvx() {
        checkVex();
        if ((state.cr4 & Cr4.XSAVE) == 0 || (~state.xcr0 & ExtendedState.VECTORS) != 0) {
            throw fault(Vector.INVALID_OPCODE);
        }
        if ((state.cr0 & Cr0.TASK_SWITCHED) != 0) {
            throw fault(Vector.DEVICE_NOT_AVAILABLE);
        }
    }

    // ---- segments ---------------------------------------------------------------------------------------------------

    /** Base that applies in 64-bit mode: only FS and GS have one. */
    long longModeBase(int segment) {
        return segment >= VcpuState.FS ? state.segments[segment].base : 0;
    }

    /** Outside 64-bit mode: checks type and limit (#GP(0), #SS(0)) and adds the base, within 32 bits. */
    long legacyLinear(int segment, long offset, int bytes, boolean write) {
        return SegmentUnit.linear(this, segment, offset, bytes, write);
    }

    // ---- addresses
    // ------------------------------------------------------------------------------------------------------------

    /** Whether code may use {@code linear} in the current paging mode. SDM vol. 1, "Canonical Addressing". */
    boolean isCanonical(long linear) {
        return linear << 16 >> 16 == linear || isFiveLevelAddress(linear);
    }

    private boolean isFiveLevelAddress(long linear) {
        return (state.cr4 & Cr4.FIVE_LEVEL) != 0 && linear << 7 >> 7 == linear;
    }

    /** Sets PKRU; rights that were cached under the old one are forgotten. */
    void protectionKeyRights(int value) {
        if (state.pkru != value) {
            state.pkru = value;
            memory.flush(this);
        }
    }

    // ---- exceptions -------------------------------------------------------------------------------------------------

    /** To be thrown: {@code throw cpu.fault(Vector.INVALID_OPCODE)}. */
    GuestException fault(int vector) {
        return fault(vector, 0);
    }

    GuestException fault(int vector, int errorCode) {
        exception.reason = GuestException.Reason.EXCEPTION;
        exception.vector = vector;
        exception.errorCode = errorCode;
        return exception;
    }

    /** An instruction that raises a software event (INT n, INT3, INTO, INT1) leaves it here and ends its block; RIP stays on the instruction. */
    @Nullable
    Event softwareEvent;

    // ---- control ----------------------------------------------------------------------------------------------------

    /** For a near branch: sets {@link #rip}, cut to the mode. In 64-bit mode a non-canonical target raises #GP(0); outside it, one beyond the CS limit does. */
    void jump(long target) {
        rip = branchTarget(target);
    }

    /** The check of {@link #jump} alone, for a branch that has more to do before it commits. */
    long branchTarget(long target) {
        long masked = target & ripMask;
        if (ripMask == -1L) {
            if (!isCanonical(masked)) {
                throw fault(Vector.GENERAL_PROTECTION);
            }
        } else if (masked > state.segments[VcpuState.CS].limit) {
            throw fault(Vector.GENERAL_PROTECTION);
        }
        return masked;
    }

    /** Must be called after any change of CPL, EFLAGS.AC, CR0, CR4 or EFER: chooses the TLB bank. */
    void privilegeChanged() {
        bank = memory.bank(state.cpl, (state.rflags & RFlags.ALIGNMENT_CHECK) != 0, state.isPaging());
        codeTlb = memory.codeTlb(state.cpl);
    }

    /** Must be called after any change of CS or EFER.LMA: chooses the width of RIP. */
    void codeModeChanged() {
        codeMode = state.is64Bit() ? 64 : state.segments[VcpuState.CS].isBig() ? 32 : 16;
        ripMask = codeMode == 64 ? -1L : codeMode == 32 ? 0xFFFF_FFFFL : 0xFFFF;
    }

    /** RFLAGS with the lazy flags filled in. */
    long rflags() {
        return state.rflags & ~RFlags.STATUS | flags.toRFlags();
    }

    /** Sets all of RFLAGS (the caller has masked what may change). */
    void rflags(long value) {
        state.rflags = value | RFlags.ALWAYS_ONE;
        flags.fromRFlags(value);
        privilegeChanged();
    }

    // ---- registers --------------------------------------------------------------------------------------------------

    /** Writes {@code size} bytes of a register: 4 clears the upper half, 1 and 2 leave the rest. AH … BH are {@link #setHighByte}. */
    void setRegister(int register, int size, long value) {
        switch (size) {
            case 8 -> gpr[register] = value;
            case 4 -> gpr[register] = value & 0xFFFF_FFFFL;
            case 2 -> gpr[register] = gpr[register] & ~0xFFFFL | value & 0xFFFF;
            default -> gpr[register] = gpr[register] & ~0xFFL | value & 0xFF;
        }
    }

    /** Zero-extended. */
    long register(int register, int size) {
        long value = gpr[register];
        return switch (size) {
            case 8 -> value;
            case 4 -> value & 0xFFFF_FFFFL;
            case 2 -> value & 0xFFFF;
            default -> value & 0xFF;
        };
    }

    /** @param register 0 … 3 for AH, CH, DH, BH */
    void setHighByte(int register, long value) {
        gpr[register] = gpr[register] & ~0xFF00L | (value & 0xFF) << 8;
    }

    long highByte(int register) {
        return gpr[register] >>> 8 & 0xFF;
    }
}
