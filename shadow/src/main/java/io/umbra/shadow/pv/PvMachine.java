package io.umbra.shadow.pv;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A machine that PV domains share: its frames, with what is known of each, and the M2P. Used by one thread at a time. */
public final class PvMachine {
    /** As in Xen a count could reach 2<sup>26</sup>; a table cannot name a frame more often than there are entries. */
    private static final int COUNT_LIMIT = 1 << 26;

    final MachineMemory memory;
    final FrameAllocator allocator;
    final TypeReferences types;
    final EntryUpdates updates;
    private final MachineFrames frames;
    private final MachineToPhys m2p;
    private final List<PvTables> domains = new ArrayList<>();
    private final long emptyFrame;

    /** For work that is not to be interrupted. */
    final Work uninterrupted = new Work();

    private Work work = uninterrupted;

    /** Counts flushes of all TLBs: a mapping removed at an earlier time is in none of them. Xen: {@code tlbflush_clock}. */
    private int flushClock;

    /**
     * @param allocator from which the M2P, the domains' memory and the hypervisor's own tables are taken
     * @throws IllegalStateException when it has too few frames for the M2P
     */
    public PvMachine(MachineMemory memory, FrameAllocator allocator) {
        this(memory, allocator, COUNT_LIMIT);
    }

    /** @param countLimit what no count of references may reach */
    PvMachine(MachineMemory memory, FrameAllocator allocator, int countLimit) {
        this.memory = memory;
        this.allocator = allocator;
        this.frames = new MachineFrames(memory.frames(), countLimit);
        this.m2p = new MachineToPhys(this);
        this.emptyFrame = ownFrame();
        this.types = new TypeReferences(this);
        this.updates = new EntryUpdates(this);
    }

    public MachineFrames frames() {
        return frames;
    }

    public MachineToPhys m2p() {
        return m2p;
    }

    /** The frame, taken from the allocator, is a domain's that has no PV tables. PV domains with power over that domain may map it. */
    public void adopt(long mfn, int domain) {
        frames.assign(mfn, domain, MachineFrames.ALLOCATED);
    }

    /** The domain gives an {@linkplain #adopt adopted} frame up: it goes back to the allocator with its last mapping. */
    public void abandon(long mfn) {
        frames.set(mfn, MachineFrames.ALLOCATED, false);
        drop(mfn);
    }

    // ---- domains
    // -----------------------------------------------------------------------------------------------------------------------

    void enroll(PvTables tables) {
        if (find(tables.domain()) != null) {
            throw new IllegalArgumentException("domain " + tables.domain() + " exists");
        }
        domains.add(tables);
    }

    List<PvTables> domains() {
        return domains;
    }

    /** The tables of a PV domain, be it alive or dead, or null when it is none. */
    @Nullable
    PvTables find(int domain) {
        for (int i = 0; i < domains.size(); i++) {
            if (domains.get(i).domain() == domain) {
                return domains.get(i);
            }
        }
        return null;
    }

    /** The domain whose frame it is, if that is a PV domain. */
    @Nullable
    PvTables ownerOf(long mfn) {
        return find(frames.owner(mfn));
    }

    // ---- the call under way
    // -----------------------------------------------------------------------------------------------------------------------

    Work work() {
        return work;
    }

    /** @return whose work it was until now */
    Work work(Work now) {
        Work before = work;
        work = now;
        return before;
    }

    // ---- frames
    // -----------------------------------------------------------------------------------------------------------------------

    /** A zeroed frame of the hypervisor's own. */
    long ownFrame() {
        long mfn = allocator.allocate();
        if (mfn == FrameAllocator.NONE) {
            throw new IllegalStateException("no machine frame is left for the hypervisor's own tables");
        }
        memory.zeroFrame(mfn);
        frames.assign(mfn, MachineFrames.HYPERVISOR, 0);
        return mfn;
    }

    /** A frame of zeros: descriptors that are not present. */
    long emptyFrame() {
        return emptyFrame;
    }

    /** Gives up a reference to the frame; with the last one it goes back to the allocator. No TLB has it then. */
    void drop(long mfn) {
        if (frames.drop(mfn) == 0) {
            flushIfStale(mfn);
            m2p.set(mfn, MachineToPhys.NONE);
            frames.clear(mfn);
            allocator.free(mfn);
        }
    }

    // ---- TLBs
    // -----------------------------------------------------------------------------------------------------------------------

    /** A translation to or through the frame has been removed from the tables, and may still be in a TLB. */
    void stamp(long mfn) {
        frames.stamp(mfn, flushClock);
    }

    /** Flushes unless that has been done since the frame was last {@linkplain #stamp stamped}. */
    void flushIfStale(long mfn) {
        if (frames.stamp(mfn) == flushClock) {
            flush();
        }
    }

    /** A frame may be mapped by more domains than its owner: all are flushed. */
    void flush() {
        flushClock++;
        for (int i = 0; i < domains.size(); i++) {
            if (domains.get(i).isAlive()) {
                domains.get(i).counts().flush();
                domains.get(i).host().flushAll();
            }
        }
    }
}
