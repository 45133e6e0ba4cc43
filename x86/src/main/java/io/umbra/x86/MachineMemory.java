package io.umbra.x86;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The physical memory of one machine, addressed by machine address ({@code maddr}, bytes) or machine frame number ({@code mfn}, 4 KiB).
 * Sparse: frames that were never written cost nothing and read as zero. Every access is checked against the machine's size.
 *
 * <p>Writers other than a processor's own stores go through this class, so that processors that hold decoded code of a frame hear of it
 * ({@link CodeWatch}). A processor's fast path addresses {@link HostMemory} at {@link #base} + maddr after it has checked a translation.
 */
public final class MachineMemory implements AutoCloseable {
    public static final int FRAME_SHIFT = 12;
    public static final int FRAME_BYTES = 1 << FRAME_SHIFT;

    /** Told when a watched frame is about to hold other bytes. */
    @FunctionalInterface
    public interface CodeWatch {
        void codeWritten(long maddr, long length);

        /** Somebody decoded code of the frame: writes to it that bypass this class must stop. */
        default void codeAppeared(long mfn) {}
    }

    private final long base;
    private final long bytes;
    /** Offset in {@link HostMemory} of a byte for each frame, behind the frames: how many watch it. */
    private final long watched;

    /** Frames and those bytes. */
    private final long reserved;

    private final List<CodeWatch> watchers = new CopyOnWriteArrayList<>();
    private boolean closed;

    public MachineMemory(long frames) {
        this.bytes = frames << FRAME_SHIFT;
        this.reserved = bytes + (frames + FRAME_BYTES - 1 & -FRAME_BYTES);
        this.base = HostMemory.reserve(reserved);
        this.watched = base + bytes;
    }

    /** Frees the memory. The object must not be used afterwards. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            HostMemory.release(base, reserved);
        }
    }

    /** Offset of machine address 0 in {@link HostMemory}. */
    public long base() {
        return base;
    }

    public long frames() {
        return bytes >>> FRAME_SHIFT;
    }

    public boolean contains(long mfn) {
        return mfn >= 0 && mfn < frames();
    }

    public int readByte(long maddr) {
        return HostMemory.getByte(at(maddr, 1));
    }

    public int readShort(long maddr) {
        return HostMemory.getShort(at(maddr, 2));
    }

    public int readInt(long maddr) {
        return HostMemory.getInt(at(maddr, 4));
    }

    public long readLong(long maddr) {
        return HostMemory.getLong(at(maddr, 8));
    }

    /** @param size 1, 2, 4 or 8; the value is zero-extended */
    public long read(long maddr, int size) {
        return switch (size) {
            case 1 -> readByte(maddr);
            case 2 -> readShort(maddr);
            case 4 -> readInt(maddr) & 0xFFFF_FFFFL;
            case 8 -> readLong(maddr);
            default -> throw new IllegalArgumentException("size " + size);
        };
    }

    public void writeByte(long maddr, int value) {
        HostMemory.putByte(atWrite(maddr, 1), value);
    }

    public void writeShort(long maddr, int value) {
        HostMemory.putShort(atWrite(maddr, 2), value);
    }

    public void writeInt(long maddr, int value) {
        HostMemory.putInt(atWrite(maddr, 4), value);
    }

    public void writeLong(long maddr, long value) {
        HostMemory.putLong(atWrite(maddr, 8), value);
    }

    public void write(long maddr, int size, long value) {
        switch (size) {
            case 1 -> writeByte(maddr, (int) value);
            case 2 -> writeShort(maddr, (int) value);
            case 4 -> writeInt(maddr, (int) value);
            case 8 -> writeLong(maddr, value);
            default -> throw new IllegalArgumentException("size " + size);
        }
    }

    /** Atomic. {@code maddr} must be a multiple of 8. */
    public boolean compareAndSetLong(long maddr, long expected, long value) {
        return HostMemory.compareAndSetLong(atWrite(maddr, 8), expected, value);
    }

    /** Atomic. {@code maddr} must be a multiple of 4. */
    public boolean compareAndSetInt(long maddr, int expected, int value) {
        return HostMemory.compareAndSetInt(atWrite(maddr, 4), expected, value);
    }

    public void write(long maddr, byte[] source, int index, int length) {
        HostMemory.copyIn(source, index, atWrite(maddr, length), length);
    }

    public void read(long maddr, byte[] target, int index, int length) {
        HostMemory.copyOut(at(maddr, length), target, index, length);
    }

    public void zeroFrame(long mfn) {
        HostMemory.fill(atWrite(mfn << FRAME_SHIFT, FRAME_BYTES), FRAME_BYTES, 0);
    }

    public void copyFrame(long from, long to) {
        HostMemory.copy(at(from << FRAME_SHIFT, FRAME_BYTES), atWrite(to << FRAME_SHIFT, FRAME_BYTES), FRAME_BYTES);
    }

    /** A hash of the frame's bytes, the same in every run. Two contents that differ have the same one with a chance of 2<sup>-64</sup>, unless made to. */
    public long hashFrame(long mfn) {
        return HostMemory.hash(at(mfn << FRAME_SHIFT, FRAME_BYTES), FRAME_BYTES);
    }

    /** @return the offset of the first 8 bytes, a multiple of 8, that this frame does not share with the same frame of another machine, or -1 when all are the same */
    public int firstDifference(MachineMemory other, long mfn) {
        long here = at(mfn << FRAME_SHIFT, FRAME_BYTES);
        long there = other.at(mfn << FRAME_SHIFT, FRAME_BYTES);
        for (int offset = 0; offset < FRAME_BYTES; offset += Long.BYTES) {
            if (HostMemory.getLong(here + offset) != HostMemory.getLong(there + offset)) {
                return offset;
            }
        }
        return -1;
    }

    public void addCodeWatch(CodeWatch watch) {
        watchers.add(watch);
    }

    public void removeCodeWatch(CodeWatch watch) {
        watchers.remove(watch);
    }

    /** From now on every write to the frame through this class is told to the watchers. Ends with as many calls of {@link #unwatchCode}. */
    public void watchCode(long mfn) {
        countWatch(mfn, 1);
        for (CodeWatch watch : watchers) {
            watch.codeAppeared(mfn);
        }
    }

    public void unwatchCode(long mfn) {
        countWatch(mfn, -1);
    }

    private void countWatch(long mfn, int change) {
        long place = watched + Objects.checkIndex(mfn, frames());
        HostMemory.putByte(place, HostMemory.getByte(place) + change);
    }

    public boolean isCodeWatched(long mfn) {
        return HostMemory.getByte(watched + Objects.checkIndex(mfn, frames())) != 0;
    }

    /** Where in the process the bytes begin, one for each frame, that are not 0 for watched frames: for machine code that a processor generates. */
    public long codeWatchAddress() {
        return HostMemory.address() + watched;
    }

    private long at(long maddr, long length) {
        Objects.checkFromIndexSize(maddr, length, bytes);
        return base + maddr;
    }

    private long atWrite(long maddr, long length) {
        long offset = at(maddr, length);
        long last = maddr + Math.max(length, 1) - 1 >>> FRAME_SHIFT;
        for (long mfn = maddr >>> FRAME_SHIFT; mfn <= last; mfn++) {
            if (HostMemory.getByte(watched + mfn) != 0) {
                tellCodeWritten(maddr, length);
                break;
            }
        }
        return offset;
    }

    private void tellCodeWritten(long maddr, long length) {
        for (CodeWatch watch : watchers) {
            watch.codeWritten(maddr, length);
        }
    }
}
