package io.umbra.vmm.loader;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Guest memory of less than 3 GiB in one array, which refuses what lies outside. */
public final class ArrayMemory implements GuestPhysicalMemory {
    private final byte[] bytes;

    public ArrayMemory(int size) {
        bytes = new byte[size];
    }

    @Override
    public long size() {
        return bytes.length;
    }

    @Override
    public void write(long gpa, byte[] source, int offset, int length) throws LoadException {
        System.arraycopy(source, offset, bytes, at(gpa, length), length);
    }

    @Override
    public void writeLong(long gpa, long value) throws LoadException {
        view().putLong(at(gpa, 8), value);
    }

    @Override
    public void writeInt(long gpa, int value) throws LoadException {
        view().putInt(at(gpa, 4), value);
    }

    @Override
    public void zero(long gpa, long length) throws LoadException {
        int from = at(gpa, length);
        Arrays.fill(bytes, from, from + (int) length, (byte) 0);
    }

    @Override
    public byte[] read(long gpa, int length) throws LoadException {
        int from = at(gpa, length);
        return Arrays.copyOfRange(bytes, from, from + length);
    }

    long u64(long gpa) throws LoadException {
        return view().getLong(at(gpa, 8));
    }

    int u32(long gpa) throws LoadException {
        return view().getInt(at(gpa, 4));
    }

    private ByteBuffer view() {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private int at(long gpa, long length) throws LoadException {
        if (gpa < 0 || length < 0 || gpa > bytes.length - length) {
            throw new LoadException("%d bytes at %#x are outside memory".formatted(length, gpa));
        }
        return (int) gpa;
    }
}
