package io.umbra.shadow;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Memory that is given to a domain when it touches it, taken away again when there is too much of it, and held once where several frames have the same bytes. The guest sees none of this; it costs faults.
 * Xen: populate on demand, {@code mem_paging}, {@code mem_sharing}.
 *
 * <ol>
 *   <li>A frame to be populated reads as zeros until its first use.
 *   <li>The frame that came in first goes out first. One of zeros needs no keeping.
 *   <li>Of frames with the same bytes one is kept, read-only; who writes gets a copy, and the last who is left keeps the frame.
 *   <li>Every change goes through the {@link P2m}, which tells whoever has derived something from the old entry.
 * </ol>
 */
public final class DemandMemory implements MemorySupply {
    /** Frames that one instruction may need at once, generously, with the tables of their walks. */
    public static final long LEAST_RESIDENT = 256;

    private static final int FRAME_BYTES = 4096;

    private final MachineMemory memory;
    private final FrameAllocator frames;
    private final P2m p2m;
    private final long mostResident;
    private final Counters counters;
    /** Frames that came by {@link #provide}, in that order; some of them may be no plain memory any more. */
    private final ArrayDeque<Long> resident = new ArrayDeque<>();
    /** The bytes of what is {@link P2mType#PAGED_OUT}, by gfn. */
    private final Map<Long, byte[]> outside = new HashMap<>();
    /** How many gfns have each {@link P2mType#SHARED} frame, by mfn. */
    private final Map<Long, Integer> sharers = new HashMap<>();

    /**
     * Becomes the supply of {@code p2m}.
     *
     * @param mostResident frames in use at most, not counting those that were not provided here; at least {@link #LEAST_RESIDENT}
     * @param counters where what happens is counted
     */
    public DemandMemory(MachineMemory memory, FrameAllocator frames, P2m p2m, long mostResident, Counters counters) {
        if (mostResident < LEAST_RESIDENT) {
            throw new IllegalArgumentException("fewer than " + LEAST_RESIDENT + " resident frames");
        }
        this.memory = memory;
        this.frames = frames;
        this.p2m = p2m;
        this.mostResident = mostResident;
        this.counters = counters;
        p2m.supply(this);
    }

    // ---- giving
    // ------------------------------------------------------------------------------------------------------

    @Override
    public void provide(long gfn, long entry, boolean forWriting) {
        switch (P2m.type(entry)) {
            case POPULATE_ON_DEMAND -> populate(gfn);
            case PAGED_OUT -> pageIn(gfn);
            case SHARED -> unshare(gfn, P2m.mfn(entry));
            case RAM, READ_ONLY, MMIO, HOLE, LOG_DIRTY ->
                throw new IllegalArgumentException("there is nothing to provide for " + P2m.type(entry));
        }
    }

    private void populate(long gfn) {
        if (p2m.leafLevel(gfn) == 2 && mostResident == Long.MAX_VALUE && populateRun(gfn & -LargeLeaves.FRAMES)) {
            return;
        }
        long mfn = newFrame();
        memory.zeroFrame(mfn);
        counters.add(Counter.POPULATE);
        install(gfn, mfn);
    }

    private boolean populateRun(long gfn) {
        long run = frames.allocateRun();
        if (run == FrameAllocator.NONE) {
            return false;
        }
        for (int i = 0; i < LargeLeaves.FRAMES; i++) {
            memory.zeroFrame(run + i);
        }
        counters.add(Counter.POPULATE, LargeLeaves.FRAMES);
        p2m.set(gfn, 2, run, P2mType.RAM);
        return true;
    }

    private void pageIn(long gfn) {
        long mfn = newFrame();
        byte[] bytes = outside.remove(gfn);
        if (bytes == null) {
            throw new IllegalStateException("gfn 0x" + Long.toHexString(gfn) + " is paged out and nowhere");
        }
        memory.write(mfn << 12, bytes, 0, FRAME_BYTES);
        counters.add(Counter.PAGE_IN);
        install(gfn, mfn);
    }

    private void unshare(long gfn, long mfn) {
        int others = sharers.getOrDefault(mfn, 1) - 1;
        if (others == 0) {
            sharers.remove(mfn);
            install(gfn, mfn);
            return;
        }
        long copy = newFrame();
        sharers.put(mfn, others);
        byte[] bytes = new byte[FRAME_BYTES];
        memory.read(mfn << 12, bytes, 0, FRAME_BYTES);
        memory.write(copy << 12, bytes, 0, FRAME_BYTES);
        counters.add(Counter.UNSHARE);
        install(gfn, copy);
    }

