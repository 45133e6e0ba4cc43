package io.umbra.vmm.pv;

import io.umbra.shadow.pv.Errno;
import io.umbra.shadow.pv.MachineToPhys;
import io.umbra.shadow.pv.PvTables;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.xen.CallerMemory;
import io.umbra.vmm.xen.Reservation;
import java.util.List;

/** The frames of a PV guest, which knows their machine numbers. */
final class PvReservation implements Reservation {
    private static final int MACHPHYS_MAPPING = 12;

    private static final long M2P_END = 0xFFFF_8040_0000_0000L;

    private final PvTables tables;
    private final CallerMemory memory;
    private final long most;
    private long current;

    PvReservation(PvGuest guest) {
        this.tables = guest.tables();
        this.memory = guest.kernel();
        this.most = guest.pages();
        this.current = most;
    }

    @Override
    public long current() {
        return current;
    }

    @Override
    public long most() {
        return most;
    }

    @Override
    public long lastMachineFrame() {
        return tables.machine().m2p().maxMfn();
    }

    /** One range of RAM. */
    @Override
    public List<MemoryMap.Range> map() {
        return List.of(new MemoryMap.Range(0, most << 12, MemoryMap.Kind.RAM));
    }

    @Override
    public boolean release(long mfn) {
        if (tables.release(mfn) != 0) {
            return false;
        }
        current--;
        return true;
    }

    @Override
    public boolean populate(long pfn, long place, int order) {
        return allocate(pfn, place, order);
    }

    @Override
    public boolean increase(long place, int order) {
        return allocate(MachineToPhys.NONE, place, order);
    }

    /** Frames are given singly: nothing here has them in a row. */
    private boolean allocate(long pfn, long place, int order) {
        if (order != 0 || current >= most) {
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

    /** Where the map from machine frames to the guest's own numbers is: {u64 from, u64 to, u64 last frame}. */
    @Override
    public long other(int command, long[] arguments) {
        if (command != MACHPHYS_MAPPING) {
            return Errno.ENOSYS;
        }
        memory.writeLong(arguments[1], MachineToPhys.LINEAR);
        memory.writeLong(arguments[1] + 8, M2P_END);
        memory.writeLong(arguments[1] + 16, lastMachineFrame());
        return 0;
    }
}
