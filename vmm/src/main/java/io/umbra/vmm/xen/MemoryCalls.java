package io.umbra.vmm.xen;

import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.loader.MemoryMap;
import java.util.List;

/** {@code memory_op}: how much memory the domain has, and which. */
public final class MemoryCalls implements HypercallFamily {
    /** Bits of the command; above them is the extent to go on with. */
    public static final int COMMAND_BITS = 6;

    private static final int INCREASE = 0, DECREASE = 1, MAXIMUM_PAGE = 2, CURRENT = 3, MAXIMUM = 4, POPULATE = 6;
    private static final int MEMORY_MAP = 9;

    private static final int LARGEST_ORDER = 18;
    private static final int MAP_ENTRY = 20;

    private final XenDomain domain;
    private final CallerMemory memory;
    private final Reservation frames;

    public MemoryCalls(XenGuest guest, Reservation frames) {
        this.domain = guest.domain();
        this.memory = guest.memory();
        this.frames = frames;
    }

    /** a: command, where its structure is. */
    @Override
    public long call(HypercallNumber number, long[] a) {
        int command = (int) a[0] & (1 << COMMAND_BITS) - 1;
        return switch (command) {
            case INCREASE, DECREASE, POPULATE -> reservation(command, a);
            case MAXIMUM_PAGE -> frames.lastMachineFrame();
            case CURRENT -> domain.isSelf(memory.readShort(a[1])) ? frames.current() : Errno.ESRCH;
            case MAXIMUM -> domain.isSelf(memory.readShort(a[1])) ? frames.most() : Errno.ESRCH;
            case MEMORY_MAP -> memoryMap(a[1]);
            default -> frames.other(command, a);
        };
    }

    /** {u32 entries in and out, pointer to {u64 start, u64 length, u32 type}}: as many ranges as there is room for. */
    private long memoryMap(long at) {
        Structure request = memory.structure(at);
        long room = request.u32();
        if (room == 0) {
            return Errno.EINVAL;
        }
        long buffer = request.word();
        List<MemoryMap.Range> ranges = frames.map();
        int count = (int) Math.min(room, ranges.size());
        for (MemoryMap.Range range : ranges.subList(0, count)) {
            memory.writeLong(buffer, range.start());
            memory.writeLong(buffer + 8, range.length());
            memory.writeInt(buffer + 16, range.kind().number());
            buffer += MAP_ENTRY;
        }
        memory.writeInt(at, count);
        return 0;
    }

    // ---- reservations
    // ------------------------------------------------------------------------------------------------------------

    /**
     * {pointer to words, word extents, u32 order, u32 flags, u16 domain}.
     *
     * @return extents that were done, from the first on
     */
    private long reservation(int command, long[] a) {
        Structure request = memory.structure(a[1]);
        long list = request.word();
        long extents = request.word();
        int order = (int) request.u32();
        request.u32();
        if (!domain.isSelf(request.u16())) {
            return Errno.ESRCH;
        }
        long start = a[0] >>> COMMAND_BITS;
        if (order < 0 || order > LARGEST_ORDER || extents < 0 || start > extents) {
            return start;
        }
        long limit = Math.min(extents, start + Math.max(1, XenGuest.BATCH >>> order));
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
        long place = list + memory.wordBytes() * index;
        try {
            return switch (command) {
                case DECREASE -> release(memory.readWord(place), order);
                case POPULATE -> frames.populate(memory.readWord(place), place, order);
                default -> frames.increase(list == 0 ? 0 : place, order);
            };
        } catch (BadPointer pointer) {
            return false;
        }
    }

    private boolean release(long first, int order) {
        for (long i = 0; i < 1L << order; i++) {
            if (!frames.release(first + i)) {
                return false;
            }
        }
        return true;
    }
}
