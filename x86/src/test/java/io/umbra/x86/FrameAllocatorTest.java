package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameAllocatorTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 511, 512, 513, 1024, 5000})
    void everyFrameButZeroIsHandedOutOnceAndThenNone(int frames) {
        FrameAllocator allocator = new FrameAllocator(frames, 1);
        Set<Long> taken = new HashSet<>();
        for (int i = 1; i < frames; i++) {
            assertThat(allocator.freeFrames()).isEqualTo(frames - i);
            long mfn = allocator.allocate();
            assertThat(mfn).isBetween(1L, frames - 1L);
            assertThat(taken.add(mfn)).as("frame %d is new", mfn).isTrue();
        }
        assertThat(allocator.freeFrames()).isZero();
        assertThat(allocator.allocate()).isEqualTo(FrameAllocator.NONE);
    }

    @Test
    void framesAreScattered() {
        FrameAllocator allocator = new FrameAllocator(1 << 16, 7);
        int equal = 0;
        int neighbours = 0;
        long last = -2;
        for (int gfn = 0; gfn < 10_000; gfn++) {
            long mfn = allocator.allocate();
            equal += mfn == gfn ? 1 : 0;
            neighbours += mfn == last + 1 ? 1 : 0;
            last = mfn;
        }
        assertThat(equal).isLessThan(10);
        assertThat(neighbours).isLessThan(100);
    }

    @Test
    void theSeedDecidesTheOrder() {
        assertThat(firstFrames(5)).isEqualTo(firstFrames(5)).isNotEqualTo(firstFrames(6));
    }

    private static List<Long> firstFrames(long seed) {
        FrameAllocator allocator = new FrameAllocator(4096, seed);
        List<Long> frames = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            frames.add(allocator.allocate());
        }
        return frames;
    }

    @Test
    void runsAreAlignedAndDisjointFromEverythingElse() {
        FrameAllocator allocator = new FrameAllocator(20 * 512 + 100, 3);
        BitSet taken = new BitSet();
        taken.set(0);
        int runs = 0;
        for (long first = allocator.allocateRun(); first != FrameAllocator.NONE; first = allocator.allocateRun()) {
            assertThat(first % 512).isZero();
            assertThat(taken.get((int) first, (int) first + 512).isEmpty()).isTrue();
            taken.set((int) first, (int) first + 512);
            runs++;
            take(allocator, taken);
        }
        assertThat(runs).as("some chunks are open for single frames").isBetween(8, 19);
        long free = allocator.freeFrames();
        for (long i = 0; i < free; i++) {
            take(allocator, taken);
        }
        assertThat(allocator.allocate()).isEqualTo(FrameAllocator.NONE);
        assertThat(taken.cardinality()).isEqualTo(20 * 512 + 100);
    }

    private static void take(FrameAllocator allocator, BitSet taken) {
        long mfn = allocator.allocate();
        assertThat(taken.get((int) mfn)).isFalse();
        taken.set((int) mfn);
    }

    @Test
    void runNeverContainsFrameZeroNorReachesBeyondTheMemory() {
        assertThat(new FrameAllocator(1023, 1).allocateRun()).isEqualTo(FrameAllocator.NONE);
        assertThat(new FrameAllocator(1024, 1).allocateRun()).isEqualTo(512);
    }

    @Test
    void theFramesOfARunAreAllocatedOneByOneAndFreedOneByOne() {
        FrameAllocator allocator = new FrameAllocator(1024, 1);
        long first = allocator.allocateRun();
        assertThat(allocator.freeFrames()).isEqualTo(511);
        for (int i = 0; i < 512; i++) {
            assertThat(allocator.isAllocated(first + i)).isTrue();
            allocator.free(first + i);
            assertThat(allocator.isAllocated(first + i)).isFalse();
        }
        assertThat(allocator.freeFrames()).isEqualTo(1023);
    }

    @Test
    void freedFrameIsHandedOutAgain() {
        FrameAllocator allocator = new FrameAllocator(2, 1);
        long mfn = allocator.allocate();
        assertThat(allocator.allocate()).isEqualTo(FrameAllocator.NONE);
        allocator.free(mfn);
        assertThat(allocator.allocate()).isEqualTo(mfn);
    }

    @Test
    void freeingTwiceBreaksFrame1() {
        FrameAllocator allocator = new FrameAllocator(100, 1);
        long mfn = allocator.allocate();
        allocator.free(mfn);
        assertBreaksFrame1(allocator, mfn);
        assertThat(allocator.freeFrames()).isEqualTo(99);
    }

    @Test
    void freeingWhatWasNeverAllocatedBreaksFrame1() {
        FrameAllocator allocator = new FrameAllocator(100, 1);
        for (long mfn : new long[] {0, 5, 99, 100, FrameAllocator.NONE, 1L << 40, Long.MIN_VALUE}) {
            assertThat(allocator.isAllocated(mfn)).isFalse();
            assertBreaksFrame1(allocator, mfn);
        }
    }

    private static void assertBreaksFrame1(FrameAllocator allocator, long mfn) {
        assertThatThrownBy(() -> allocator.free(mfn))
                .isInstanceOfSatisfying(
                        InvariantViolation.class,
                        violation -> assertThat(violation.rule()).isEqualTo("FRAME-1"));
    }

    @Test
    void anySequenceOfCallsKeepsFramesDistinctAndCounted() {
        for (long seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            int frames = 1 + random.nextInt(6000);
            FrameAllocator allocator = new FrameAllocator(frames, seed);
            List<Long> held = new ArrayList<>();
            Set<Long> distinct = new HashSet<>();
            for (int step = 0; step < 3000; step++) {
                int dice = random.nextInt(100);
                if (dice < 60) {
                    hold(allocator.allocate(), 1, held, distinct, seed);
                } else if (dice < 62) {
                    hold(allocator.allocateRun(), 512, held, distinct, seed);
                } else if (!held.isEmpty()) {
                    long mfn = held.remove(random.nextInt(held.size()));
                    distinct.remove(mfn);
                    allocator.free(mfn);
                }
                assertThat(allocator.freeFrames()).as("seed %d", seed).isEqualTo(frames - 1L - held.size());
            }
        }
    }

    private static void hold(long first, int count, List<Long> held, Set<Long> distinct, long seed) {
        for (long mfn = first; first != FrameAllocator.NONE && mfn < first + count; mfn++) {
            assertThat(distinct.add(mfn)).as("seed %d, frame %d", seed, mfn).isTrue();
            held.add(mfn);
        }
    }
}
