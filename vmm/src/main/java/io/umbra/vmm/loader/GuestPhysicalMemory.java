package io.umbra.vmm.loader;

/**
 * What a loader may see of a guest: its physical memory, addressed by guest-physical address and laid out as a {@link
 * MemoryMap} of its size. Memory is zero at first. Each access that runs past the end or into a hole throws a {@link
 * LoadException} and may have done part of its work. Numbers are little-endian.
 */
public interface GuestPhysicalMemory {

    /** Bytes of RAM. */
    long size();

    /** Copies {@code length} bytes of {@code source} from {@code offset} to {@code gpa}. */
    void write(long gpa, byte[] source, int offset, int length) throws LoadException;

    /** Stores 8 bytes at {@code gpa}, which need not be aligned. */
    void writeLong(long gpa, long value) throws LoadException;

    /** Stores 4 bytes at {@code gpa}, which need not be aligned. */
    void writeInt(long gpa, int value) throws LoadException;

    /** Clears {@code length} bytes. */
    void zero(long gpa, long length) throws LoadException;

    /** A copy of {@code length} bytes. */
    byte[] read(long gpa, int length) throws LoadException;
}
