package io.umbra.vmm.hvm;

import io.umbra.shadow.Paging;
import io.umbra.vmm.xen.SharedMemory;
import io.umbra.x86.MachineMemory;

/** One frame of the hypervisor's own as shared memory: addresses are offsets in it. It can be written to wherever the guest has it, and when it has it nowhere. */
final class OwnFrame implements SharedMemory {
    private final MachineMemory memory;
    private final PhysicalMap map;
    private final Paging paging;
    private final long mfn;

    OwnFrame(MachineMemory memory, PhysicalMap map, Paging paging, long mfn) {
        this.memory = memory;
        this.map = map;
        this.paging = paging;
        this.mfn = mfn;
    }

    long mfn() {
        return mfn;
    }

    private void written(long offset, int length) {
        long gfn = map.placeOf(mfn);
        if (gfn != PhysicalMap.NOWHERE) {
            paging.memoryWritten(gfn << 12 | offset, length);
        }
    }

    @Override
    public int readByte(long offset) {
        return memory.readByte(mfn << 12 | offset);
    }

    @Override
    public int readInt(long offset) {
        return memory.readInt(mfn << 12 | offset);
    }

    @Override
    public long readLong(long offset) {
        return memory.readLong(mfn << 12 | offset);
    }

    @Override
    public void writeByte(long offset, int value) {
        memory.writeByte(mfn << 12 | offset, value);
        written(offset, 1);
    }

    @Override
    public void writeInt(long offset, int value) {
        memory.writeInt(mfn << 12 | offset, value);
        written(offset, 4);
    }

    @Override
    public void writeLong(long offset, long value) {
        memory.writeLong(mfn << 12 | offset, value);
        written(offset, 8);
    }
}
