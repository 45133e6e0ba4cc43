package io.umbra.vmm.device;

/** A device reached by memory accesses. Sizes are 1, 2, 4 or 8 bytes, values are zero-extended. */
public interface MemoryDevice {

    /** The value of {@code size} bytes at {@code offset} from the device's start; bits above the size are ignored. */
    long read(long offset, int size);

    /** Stores the low {@code size} bytes of {@code value} at {@code offset}. */
    void write(long offset, int size, long value);
}
