package io.umbra.shadow;

import io.umbra.x86.MachineMemory;

/**
 * Stores of emulated instructions of one vCPU: a store to a shadowed table is followed by the revalidation of what is derived from the bytes, unless the guest's entry was absent and stays so.
 * Xen: {@code sh_x86_emulate_write}.
 */
final class TableWrites implements EmulatedMemory.Store {
    private final MachineMemory memory;
    private final ShadowTables tables;
    private final EarlyUnshadow earlyUnshadow;
    private final Counters counters;
    private final boolean skipsVerify;
    private long count;

    TableWrites(
            MachineMemory memory,
            ShadowTables tables,
            EarlyUnshadow earlyUnshadow,
            Counters counters,
            ShadowPolicy policy) {
        this.memory = memory;
        this.tables = tables;
        this.earlyUnshadow = earlyUnshadow;
        this.counters = counters;
        this.skipsVerify = policy.isOn(PolicyOption.SKIP_VERIFY);
    }

    /** Stores to tables so far. */
    long count() {
        return count;
    }

    @Override
    public void write(long mfn, int offset, int size, long value) {
        long address = (mfn << 12) + offset;
        if (!tables.isProtected(mfn)) {
            memory.write(address, size, value);
            return;
        }
        count++;
        counters.trace.tableWritten(mfn, offset, size, value);
        boolean wasAbsent = skipsVerify && isAbsent(mfn, offset, size);
        memory.write(address, size, value);
        boolean isRoot = (tables.frames.shadowTypes(mfn) & ShadowType.ROOTS) != 0;
        earlyUnshadow.written(mfn, offset, size, entryShift(mfn), isRoot);
        tables.walks.tableChanged(mfn);
        if (wasAbsent && isAbsent(mfn, offset, size)) {
            counters.add(Counter.SKIP_VERIFY);
        } else {
            tables.revalidation.written(mfn, offset, size);
        }
    }

    /** Whether the bytes lie within one entry of each kind that the frame is shadowed as, and those entries are not present. */
    private boolean isAbsent(long mfn, int offset, int size) {
        int types = tables.frames.shadowTypes(mfn);
        boolean hasShort = (types & ShadowType.SHORT) != 0;
        boolean hasLong = (types & ~ShadowType.SHORT) != 0;
        return (!hasShort || isAbsent(mfn, offset, size, 4)) && (!hasLong || isAbsent(mfn, offset, size, 8));
    }

    private boolean isAbsent(long mfn, int offset, int size, int entryBytes) {
        int entry = offset & -entryBytes;
        return offset + size <= entry + entryBytes && (memory.readByte((mfn << 12) + entry) & 1) == 0;
    }

    /** Of the widest kind of entry in the frame. */
    private int entryShift(long mfn) {
        return (tables.frames.shadowTypes(mfn) & ~ShadowType.SHORT) != 0 ? 3 : 2;
    }
}
