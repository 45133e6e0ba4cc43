package io.umbra.vmm.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * The guest's linear memory as the hypervisor reaches it, by the tables of one address space: with the right to write checked, and A and D set, as the processor would at CPL 0. Addresses that are
 * the hypervisor's own are refused. Xen: {@code copy_to_guest} and {@code copy_from_guest}.
 *
 * <p>Every method throws {@link BadPointer} where an access is not possible; what lies before the fault may have been copied.
 */
final class GuestMemory {
    /** Linear addresses that belong to the hypervisor: L4 slots 256 … 271. */
    static final long HYPERVISOR_START = 0xFFFF_8000_0000_0000L, HYPERVISOR_END = 0xFFFF_8800_0000_0000L;

    private static final int PAGE = MachineMemory.FRAME_BYTES;

    private final MachineMemory memory;
    private final LongSupplier root;
    private final LongConsumer changes;

    /** @param root the frame of the top table, asked for at each access; 0 for none */
    GuestMemory(MachineMemory memory, LongSupplier root) {
        this(memory, root, mfn -> {});
    }

    /** @param changes is told of each frame before it is written to */
    GuestMemory(MachineMemory memory, LongSupplier root, LongConsumer changes) {
        this.memory = memory;
        this.root = root;
        this.changes = changes;
    }

    /** Whether a guest may use the address at all. */
    static boolean isGuestAddress(long linear) {
        return linear << 16 >> 16 == linear
                && (Long.compareUnsigned(linear, HYPERVISOR_START) < 0
                        || Long.compareUnsigned(linear, HYPERVISOR_END) >= 0);
    }

    /** The machine address of one byte. */
    long translate(long linear, boolean write) {
        if (!isGuestAddress(linear)) {
            throw new BadPointer(linear, write);
        }
        long table = root.getAsLong();
        for (int level = 4; level >= 1; level--) {
            long place = (table << 12) + 8L * LongModeEntry.index(linear, level);
            long entry = memory.readLong(place);
            boolean permits = LongModeEntry.isPresent(entry)
                    && (!write || LongModeEntry.isWritable(entry))
                    && (level == 1 || !LongModeEntry.hasPageSize(entry));
            long frame = LongModeEntry.frame(entry);
            if (!permits || table == 0 || !memory.contains(frame)) {
                throw new BadPointer(linear, write);
            }
            long used = entry | LongModeEntry.ACCESSED | (write && level == 1 ? LongModeEntry.DIRTY : 0);
            if (used != entry) {
                changes.accept(table);
                memory.compareAndSetLong(place, entry, used);
            }
            table = frame;
        }
        if (write) {
            changes.accept(table);
        }
        return table << 12 | linear & PAGE - 1;
    }

    byte[] read(long linear, int length) {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length; ) {
            int piece = piece(linear + done, length - done);
            memory.read(translate(linear + done, false), bytes, done, piece);
            done += piece;
        }
        return bytes;
    }

    void write(long linear, byte[] bytes) {
        write(linear, bytes, bytes.length);
    }

    void write(long linear, byte[] bytes, int length) {
        for (int done = 0; done < length; ) {
            int piece = piece(linear + done, length - done);
            memory.write(translate(linear + done, true), bytes, done, piece);
            done += piece;
        }
    }

    /** As many bytes as can be read, {@code length} at most. */
    byte[] readUpTo(long linear, int length) {
        int first = piece(linear, length);
        try {
            return read(linear, length);
        } catch (BadPointer pointer) {
            return first == length ? new byte[0] : readUpTo(linear, first);
        }
    }

    int readByte(long linear) {
        return (int) read(linear, 1, false);
    }

    int readShort(long linear) {
        return (int) read(linear, 2, false);
    }

    int readInt(long linear) {
        return (int) read(linear, 4, false);
    }

    long readLong(long linear) {
        return read(linear, 8, false);
    }

    /** Zero-extended. */
    long read(long linear, int size, boolean forWrite) {
        if ((linear & PAGE - 1) + size <= PAGE) {
            return memory.read(translate(linear, forWrite), size);
        }
        long value = 0;
        for (int i = size - 1; i >= 0; i--) {
            value = value << 8 | memory.readByte(translate(linear + i, forWrite)) & 0xFF;
        }
        return value;
    }

    void writeInt(long linear, int value) {
        write(linear, 4, value);
    }

    void writeLong(long linear, long value) {
        write(linear, 8, value);
    }

    /** Both pages are translated before either is touched. */
    void write(long linear, int size, long value) {
        if ((linear & PAGE - 1) + size <= PAGE) {
            memory.write(translate(linear, true), size, value);
            return;
        }
        translate(linear + size - 1, true);
        for (int i = 0; i < size; i++) {
            memory.writeByte(translate(linear + i, true), (int) (value >>> 8 * i));
        }
    }

    private static int piece(long linear, int length) {
        return Math.min(length, PAGE - (int) (linear & PAGE - 1));
    }
}
