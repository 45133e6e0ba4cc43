package io.umbra.processor;

import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The blocks that were decoded from one machine frame, found by start and mode; and which of the frame's 64 lines of 64 bytes any of them covers, so that
 * data beside code can be written without decoding anything again.
 */
final class CodeFrame {
    private static final int BUCKETS = 64;
    private static final int LINE_SHIFT = 6;

    private final @Nullable Block[] buckets = new @Nullable Block[BUCKETS];
    private long lines;
    private int count;

    @Nullable
    Block find(int offset, int mode) {
        for (Block block = buckets[bucket(offset)]; block != null; block = block.next) {
            if (block.start == offset && block.mode == mode) {
                return block;
            }
        }
        return null;
    }

    void add(Block block) {
        int bucket = bucket(block.start);
        block.next = buckets[bucket];
        buckets[bucket] = block;
        lines |= linesOf(block.start, block.end);
        count++;
    }

    void remove(Block gone) {
        gone.drop();
        keepOnly(block -> block != gone);
    }

    boolean isEmpty() {
        return count == 0;
    }

    boolean isCovered(int from, int to) {
        return (lines & linesOf(from, to)) != 0;
    }

    /** Drops every block that has a byte in {@code from … to - 1}. @return whether there was one */
    boolean drop(int from, int to) {
        if (!isCovered(from, to)) {
            return false;
        }
        int before = count;
        keepOnly(block -> {
            boolean isHit = block.overlaps(from, to);
            if (isHit) {
                block.drop();
            }
            return !isHit;
        });
        return count != before;
    }

    private void keepOnly(Predicate<Block> wanted) {
        lines = 0;
        count = 0;
        for (int i = 0; i < BUCKETS; i++) {
            Block old = buckets[i];
            buckets[i] = null;
            while (old != null) {
                Block following = old.next;
                if (wanted.test(old)) {
                    add(old);
                }
                old = following;
            }
        }
    }

    private static int bucket(int offset) {
        return (offset ^ offset >>> 6) & BUCKETS - 1;
    }

    private static long linesOf(int from, int to) {
        int first = from >>> LINE_SHIFT;
        int last = Math.min(to - 1, 4095) >>> LINE_SHIFT;
        return -1L << first & -1L >>> 63 - last;
    }
}
