package io.umbra.shadow;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;

/**
 * The machine frames set aside for one domain's shadows. Allocation never reclaims: whoever needs pages makes room first ({@link Reclaim}), and running dry here is
 * a mistake of ours. The free list is first in, first out.
 */
final class ShadowPool {
    private final MachineMemory memory;
    private final FrameTable frames;
    private final ShadowPage[] pages;
    final int[] freeRing;
    int freeHead;
    private int freeCount;

    ShadowPool(MachineMemory memory, FrameAllocator allocator, FrameTable frames, int size) {
        this.memory = memory;
        this.frames = frames;
        this.pages = new ShadowPage[size];
        this.freeRing = new int[size];
        for (int i = 0; i < size; i++) {
            long mfn = allocator.allocate();
            if (mfn == FrameAllocator.NONE) {
                throw new DomainCrash("no machine frames for a shadow pool of " + size + " pages");
            }
            pages[i] = new ShadowPage(i, mfn);
            frames.poolIndex(mfn, i);
            freeRing[i] = i;
        }
        freeCount = size;
    }

    int size() {
        return pages.length;
    }

    int free() {
        return freeCount;
    }

    int used() {
        return pages.length - freeCount;
    }

    /** The free pages in the order in which they will be handed out: for the auditor. */
    ShadowPage freePage(int place) {
        return pages[freeRing[(freeHead + place) % freeRing.length]];
    }

    ShadowPage page(int index) {
        return pages[index];
    }

    /** The page of a shadow in machine frame {@code mfn}. */
    ShadowPage at(long mfn) {
        int index = frames.poolIndex(mfn);
        if (index < 0) {
            throw new InvariantViolation("LINK-1", "mfn 0x" + Long.toHexString(mfn) + " is no shadow page");
        }
        return pages[index];
    }

    /** As many pages as the type has, of zero entries. @return the first of them */
    ShadowPage allocate(ShadowType type, long frame) {
        ShadowPage head = take(type, frame);
        head.head = head;
        head.part = 0;
        head.references = 0;
        head.upPointer = -1;
        head.deviceTags = 0;
        ShadowPage last = head;
        for (int part = 1; part < type.pages(); part++) {
            ShadowPage page = take(type, frame);
            page.head = head;
            page.part = part;
            last.nextPart = page;
            last = page;
        }
        return head;
    }

    private ShadowPage take(ShadowType type, long frame) {
        if (freeCount == 0) {
            throw new InvariantViolation("POOL-1", "the pool ran dry: room must be made before allocation");
        }
        ShadowPage page = pages[freeRing[freeHead]];
        freeHead = freeHead + 1 == freeRing.length ? 0 : freeHead + 1;
        freeCount--;
        memory.zeroFrame(page.mfn);
        page.type = type;
        page.frame = frame;
        page.nextPart = null;
        return page;
    }

    /** Frees all pages of the shadow. */
    void release(ShadowPage head) {
        for (ShadowPage page = head; page != null; ) {
            ShadowPage next = page.nextPart;
            page.type = null;
            page.head = page;
            page.part = 0;
            page.nextPart = null;
            int tail = freeHead + freeCount;
            freeRing[tail >= freeRing.length ? tail - freeRing.length : tail] = page.index;
            freeCount++;
            page = next;
        }
    }

    /** Returns all frames to the allocator; the pool must not be used afterwards. */
    void close(FrameAllocator allocator) {
        for (ShadowPage page : pages) {
            frames.poolIndex(page.mfn, -1);
            allocator.free(page.mfn);
        }
    }
}
