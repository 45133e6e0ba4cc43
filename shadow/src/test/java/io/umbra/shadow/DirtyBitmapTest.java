package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class DirtyBitmapTest {
    private static final long LAST = DirtyBitmap.FRAMES - 1;

    private final DirtyBitmap bitmap = new DirtyBitmap();

    private static List<Long> frames(DirtyBitmap bitmap) {
        List<Long> frames = new ArrayList<>();
        for (long gfn = bitmap.next(0); gfn >= 0; gfn = bitmap.next(gfn + 1)) {
            frames.add(gfn);
        }
        return frames;
    }

    @Test
    void holdsTheFirstFrameAndTheLastAtTheCostOfTheirPaths() {
        assertThat(bitmap.nodes()).isZero();
        assertThat(bitmap.add(0)).isTrue();
        assertThat(bitmap.add(LAST)).isTrue();
        assertThat(bitmap.add(LAST)).isFalse();
        assertThat(bitmap.count()).isEqualTo(2);
        assertThat(bitmap.nodes()).isEqualTo(6);
        assertThat(frames(bitmap)).containsExactly(0L, LAST);
        assertThat(bitmap.contains(LAST)).isTrue();
        assertThat(bitmap.contains(LAST - 1)).isFalse();
    }

    @Test
    void ignoresWhatIsNoFrame() {
        assertThat(bitmap.add(-1)).isFalse();
        assertThat(bitmap.add(DirtyBitmap.FRAMES)).isFalse();
        assertThat(bitmap.contains(-1)).isFalse();
        assertThat(bitmap.contains(DirtyBitmap.FRAMES)).isFalse();
        assertThat(bitmap.isIncomplete()).isFalse();
        assertThat(bitmap.next(-5)).isEqualTo(-1);
        assertThat(bitmap.next(DirtyBitmap.FRAMES)).isEqualTo(-1);
    }

    @Test
    void framesOfOneLeafCostNoMore() {
        for (long gfn = 0; gfn < 32768; gfn += 7) {
            bitmap.add(gfn);
        }
        assertThat(bitmap.nodes()).isEqualTo(3);
        bitmap.add(32768);
        assertThat(bitmap.nodes()).isEqualTo(4);
    }

    @Test
    void isIncompleteOnceAFrameFoundNoNode() {
        DirtyBitmap small = new DirtyBitmap(4);
        assertThat(small.add(5)).isTrue();
        assertThat(small.add(40_000)).isTrue();
        assertThat(small.isIncomplete()).isFalse();
        assertThat(small.add(70_000)).isFalse();
        assertThat(small.isIncomplete()).isTrue();
        assertThat(small.contains(70_000)).isFalse();
        assertThat(small.nodes()).isEqualTo(4);
        assertThat(small.add(6)).as("where there is a leaf").isTrue();
        assertThat(small.isIncomplete()).isTrue();
    }

    @Test
    void aFrameThatFoundNoNodeLeavesNoHalfPath() {
        DirtyBitmap small = new DirtyBitmap(4);
        small.add(5);
        small.add(LAST);
        assertThat(small.nodes()).isEqualTo(3);
        assertThat(frames(small)).containsExactly(5L);
    }

    @Test
    void copiesARangeThatBeginsAnywhere() {
        for (long gfn : new long[] {99, 100, 163, 164, 300, 32767, 32768}) {
            bitmap.add(gfn);
        }
        long[] words = {-1, -1};
        bitmap.copy(100, 65, words);
        assertThat(words).containsExactly(1 | 1L << 63, 1);
        bitmap.copy(32767, 2, words);
        assertThat(words).containsExactly(3, 0);
        bitmap.copy(LAST - 63, 64, words);
        assertThat(words).containsExactly(0, 0);
    }

    @Test
    void refusesARangeThatIsNone() {
        assertThatThrownBy(() -> bitmap.copy(0, 65, new long[1])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> bitmap.copy(-1, 1, new long[1])).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> bitmap.copy(LAST, 2, new long[1])).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void isTheSameSetAsATreeOfNumbers() {
        for (long seed = 1; seed <= 20; seed++) {
            Random random = new Random(seed);
            DirtyBitmap set = new DirtyBitmap();
            TreeSet<Long> model = new TreeSet<>();
            for (int i = 0; i < 2000; i++) {
                int spread = 1 + random.nextInt(40);
                long gfn = random.nextLong() >>> 64 - spread;
                assertThat(set.add(gfn)).as("seed %d, gfn %x", seed, gfn).isEqualTo(model.add(gfn));
                Long next = model.ceiling(gfn / 2);
                assertThat(set.next(gfn / 2)).isEqualTo(next == null ? -1 : next);
            }
            assertThat(set.count()).isEqualTo(model.size());
            assertThat(frames(set)).as("seed %d", seed).containsExactlyElementsOf(model);
            DirtyBitmap copy = set.copy();
            set.add(model.last() + 1);
            assertThat(frames(copy)).as("the copy, seed %d", seed).containsExactlyElementsOf(model);
            assertThat(copy.nodes()).isLessThanOrEqualTo(set.nodes());
            assertThat(copy.count()).isEqualTo(model.size());
        }
    }
}
