package io.umbra.tools.matrix;

import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;

/** One case: registers, the entries of one path, and an access through them. Immutable. */
public final class AccessCase {
    private final MatrixMode mode;
    private final long number;
    private final PagingRegisters registers;
    private final Path path;
    private final int access;

    AccessCase(MatrixMode mode, long number, PagingRegisters registers, Path path, int access) {
        this.mode = mode;
        this.number = number;
        this.registers = registers;
        this.path = path;
        this.access = access;
    }

    public MatrixMode mode() {
        return mode;
    }

    /** In the mode's {@link AccessMatrix}. */
    public long number() {
        return number;
    }

    /** All but the PDPTEs of PAE paging is in it; the path's PDPTE is {@link #entry} of level 3. */
    public PagingRegisters registers() {
        return registers;
    }

    /** Bits of {@link PageFaultCode}. */
    public int access() {
        return access;
    }

    public boolean isWrite() {
        return (access & PageFaultCode.WRITE) != 0;
    }

    /** Of eight bytes. */
    public long linear() {
        return path.linear();
    }

    /** The entry of the path at {@code level}; 0 below a leaf. */
    public long entry(int level) {
        return path.entry(level);
    }

    /** The level of the leaf, if the walk comes so far; 0 without paging. */
    public int leafLevel() {
        return path.leafLevel();
    }

    Target target() {
        return path.target();
    }

    /** Bit k: the table of level k lies in read-only memory. */
    int readOnlyTables() {
        return path.readOnlyTables();
    }

    /** This case with other registers, entries or access: for subjects that see less, or more, than there is. */
    AccessCase with(PagingRegisters otherRegisters, Path otherPath, int otherAccess) {
        return new AccessCase(mode, number, otherRegisters, otherPath, otherAccess);
    }

    Path path() {
        return path;
    }
}
