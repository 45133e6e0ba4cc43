package io.umbra.vmm.hvm;

import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.Paging;
import io.umbra.vmm.xen.SharedMemory;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;
import java.util.HashMap;
import java.util.Map;

/**
 * A domain's guest-physical memory as hypercalls change it, and as the hypervisor shares it: the addresses of this {@link SharedMemory} are guest-physical. Beside the domain's RAM there are frames of the
 * hypervisor's own, which the guest may have at one place each. Xen: {@code guest_physmap_add_page}, {@code xenmem_add_to_physmap_one}.
 */
public final class PhysicalMap implements SharedMemory {
    private static final int PAGE = MachineMemory.FRAME_BYTES;
    /** No place: the guest has not mapped the frame. */
    static final long NOWHERE = -1;

    private final MachineMemory memory;
    private final FrameAllocator frames;
    private final P2m p2m;
    private final Paging paging;
    private final long end;
    private final long most;
    /** The hypervisor's own frames, with the gfn where each is. */
    private final Map<Long, Long> own = new HashMap<>();

    private long current;

    /**
     * The map as it is.
     *
     * @param end the guest may use gfns below it
     * @param ram frames of RAM that the domain has
     * @param most frames of RAM that it may have
     */
    public PhysicalMap(
            MachineMemory memory, FrameAllocator frames, P2m p2m, Paging paging, long end, long ram, long most) {
        this.memory = memory;
        this.frames = frames;
        this.p2m = p2m;
        this.paging = paging;
        this.end = end;
        this.most = most;
        this.current = ram;
    }

    /** Frames of RAM. */
    long current() {
        return current;
    }

    long most() {
        return most;
    }

    long lastMachineFrame() {
        return memory.frames() - 1;
    }

    /** The highest gfn that ever had a meaning. */
    long highest() {
        return p2m.highestGfn();
    }

    boolean isGfn(long gfn) {
        return gfn >= 0 && gfn < end;
    }

    /** Memory that the guest may write to. */
    boolean isRam(long gfn) {
        long entry = p2m.lookup(gfn);
        return P2m.isBacked(entry) && P2m.isWritable(entry);
    }

    P2mType type(long gfn) {
        return P2m.type(p2m.lookup(gfn));
    }

    // ---- changes
    // ----------------------------------------------------------------------------------------------------------------

    /** A zeroed frame of the hypervisor's own, which is nowhere yet. @return -1 when none is left */
    long newFrame() {
        long mfn = frames.allocate();
        if (mfn == FrameAllocator.NONE) {
            return -1;
        }
        memory.zeroFrame(mfn);
        own.put(mfn, NOWHERE);
        return mfn;
    }

    /** Where the guest has a frame of the hypervisor's own, or {@link #NOWHERE}. */
    long placeOf(long mfn) {
        return own.getOrDefault(mfn, NOWHERE);
    }

    /**
     * Puts a frame of the hypervisor's own to a place, and takes it away where it was. What was at the place is gone.
     *
     * @param gfn for which {@link #isGfn} holds
     */
    void place(long mfn, long gfn) {
        release(gfn);
        long old = placeOf(mfn);
        if (old != NOWHERE) {
            vacate(old);
        }
        own.put(mfn, gfn);
        become(gfn, mfn);
    }

    /** Moves a frame of RAM. What was at the place is gone. @return whether there was RAM to be moved */
    boolean move(long from, long to) {
        long entry = p2m.lookup(from);
        if (!isRam(from) || placeOf(P2m.mfn(entry)) != NOWHERE) {
            return false;
        }
        if (from != to) {
            vacate(from);
            release(to);
            become(to, P2m.mfn(entry));
        }
        return true;
    }

    /** The place has no memory any more. RAM is returned. @return whether there was any */
    boolean release(long gfn) {
        long entry = p2m.lookup(gfn);
        if (!isGfn(gfn) || !P2m.isBacked(entry)) {
            return false;
        }
        vacate(gfn);
        if (own.replace(P2m.mfn(entry), NOWHERE) == null) {
            frames.free(P2m.mfn(entry));
            current--;
        }
        return true;
    }

    /** Zeroed RAM where there is no memory. @return false where there is, where there can be none, and when the domain has all that it may have */
    boolean populate(long gfn) {
        boolean mayHave = isGfn(gfn) && !P2m.isBacked(p2m.lookup(gfn)) && current < most;
        long mfn = mayHave ? frames.allocate() : FrameAllocator.NONE;
        if (mfn == FrameAllocator.NONE) {
            return false;
        }
        memory.zeroFrame(mfn);
        current++;
        become(gfn, mfn);
        return true;
    }

    /** That memory is gone is a change of it, too, for who logs them. */
    private void vacate(long gfn) {
        paging.memoryWritten(gfn << 12, PAGE);
        p2m.set(gfn, 1, 0, P2mType.HOLE);
    }

    private void become(long gfn, long mfn) {
        p2m.set(gfn, 1, mfn, P2mType.RAM);
        paging.memoryWritten(gfn << 12, PAGE);
    }

    /** Returns the hypervisor's own frames. */
    void close() {
        own.forEach((mfn, gfn) -> {
            if (gfn != NOWHERE) {
                p2m.set(gfn, 1, 0, P2mType.HOLE);
            }
            frames.free(mfn);
        });
        own.clear();
    }

    // ---- contents, by guest-physical address
    // ------------------------------------------------------------------------------------

    /** Gives all of a frame its content. @return false where there is no RAM */
    boolean fill(long gfn, byte[] content) {
        if (!isRam(gfn)) {
            return false;
        }
        memory.write(P2m.mfn(p2m.lookup(gfn)) << 12, content, 0, PAGE);
        paging.memoryWritten(gfn << 12, PAGE);
        return true;
    }

    private long machine(long gpa) {
        long entry = p2m.lookup(gpa >>> 12);
        return P2m.isBacked(entry) ? P2m.mfn(entry) << 12 | gpa & PAGE - 1 : -1;
    }

    /** @return -1 where the guest could not write either */
    private long writable(long gpa) {
        return isRam(gpa >>> 12) ? machine(gpa) : -1;
    }

    @Override
    public int readByte(long gpa) {
        long at = machine(gpa);
        return at < 0 ? 0 : memory.readByte(at);
    }

    @Override
    public int readInt(long gpa) {
        long at = machine(gpa);
        return at < 0 ? 0 : memory.readInt(at);
    }

    @Override
    public long readLong(long gpa) {
        long at = machine(gpa);
        return at < 0 ? 0 : memory.readLong(at);
    }

    @Override
    public void writeByte(long gpa, int value) {
        long at = writable(gpa);
        if (at >= 0) {
            memory.writeByte(at, value);
            paging.memoryWritten(gpa, 1);
        }
    }

    @Override
    public void writeInt(long gpa, int value) {
        long at = writable(gpa);
        if (at >= 0) {
            memory.writeInt(at, value);
            paging.memoryWritten(gpa, 4);
        }
    }

    @Override
    public void writeLong(long gpa, long value) {
        long at = writable(gpa);
        if (at >= 0) {
            memory.writeLong(at, value);
            paging.memoryWritten(gpa, 8);
        }
    }
}
