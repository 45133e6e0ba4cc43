package io.umbra.x86;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Hands out the frames of a {@link MachineMemory}. Deliberately scattered, by a seed: a domain's gfn n never has mfn n by luck, so that a
 * missed P2M look-up fails at once. Frame 0 is never handed out. Memory is cut into chunks of 512 frames: {@link #allocate} takes frames
 * here and there out of a few open chunks, {@link #allocateRun} takes whole chunks for large P2M entries.
 */
public final class FrameAllocator {
    /** No frame is left. */
    public static final long NONE = -1;

    private static final int CHUNK = 512;
    private static final int OPEN_CHUNKS = 8;

    private final BitSet allocated = new BitSet();
    private final ArrayDeque<Integer> virginChunks = new ArrayDeque<>();
    private final List<long[]> open = new ArrayList<>();
    private final ArrayDeque<Long> returned = new ArrayDeque<>();
    private final RandomGenerator random;
    private final long frames;
    private long free;

    public FrameAllocator(long frames, long seed) {
        this.frames = frames;
        this.free = frames - 1;
        this.random = new java.util.SplittableRandom(seed);
        List<Integer> chunks = new ArrayList<>();
        for (int chunk = 0; (long) chunk * CHUNK < frames; chunk++) {
            chunks.add(chunk);
        }
        for (int i = chunks.size() - 1; i > 0; i--) {
            java.util.Collections.swap(chunks, i, random.nextInt(i + 1));
        }
        virginChunks.addAll(chunks);
        allocated.set(0);
    }

    public long freeFrames() {
        return free;
    }

    /** @return an mfn, or {@link #NONE} */
    public long allocate() {
        if (free == 0) {
            return NONE;
        }
        free--;
        Long again = returned.pollFirst();
        long mfn = again != null ? again : takeFromOpenChunk();
        allocated.set(Math.toIntExact(mfn));
        return mfn;
    }

    /** {@code 512} frames in a row, the first a multiple of 512. @return the first mfn, or {@link #NONE} */
    public long allocateRun() {
        for (var chunks = virginChunks.iterator(); chunks.hasNext(); ) {
            int chunk = chunks.next();
            long first = (long) chunk * CHUNK;
            if (chunk != 0 && first + CHUNK <= frames) {
                chunks.remove();
                allocated.set((int) first, (int) first + CHUNK);
                free -= CHUNK;
                return first;
            }
        }
        return NONE;
    }

    /** @throws InvariantViolation ({@code FRAME-1}) when the frame is not allocated */
    public void free(long mfn) {
        if (!isAllocated(mfn)) {
            throw new InvariantViolation("FRAME-1", "frame " + Long.toHexString(mfn) + " freed but not allocated");
        }
        allocated.clear(Math.toIntExact(mfn));
        returned.addLast(mfn);
        free++;
    }

    public boolean isAllocated(long mfn) {
        return mfn > 0 && mfn < frames && allocated.get(Math.toIntExact(mfn));
    }

    private long takeFromOpenChunk() {
        while (open.size() < OPEN_CHUNKS && !virginChunks.isEmpty()) {
            open.add(scatteredFrames(virginChunks.removeFirst()));
        }
        int pick = random.nextInt(open.size());
        long[] chunk = open.get(pick);
        int left = (int) chunk[CHUNK];
        long mfn = chunk[left - 1];
        chunk[CHUNK] = left - 1L;
        if (left == 1) {
            open.remove(pick);
        }
        return mfn;
    }

    /** The chunk's frames in random order, and in the last element how many are left. */
    private long[] scatteredFrames(int chunk) {
        long[] scattered = new long[CHUNK + 1];
        int count = 0;
        for (int i = 0; i < CHUNK; i++) {
            long mfn = (long) chunk * CHUNK + i;
            if (mfn != 0 && mfn < frames) {
                int place = random.nextInt(count + 1);
                scattered[count++] = scattered[place];
                scattered[place] = mfn;
            }
        }
        scattered[CHUNK] = count;
        return scattered;
    }
}
