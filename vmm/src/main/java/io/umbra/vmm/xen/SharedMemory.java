package io.umbra.vmm.xen;

import io.umbra.x86.MachineMemory;

/**
 * Memory that guest and hypervisor share, by addresses that mean the same for as long as the domain lives: machine addresses for a PV domain, guest-physical ones for an HVM domain. Where there is no
 * memory reads give 0, and writes have no effect.
 */
public interface SharedMemory {
    int readByte(long address);

    int readInt(long address);

    long readLong(long address);

    void writeByte(long address, int value);

    void writeInt(long address, int value);

    void writeLong(long address, long value);

    /** All of a machine's memory, by machine address. */
    static SharedMemory of(MachineMemory memory) {
        return new SharedMemory() {
            @Override
            public int readByte(long address) {
                return memory.readByte(address);
            }

            @Override
            public int readInt(long address) {
                return memory.readInt(address);
            }

            @Override
            public long readLong(long address) {
                return memory.readLong(address);
            }

            @Override
            public void writeByte(long address, int value) {
                memory.writeByte(address, value);
            }

            @Override
            public void writeInt(long address, int value) {
                memory.writeInt(address, value);
            }

            @Override
            public void writeLong(long address, long value) {
                memory.writeLong(address, value);
            }
        };
    }
}
