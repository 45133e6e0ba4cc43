package io.umbra.vmm.xen;

import io.umbra.x86.MachineMemory;

/**
 * The linear memory of whoever makes a hypercall, as the hypervisor reaches it: by the caller's own tables, with the right to write checked, and A and D set, as the processor would at CPL 0. Xen:
 * {@code copy_to_guest} and {@code copy_from_guest}.
 *
 * <p>Every method throws {@link BadPointer} where an access is not possible; what lies before the fault may have been copied.
 */
public abstract class CallerMemory {
    private static final int PAGE = MachineMemory.FRAME_BYTES;

    private final MachineMemory memory;

    /** @param memory what {@link #translate} gives addresses of */
    protected CallerMemory(MachineMemory memory) {
        this.memory = memory;
    }

    /** The machine address of one byte. */
    public abstract long translate(long linear, boolean write);

    /** Bytes that were translated for writing have been written, from the last address on that {@link #translate} was asked for. They lie in one page. */
    protected void written(int length) {}

    /** The caller is 64-bit code: a word of its structures has 8 bytes and not 4. */
    public abstract boolean isWide();

    /** The structure at an address, to be gone through field by field. */
    public final Structure structure(long linear) {
        return new Structure(this, linear);
    }

    // ---- bytes
    // -----------------------------------------------------------------------------------------------------------------

    public final byte[] read(long linear, int length) {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            int piece = piece(linear + done, length - done);
            memory.read(translate(linear + done, false), bytes, done, piece);
            done += piece;
        }
        return bytes;
    }

    public final void write(long linear, byte[] bytes) {
        write(linear, bytes, bytes.length);
    }

    public final void write(long linear, byte[] bytes, int length) {
        for (int done = 0; done < length; ) {
            int piece = piece(linear + done, length - done);
            memory.write(translate(linear + done, true), bytes, done, piece);
            written(piece);
            done += piece;
        }
    }

    /** As many bytes as can be read, {@code length} at most. */
    public final byte[] readUpTo(long linear, int length) {
        int first = piece(linear, length);
        try {
            return read(linear, length);
        } catch (BadPointer pointer) {
            return first == length ? new byte[0] : readUpTo(linear, first);
        }
    }

    // ---- numbers
    // ---------------------------------------------------------------------------------------------------------------

    public final int readByte(long linear) {
        return (int) read(linear, 1, false);
    }

    public final int readShort(long linear) {
        return (int) read(linear, 2, false);
    }

    public final int readInt(long linear) {
        return (int) read(linear, 4, false);
    }

    public final long readLong(long linear) {
        return read(linear, 8, false);
    }

    /** Bytes of a word of the caller's: {@code unsigned long}, a frame number, a pointer. */
    public final int wordBytes() {
        return isWide() ? 8 : 4;
    }

    /** A word of the caller's, zero-extended. */
    public final long readWord(long linear) {
        return read(linear, wordBytes(), false);
    }

    public final void writeWord(long linear, long value) {
        write(linear, wordBytes(), value);
    }

    /** Zero-extended. */
    public final long read(long linear, int size, boolean forWrite) {
        if ((linear & PAGE - 1) + size <= PAGE) {
            return memory.read(translate(linear, forWrite), size);
        }
        long value = 0;
        for (int i = size - 1; i >= 0; i--) {
            value = value << 8 | memory.readByte(translate(linear + i, forWrite)) & 0xFF;
        }
        return value;
    }

    public final void writeInt(long linear, int value) {
        write(linear, 4, value);
    }

    public final void writeLong(long linear, long value) {
        write(linear, 8, value);
    }

    /** Both pages are translated before either is touched. */
    public final void write(long linear, int size, long value) {
        if ((linear & PAGE - 1) + size <= PAGE) {
            memory.write(translate(linear, true), size, value);
            written(size);
            return;
        }
        translate(linear + size - 1, true);
        for (int i = 0; i < size; i++) {
            memory.writeByte(translate(linear + i, true), (int) (value >>> 8 * i));
            written(1);
        }
    }

    private static int piece(long linear, int length) {
        return Math.min(length, PAGE - (int) (linear & PAGE - 1));
    }
}
