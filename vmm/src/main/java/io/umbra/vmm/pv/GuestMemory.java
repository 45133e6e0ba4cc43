package io.umbra.vmm.pv;

import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.CallerMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** The memory of a PV guest by the tables of one of its address spaces, which hold machine frames. Addresses that are the hypervisor's own are refused. */
final class GuestMemory extends CallerMemory {
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
        super(memory);
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

    @Override
    public boolean isWide() {
        return true;
    }

    @Override
    public long translate(long linear, boolean write) {
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
}
