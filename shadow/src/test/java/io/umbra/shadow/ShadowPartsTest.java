package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The parts that keep track of shadow pages: pool, hash, pins, reverse map. */
class ShadowPartsTest {
    private final MachineMemory memory = new MachineMemory(2048);
    private final FrameAllocator allocator = new FrameAllocator(2048, 3);
    private final FrameTable frames = new FrameTable(2048);
    private final ShadowPool pool = new ShadowPool(memory, allocator, frames, 8);
    private final ReverseMap reverseMap = new ReverseMap(memory.frames(), pool);

    @AfterEach
    void close() {
        memory.close();
    }

    // ---- pool

    @Test
    void allocatedPageIsZeroAndFoundByItsFrame() {
        ShadowPage page = pool.allocate(ShadowType.L1_64, 5);
        memory.writeLong(page.entryAddress(9), -1);
        pool.release(page);
        for (int i = 0; i < pool.size(); i++) {
            page = pool.allocate(ShadowType.L2_64, 6);
        }
        assertThat(memory.readLong(page.entryAddress(9))).isZero();
        assertThat(pool.at(page.mfn)).isSameAs(page);
        assertThat(pool.free()).isZero();
    }

    @Test
    void pageFreedFirstIsReusedFirst() {
        List<ShadowPage> pages = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            pages.add(pool.allocate(ShadowType.L1_64, i));
        }
        pool.release(pages.get(5));
        pool.release(pages.get(2));
        assertThat(pool.allocate(ShadowType.L1_64, 9)).isSameAs(pages.get(5));
        assertThat(pool.allocate(ShadowType.L1_64, 9)).isSameAs(pages.get(2));
    }

    @Test
    void dryPoolIsAMistakeOfOurs() {
        for (int i = 0; i < 8; i++) {
            pool.allocate(ShadowType.L1_64, i);
        }
        assertThatThrownBy(() -> pool.allocate(ShadowType.L1_64, 9))
                .isInstanceOf(InvariantViolation.class)
                .hasMessageStartingWith("POOL-1");
    }

    @Test
    void closedPoolHasGivenAllFramesBack() {
        long before = allocator.freeFrames();
        pool.close(allocator);
        assertThat(allocator.freeFrames()).isEqualTo(before + 8);
    }

    @Test
    void poolLargerThanTheMachineEndsInAClearError() {
        assertThatThrownBy(() -> new ShadowPool(memory, allocator, frames, 4096))
                .isInstanceOf(DomainCrash.class)
                .hasMessage("no machine frames for a shadow pool of 4096 pages");
    }

    // ---- hash

    @Test
    void sameFrameIsFoundByEachOfItsTypes() {
        ShadowHash hash = new ShadowHash(8);
        ShadowPage one = pool.allocate(ShadowType.L1_64, 77);
        ShadowPage two = pool.allocate(ShadowType.L2_64, 77);
        hash.insert(one);
        hash.insert(two);
        assertThat(hash.find(77, ShadowType.L1_64)).isSameAs(one);
        assertThat(hash.find(77, ShadowType.L2_64)).isSameAs(two);
        assertThat(hash.find(77, ShadowType.FL1_64)).isNull();
        assertThat(hash.find(78, ShadowType.L1_64)).isNull();
    }

    @Test
    void longChainsLoseNothing() {
        ShadowHash hash = new ShadowHash(1);
        List<ShadowPage> pages = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            ShadowPage page = new ShadowPage(i, i);
            page.type = ShadowType.L1_64;
            page.frame = i;
            hash.insert(page);
            pages.add(page);
        }
        for (int i = 0; i < 1000; i += 2) {
            hash.remove(pages.get(i));
        }
        assertThat(hash.size()).isEqualTo(500);
        for (int i = 0; i < 1000; i++) {
            assertThat(hash.find(i, ShadowType.L1_64)).isSameAs(i % 2 == 0 ? null : pages.get(i));
        }
    }

    @Test
    void removingWhatIsNotInTheHashIsAMistakeOfOurs() {
        ShadowPage page = pool.allocate(ShadowType.L1_64, 77);
        assertThatThrownBy(() -> new ShadowHash(8).remove(page))
                .isInstanceOf(InvariantViolation.class)
                .hasMessageStartingWith("HASH-1");
    }

    // ---- pins

    @Test
    void rootLoadedLongestAgoIsTheOldest() {
        PinnedRoots pinned = new PinnedRoots();
        ShadowPage a = pool.page(0);
        ShadowPage b = pool.page(1);
        ShadowPage c = pool.page(2);
        assertThat(pinned.touch(a)).isTrue();
        assertThat(pinned.touch(b)).isTrue();
        assertThat(pinned.touch(c)).isTrue();
        assertThat(pinned.touch(a)).isFalse();
        assertThat(pinned.oldest()).isSameAs(b);
        assertThat(pinned.newest()).isSameAs(a);
        assertThat(pinned.size()).isEqualTo(3);
        pinned.remove(c);
        assertThat(b.newer).isSameAs(a);
        assertThat(a.older).isSameAs(b);
        pinned.remove(b);
        pinned.remove(a);
        assertThat(pinned.oldest()).isNull();
        assertThat(pinned.newest()).isNull();
        assertThat(pinned.size()).isZero();
    }

    // ---- reverse map

    private List<Integer> mappingsOf(long mfn) {
        List<Integer> slots = new ArrayList<>();
        for (int node = reverseMap.first(mfn); node >= 0; node = reverseMap.next(node)) {
            slots.add(reverseMap.page(node).index * 1000 + reverseMap.slot(node));
        }
        return slots;
    }

    @Test
    void eachMappingIsListedUnderItsFrameUntilRemoved() {
        reverseMap.add(9, pool.page(3), 511);
        reverseMap.add(9, pool.page(4), 0);
        reverseMap.add(9, pool.page(3), 7);
        reverseMap.add(8, pool.page(3), 8);
        assertThat(mappingsOf(9)).containsExactly(3007, 4000, 3511);
        reverseMap.remove(9, pool.page(4), 0);
        assertThat(mappingsOf(9)).containsExactly(3007, 3511);
        reverseMap.remove(9, pool.page(3), 7);
        reverseMap.remove(9, pool.page(3), 511);
        assertThat(mappingsOf(9)).isEmpty();
        assertThat(mappingsOf(8)).containsExactly(3008);
    }
}