    private void install(long gfn, long mfn) {
        resident.addLast(gfn);
        p2m.set(gfn, 1, mfn, P2mType.RAM);
    }

    private long newFrame() {
        while (resident.size() >= mostResident) {
            pageOutOldest();
        }
        long mfn = frames.allocate();
        if (mfn == FrameAllocator.NONE) {
            throw new DomainCrash("no machine frame is left for memory that the guest asks for");
        }
        return mfn;
    }

    // ---- taking away
    // -------------------------------------------------------------------------------------------------

    private void pageOutOldest() {
        long gfn = resident.removeFirst();
        if (P2m.type(p2m.lookup(gfn)) == P2mType.RAM || P2m.type(p2m.lookup(gfn)) == P2mType.LOG_DIRTY) {
            pageOut(gfn);
        }
    }

    /** The frame's bytes are kept elsewhere until it is used again. It must be RAM. */
    public void pageOut(long gfn) {
        long mfn = mfnOfRam(gfn);
        byte[] bytes = new byte[FRAME_BYTES];
        memory.read(mfn << 12, bytes, 0, FRAME_BYTES);
        boolean isZero = Arrays.equals(bytes, new byte[FRAME_BYTES]);
        p2m.set(gfn, 1, 0, isZero ? P2mType.POPULATE_ON_DEMAND : P2mType.PAGED_OUT);
        if (!isZero) {
            outside.put(gfn, bytes);
        }
        frames.free(mfn);
        counters.add(Counter.PAGE_OUT);
    }

    private long mfnOfRam(long gfn) {
        long entry = p2m.lookup(gfn);
        if (!P2m.isBacked(entry) || !P2m.isWritable(entry)) {
            throw new IllegalArgumentException("gfn 0x" + Long.toHexString(gfn) + " is " + P2m.type(entry));
        }
        return P2m.mfn(entry);
    }

    // ---- sharing
    // -----------------------------------------------------------------------------------------------------

    /** Has all RAM below {@code end} that has the same bytes kept once. */
    public void mergeEqual(long end) {
        Map<Long, List<Long>> byHash = new HashMap<>();
        for (long gfn = 0; gfn < end; gfn++) {
            long entry = p2m.lookup(gfn);
            boolean isRam = P2m.isBacked(entry) && P2m.isWritable(entry);
            if (isRam || P2m.type(entry) == P2mType.SHARED) {
                List<Long> alike = byHash.computeIfAbsent(memory.hashFrame(P2m.mfn(entry)), hash -> new ArrayList<>());
                mergeWithOneOf(alike, gfn);
            }
        }
    }

    /** The first of those that have the same bytes takes {@code gfn} in; otherwise it joins them as one more kind. */
    private void mergeWithOneOf(List<Long> alike, long gfn) {
        for (long first : alike) {
            if (haveSameBytes(first, gfn)) {
                share(first, gfn);
                return;
            }
        }
        alike.add(gfn);
    }

    private boolean haveSameBytes(long first, long second) {
        byte[] bytes = new byte[FRAME_BYTES];
        byte[] others = new byte[FRAME_BYTES];
        memory.read(P2m.mfn(p2m.lookup(first)) << 12, bytes, 0, FRAME_BYTES);
        memory.read(P2m.mfn(p2m.lookup(second)) << 12, others, 0, FRAME_BYTES);
        return Arrays.equals(bytes, others);
    }

    private void share(long first, long second) {
        long kept = P2m.mfn(p2m.lookup(first));
        long given = P2m.mfn(p2m.lookup(second));
        if (kept == given) {
            return;
        }
        if (P2m.type(p2m.lookup(first)) != P2mType.SHARED) {
            p2m.set(first, 1, kept, P2mType.SHARED);
            sharers.put(kept, 1);
        }
        boolean wasShared = P2m.type(p2m.lookup(second)) == P2mType.SHARED;
        p2m.set(second, 1, kept, P2mType.SHARED);
        sharers.merge(kept, 1, Integer::sum);
        int left = wasShared ? sharers.merge(given, -1, Integer::sum) : 0;
        if (left == 0) {
            sharers.remove(given);
            frames.free(given);
            counters.add(Counter.MERGE);
        }
    }

    /** Frames whose type says that they are elsewhere: for reports and tests. */
    public long outsideCount() {
        return outside.size();
    }

    /** gfns that have a frame together with others. */
    public long sharedCount() {
        return sharers.values().stream().mapToLong(Integer::longValue).sum();
    }
}
