package io.umbra.vmm.hvm;

import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.xen.CallerMemory;
import io.umbra.vmm.xen.GrantTable;
import io.umbra.vmm.xen.MemoryCalls;
import io.umbra.vmm.xen.Reservation;
import io.umbra.vmm.xen.Structure;
import io.umbra.vmm.xen.XenDomain;
import io.umbra.vmm.xen.XenGuest;
import java.util.List;

/** The frames of an HVM guest, which knows guest frame numbers only, and what it may put at one of them. */
final class HvmReservation implements Reservation {
    private static final int ADD = 7, MACHINE_MAP = 10, SET_MAP = 13, HIGHEST = 14, REMOVE = 15, ADD_BATCH = 23;
    private static final int SHARED_INFO = 0, GRANT_TABLE = 1, FRAME = 2;

    private final XenDomain domain;
    private final CallerMemory memory;
    private final PhysicalMap map;
    private final MemoryMap ranges;
    private final GrantTable grants;
    private final long sharedInfo;

    /** @param sharedInfo the machine frame */
    HvmReservation(XenGuest guest, PhysicalMap map, MemoryMap ranges, GrantTable grants, long sharedInfo) {
        this.domain = guest.domain();
        this.memory = guest.memory();
        this.map = map;
        this.ranges = ranges;
        this.grants = grants;
        this.sharedInfo = sharedInfo;
    }

    @Override
    public long current() {
        return map.current();
    }

    @Override
    public long most() {
        return map.most();
    }

    @Override
    public long lastMachineFrame() {
        return map.lastMachineFrame();
    }

    @Override
    public List<MemoryMap.Range> map() {
        return ranges.ranges();
    }

    @Override
    public boolean release(long gfn) {
        return map.release(gfn);
    }

    /** All of them or none, as far as it can be known before. */
    @Override
    public boolean populate(long wanted, long place, int order) {
        long count = 1L << order;
        if (!map.isGfn(wanted) || !map.isGfn(wanted + count - 1) || map.current() + count > map.most()) {
            return false;
        }
        for (long gfn = wanted; gfn < wanted + count; gfn++) {
            if (!map.populate(gfn)) {
                return false;
            }
        }
        return true;
    }

    /** There is no place for frames that have no number. */
    @Override
    public boolean increase(long place, int order) {
        return false;
    }

    @Override
    public long other(int command, long[] arguments) {
        return switch (command) {
            case ADD -> add(memory.structure(arguments[1]));
            case ADD_BATCH -> addBatch(command, arguments);
            case REMOVE -> remove(memory.structure(arguments[1]));
            case HIGHEST -> domain.isSelf(memory.readShort(arguments[1])) ? map.highest() : Errno.ESRCH;
            case MACHINE_MAP, SET_MAP -> Errno.EPERM;
            default -> Errno.ENOSYS;
        };
    }

    // ---- what is put where
    // --------------------------------------------------------------------------------------------------------

    /** {u16 domain, u16 size, u32 space, word index, word gfn}. */
    private long add(Structure request) {
        boolean self = domain.isSelf(request.u16());
        request.u16();
        int space = (int) request.u32();
        long index = request.word();
        return self ? add(space, index, request.word()) : Errno.ESRCH;
    }

    private long add(int space, long index, long gfn) {
        if (!map.isGfn(gfn)) {
            return Errno.EINVAL;
        }
        return switch (space) {
            case SHARED_INFO -> index == 0 ? place(sharedInfo, gfn) : Errno.EINVAL;
            case GRANT_TABLE -> place(grants.frame(index), gfn);
            case FRAME -> map.isGfn(index) && map.move(index, gfn) ? 0 : Errno.EINVAL;
            default -> Errno.ENOSYS;
        };
    }

    private long place(long mfn, long gfn) {
        if (mfn < 0) {
            return Errno.EINVAL;
        }
        map.place(mfn, gfn);
        return 0;
    }

    /** {u16 domain, u16 space, u16 size, u16, pointer to word indices, pointer to word gfns, pointer to u32 errors}. */
    private long addBatch(int command, long[] arguments) {
        Structure request = memory.structure(arguments[1]);
        boolean self = domain.isSelf(request.u16());
        int space = request.u16();
        int size = request.u16();
        request.u16();
        long indices = request.word();
        long gfns = request.word();
        long errors = request.word();
        long start = arguments[0] >>> MemoryCalls.COMMAND_BITS;
        if (!self || start > size) {
            return self ? Errno.EINVAL : Errno.ESRCH;
        }
        long limit = Math.min(size, start + XenGuest.BATCH);
        int word = memory.wordBytes();
        for (long i = start; i < limit; i++) {
            long result = add(space, memory.readWord(indices + i * word), memory.readWord(gfns + i * word));
            memory.writeInt(errors + 4 * i, (int) result);
        }
        if (limit == size) {
            return 0;
        }
        arguments[0] = limit << MemoryCalls.COMMAND_BITS | command;
        return Errno.RESTART;
    }

    /** {u16 domain, word gfn}. */
    private long remove(Structure request) {
        boolean self = domain.isSelf(request.u16());
        return !self ? Errno.ESRCH : map.release(request.word()) ? 0 : Errno.ENOENT;
    }
}
