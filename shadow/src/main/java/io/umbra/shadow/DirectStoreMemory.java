package io.umbra.shadow;

import io.umbra.shadow.pv.PvTables;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;

/**
 * Linear memory for the emulation of one store of a PV kernel's to one of its L1 tables: reads are the guest's own, through its tables; a write must go to the table that faulted, within one entry, naturally
 * aligned, and is audited. Any other is not for this emulator. Xen: {@code ptwr_emulate_ops}.
 */
final class DirectStoreMemory implements LinearMemory {
    private static final int PAGE = 4096;

    private final VcpuState state;
    private final PvTables tables;
    private final MachineMemory memory;
    private final DirectWalk walk;
    /** The page that faulted, and the machine address of its first byte. */
    private long page;

    private long table;

    DirectStoreMemory(VcpuState state, PvTables tables, MachineMemory memory) {
        this.state = state;
        this.tables = tables;
        this.memory = memory;
        this.walk = new DirectWalk(memory);
    }

    /** @param maddr of the byte at {@code linear}: in an L1 table */
    void begin(long linear, long maddr) {
        page = linear & -PAGE;
        table = maddr & -PAGE;
    }

    @Override
    public void probe(long linear, int size, int access) {
        if ((access & PageFaultCode.WRITE) != 0) {
            target(linear, size);
        } else {
            read(linear, size, access);
        }
    }

    @Override
    public long read(long linear, int size, int access) {
        if ((linear & PAGE - 1) + size <= PAGE) {
            return memory.read(translate(linear, access), size);
        }
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) memory.readByte(translate(linear + i, access)) << 8 * i;
        }
        return value;
    }

    private long translate(long linear, int access) {
        if (linear << 16 >> 16 != linear) {
            throw Fault.unhandleable(linear);
        }
        long maddr = walk.walk(state, linear, access & PageFaultCode.FETCH);
        if (maddr < 0) {
            throw Fault.page(linear, (int) (-1 - maddr));
        }
        return maddr;
    }

    @Override
    public void write(long linear, int size, long value, int access) {
        if (tables.storeToTable(target(linear, size), size, value) != 0) {
            throw Fault.unhandleable(linear);
        }
    }

    @Override
    public long compareExchange(long linear, int size, long expected, long value, int access) {
        long maddr = target(linear, size);
        long held = memory.read(maddr, size);
        if (tables.exchangeInTable(maddr, size, expected, value) < 0) {
            throw Fault.unhandleable(linear);
        }
        return held;
    }

    private long target(long linear, int size) {
        if ((linear & -PAGE) != page || (linear & size - 1) != 0) {
            throw Fault.unhandleable(linear);
        }
        return table + (linear & PAGE - 1);
    }
}
