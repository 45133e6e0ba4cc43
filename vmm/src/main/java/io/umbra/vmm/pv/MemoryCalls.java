package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.shadow.pv.MachineToPhys;
import io.umbra.shadow.pv.PvTables;

/** {@code memory_op}: how much memory the domain has, and which. */
final class MemoryCalls implements HypercallFamily {
    private static final int INCREASE = 0, DECREASE = 1, MAXIMUM_PAGE = 2, CURRENT = 3, MAXIMUM = 4, POPULATE = 6;
    private static final int MEMORY_MAP = 9, MACHPHYS_MAPPING = 12;

    /** Bits of the command; above them is the extent to go on with. */
    private static final int COMMAND_BITS = 6;

    private static final long M2P_END = 0xFFFF_8040_0000_0000L;

    private static final int LARGEST_ORDER = 18;
    private static final int MAP_ENTRY = 20;
    private static final int RAM = 1;

    private final PvGuest guest;
    private final PvTables tables;
    private final GuestMemory memory;
    private long current;

    MemoryCalls(PvGuest guest) {
        this.guest = guest;
        this.tables = guest.tables();
        this.memory = guest.kernel();
        this.current = guest.pages();
    }

    /** a: command, where its structure is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        int command = (int) a[0] & (1 << COMMAND_BITS) - 1;
        return switch (command) {
            case INCREASE, DECREASE, POPULATE -> reservation(command, a);
            case MAXIMUM_PAGE -> tables.machine().m2p().maxMfn();
            case CURRENT -> guest.isSelf(memory.readShort(a[1])) ? current : Errno.ESRCH;
            case MAXIMUM -> guest.isSelf(memory.readShort(a[1])) ? guest.pages() : Errno.ESRCH;
            case MEMORY_MAP -> memoryMap(a[1]);
            case MACHPHYS_MAPPING -> {
                memory.writeLong(a[1], MachineToPhys.LINEAR);
                memory.writeLong(a[1] + 8, M2P_END);
                memory.writeLong(a[1] + 16, tables.machine().m2p().maxMfn());
                yield 0;
            }
            default -> Errno.ENOSYS;
        };
    }

    /** {u32 entries in and out, u64 pointer @8 to {u64 start, u64 length, u32 type}}: one range of RAM. */
    private long memoryMap(long at) {
        if (memory.readInt(at) == 0) {
            return Errno.EINVAL;
        }
        long buffer = memory.readLong(at + 8);
        memory.writeLong(buffer, 0);
        memory.writeLong(buffer + 8, guest.pages() << 12);
        memory.writeInt(buffer + MAP_ENTRY - 4, RAM);
        memory.writeInt(at, 1);
        return 0;
    }

    // ---- reservations
    // ------------------------------------------------------------------------------------------------------------

    /**
     * {u64 list, u64 extents, u32 order, u32 flags, u16 domain}.
     *
     * @return extents that were done, from the first on
     */
    private long reservation(int command, long[] a) {
        long at = a[1];
        long list = memory.readLong(at);
        long extents = memory.readLong(at + 8);
        int order = memory.readInt(at + 16);
        if (!guest.isSelf(memory.readShort(at + 24))) {
            return Errno.ESRCH;
        }
        long start = a[0] >>> COMMAND_BITS;
        if (order < 0 || order > LARGEST_ORDER || extents < 0 || start > extents) {
            return start;
        }
        long limit = Math.min(extents, start + Math.max(1, PvGuest.BATCH >>> order));
        for (long done = start; done < limit; done++) {
            if (!extent(command, list, done, order)) {
                return done;
            }
        }
        if (limit == extents) {
            return extents;
        }
        a[0] = limit << COMMAND_BITS | command;
        return Errno.RESTART;
    }

    private boolean extent(int command, long list, long index, int order) {
        long place = list + 8 * index;
        try {
            return switch (command) {
                case DECREASE -> release(memory.readLong(place), order);
                case POPULATE -> allocate(memory.readLong(place), place, order);
                default -> allocate(MachineToPhys.NONE, list == 0 ? 0 : place, order);
            };
        } catch (BadPointer pointer) {
            return false;
        }
    }

    private boolean release(long first, int order) {
        for (long i = 0; i < 1L << order; i++) {
            if (tables.release(first + i) != 0) {
                return false;
            }
            current--;
        }
        return true;
    }

    /** Frames are given singly: nothing here has them in a row. */
    private boolean allocate(long pfn, long place, int order) {
        if (order != 0 || current >= guest.pages()) {
            return false;
        }
        if (place != 0) {
            memory.translate(place, true);
        }
        long mfn = tables.allocate(pfn);
        if (mfn < 0) {
            return false;
        }
        current++;
        if (place != 0) {
            memory.writeLong(place, mfn);
        }
        return true;
    }
}
