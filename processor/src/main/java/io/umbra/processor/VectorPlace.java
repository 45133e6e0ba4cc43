package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/**
 * Where an operand of an MMX or SSE instruction is: in an XMM, MMX or general register, or in memory. Values narrower than 64 bits are zero-extended when they come from
 * memory; a register gives all it has, and the operation takes what it needs.
 *
 * <p>A memory operand of 16 bytes must be aligned, or #GP(0) is raised before anything about paging, except for the few instructions that are made for unaligned data. Of VEX-coded instructions only
 * those must have aligned operands whose name says so. One that writes an XMM register clears the upper half of the YMM register.
 */
final class VectorPlace {
    private static final int XMM = 0, MMX = 1, GENERAL = 2, MEMORY = 3;

    private static final Address NOWHERE = new Address(VcpuState.DS, -1, -1, 0, 0, 8, false, true);
    private static final int OCTOWORD = 16, VECTOR = 32;

    /** In bytes. */
    final int size;
    /** Of an MMX or general register its number; of an XMM register the index of its low half in {@link VcpuState#xmm}. */
    final int register;

    final Address address;
    private final int where;
    private final boolean aligned;
    private final boolean clearsUpper;
    private final long linearMask;

    private VectorPlace(Operand operand, Address address, boolean aligned, boolean vex, boolean mode64) {
        this.where = where(operand.kind());
        this.size = operand.size();
        this.register = isXmm() ? 2 * operand.register() : operand.register();
        this.address = address;
        this.aligned = aligned;
        this.clearsUpper = vex;
        this.linearMask = mode64 ? -1L : 0xFFFF_FFFFL;
    }

    /** An immediate is none of these: whoever has one reads it from the instruction. */
    private static int where(Kind kind) {
        return switch (kind) {
            case XMM -> XMM;
            case MMX -> MMX;
            case GENERAL -> GENERAL;
            default -> MEMORY;
        };
    }

    static VectorPlace of(Instruction i, int index, int offsetInPage) {
        Operand operand = i.operands[index];
        Address address = operand.isMemory() ? i.address(offsetInPage) : NOWHERE;
        boolean aligned =
                operand.size() >= OCTOWORD && (i.vex ? isAlignedMove(i.mnemonic) : !takesUnaligned(i.mnemonic));
        return new VectorPlace(operand, address, aligned, i.vex, i.mode == 64);
    }

    private static boolean takesUnaligned(Mnemonic mnemonic) {
        return switch (mnemonic) {
            case MOVUPS, MOVUPD, MOVDQU, LDDQU, PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM -> true;
            default -> false;
        };
    }

    private static boolean isAlignedMove(Mnemonic mnemonic) {
        return switch (mnemonic) {
            case MOVAPS, MOVAPD, MOVDQA, MOVNTPS, MOVNTPD, MOVNTDQ, MOVNTDQA -> true;
            default -> false;
        };
    }

    boolean isXmm() {
        return where == XMM;
    }

    boolean isMmx() {
        return where == MMX;
    }

    boolean isGeneral() {
        return where == GENERAL;
    }

    boolean isMemory() {
        return where == MEMORY;
    }

    boolean isOnStack() {
        return isMemory() && address.isStack();
    }

    /** The first 64 bits, or as many as there are. */
    long low(Cpu cpu) {
        return switch (where) {
            case XMM -> cpu.state.xmm[register];
            case MMX -> Mmx.read(cpu, register);
            case GENERAL -> cpu.register(register, size);
            default -> size < OCTOWORD ? cpu.load(address.linear(cpu, size), size) : cpu.load64(linear(cpu));
        };
    }

    /** The second 64 bits of a 16-byte operand. */
    long high(Cpu cpu) {
        return isXmm() ? cpu.state.xmm[register + 1] : cpu.load64(next(linear(cpu)));
    }

    /** The third 64 bits of a 32-byte operand. */
    long third(Cpu cpu) {
        return isXmm() ? cpu.state.ymmHigh[register] : cpu.load64(linear(cpu) + 16 & linearMask);
    }

    /** The last 64 bits of a 32-byte operand. */
    long fourth(Cpu cpu) {
        return isXmm() ? cpu.state.ymmHigh[register + 1] : cpu.load64(linear(cpu) + 24 & linearMask);
    }

    /** Writes a register or memory that is no wider than 64 bits. An XMM register's other bits become zero. */
    void write(Cpu cpu, long value) {
        switch (where) {
            case XMM -> write(cpu, value, 0);
            case MMX -> Mmx.write(cpu, register, value);
            case GENERAL -> cpu.setRegister(register, size, value);
            default -> cpu.store(address.linearForWrite(cpu, size), size, value);
        }
    }

    /** Writes an XMM register. */
    void write(Cpu cpu, long low, long high) {
        cpu.state.xmm[register] = low;
        cpu.state.xmm[register + 1] = high;
        if (clearsUpper) {
            cpu.state.ymmHigh[register] = 0;
            cpu.state.ymmHigh[register + 1] = 0;
        }
    }

    /** Writes a YMM register. */
    void write(Cpu cpu, long first, long second, long third, long fourth) {
        cpu.state.xmm[register] = first;
        cpu.state.xmm[register + 1] = second;
        cpu.state.ymmHigh[register] = third;
        cpu.state.ymmHigh[register + 1] = fourth;
    }

    /** Writes 16 bytes of memory. */
    void store(Cpu cpu, long low, long high) {
        long linear = checkAlignment(cpu, address.linearForWrite(cpu, OCTOWORD));
        cpu.probeWrite(linear, OCTOWORD);
        cpu.store64(linear, low);
        cpu.store64(next(linear), high);
    }

    /** Writes 32 bytes of memory. */
    void store(Cpu cpu, long first, long second, long third, long fourth) {
        long linear = checkAlignment(cpu, address.linearForWrite(cpu, VECTOR));
        cpu.probeWrite(linear, VECTOR);
        cpu.store64(linear, first);
        cpu.store64(linear + 8 & linearMask, second);
        cpu.store64(linear + 16 & linearMask, third);
        cpu.store64(linear + 24 & linearMask, fourth);
    }

    /** Where 16 or 32 bytes of memory are to be read. */
    long linear(Cpu cpu) {
        return checkAlignment(cpu, address.linear(cpu, size));
    }

    private long checkAlignment(Cpu cpu, long linear) {
        if (aligned && (linear & size - 1) != 0) {
            throw cpu.fault(Vector.GENERAL_PROTECTION);
        }
        return linear;
    }

    /** The second quadword. Outside 64-bit mode linear addresses wrap at 4 GiB. */
    long next(long linear) {
        return linear + 8 & linearMask;
    }
}
