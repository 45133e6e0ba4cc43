package io.umbra.processor;

import io.umbra.x86.VcpuState;

/**
 * Memory that an instruction addresses by a computed offset rather than by a ModRM byte: strings, XLAT, and bit strings that reach outside their operand.
 *
 * @param addressSize 2, 4 or 8: offsets are cut to so many bytes
 */
record SegmentOffset(int segment, int addressSize, boolean mode64) {

    static SegmentOffset of(Address address, boolean mode64) {
        return new SegmentOffset(address.segment, address.size, mode64);
    }

    /** @return {@code offset}, which may have garbage above the address size, as a linear address; outside 64-bit mode after the segment's checks */
    long linear(Cpu cpu, long offset, int bytes, boolean write) {
        long cut = offset & Place.mask(addressSize);
        return mode64 ? cut + cpu.longModeBase(segment) : cpu.legacyLinear(segment, cut, bytes, write);
    }

    boolean isStack() {
        return segment == VcpuState.SS;
    }
}
