package io.umbra.processor;

/**
 * A memory operand: segment:[base + index × scale + displacement]. {@link #linear} forms the linear address and makes the segment checks, so linear and virtual
 * addresses are kept apart here and nowhere else. Register numbers are those of {@link io.umbra.x86.VcpuState}; -1 is none.
 */
final class Address {
    // How the linear address is formed; the common cases of flat 64-bit code have forms of their own.
    private static final byte BASE = 0, BASE_INDEX = 1, RIP = 2, GENERAL_64 = 3, LEGACY = 4;

    // Narrow, because there is one of these for every memory operand of the decoded code.
    final byte segment;
    final byte base;
    final byte index;
    final byte scale;
    /** 2, 4 or 8: the effective address is cut to so many bytes. */
    final byte size;

    private final byte form;
    private final boolean ripRelative;
    final long displacement;

    /**
     * @param segment the effective one, override or default
     * @param scale 0 … 3, a shift
     * @param ripRelative the displacement is relative to the next instruction; then {@code displacement} must already include the
     *     instruction's offset in its page and its length
     * @param mode64 the instruction was decoded as 64-bit code
     */
    Address(
            int segment,
            int base,
            int index,
            int scale,
            long displacement,
            int size,
            boolean ripRelative,
            boolean mode64) {
        this.segment = (byte) segment;
        this.base = (byte) base;
        this.index = (byte) index;
        this.scale = (byte) scale;
        this.displacement = displacement;
        this.size = (byte) size;
        this.ripRelative = ripRelative;
        this.form = form(mode64);
    }

    private byte form(boolean mode64) {
        if (!mode64) {
            return LEGACY;
        }
        boolean flat = segment != io.umbra.x86.VcpuState.FS && segment != io.umbra.x86.VcpuState.GS;
        if (!flat || size != 8) {
            return GENERAL_64;
        }
        if (ripRelative) {
            return RIP;
        }
        if (base >= 0) {
            return index < 0 ? BASE : BASE_INDEX;
        }
        return GENERAL_64;
    }

    /** The offset in the segment, before any base: what LEA computes (cut to the address size, not to the operand size). */
    long offset(Cpu cpu) {
        long sum = displacement;
        if (ripRelative) {
            sum += cpu.ripBase;
        }
        if (base >= 0) {
            sum += cpu.gpr[base];
        }
        if (index >= 0) {
            sum += cpu.gpr[index] << scale;
        }
        return size == 8 ? sum : size == 4 ? sum & 0xFFFF_FFFFL : sum & 0xFFFF;
    }

    /** The linear address of an access of {@code bytes} for reading. May raise #GP or #SS outside 64-bit mode; canonicality is checked by the translation. */
    long linear(Cpu cpu, int bytes) {
        return switch (form) {
            case BASE -> cpu.gpr[base] + displacement;
            case BASE_INDEX -> cpu.gpr[base] + (cpu.gpr[index] << scale) + displacement;
            case RIP -> cpu.ripBase + displacement;
            case GENERAL_64 -> offset(cpu) + cpu.longModeBase(segment);
            default -> cpu.legacyLinear(segment, offset(cpu), bytes, false);
        };
    }

    /** The same for an access that writes, or reads and writes. */
    long linearForWrite(Cpu cpu, int bytes) {
        return form == LEGACY ? cpu.legacyLinear(segment, offset(cpu), bytes, true) : linear(cpu, bytes);
    }

    /** Its linear address is formed by {@link Cpu#legacyLinear}. */
    boolean isLegacy() {
        return form == LEGACY;
    }

    /** In 64-bit mode: the segment has a base. */
    boolean hasBase() {
        return segment >= io.umbra.x86.VcpuState.FS;
    }

    boolean isRipRelative() {
        return ripRelative;
    }

    boolean isStack() {
        return segment == io.umbra.x86.VcpuState.SS;
    }
}
