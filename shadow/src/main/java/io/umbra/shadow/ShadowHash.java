package io.umbra.shadow;

import io.umbra.x86.InvariantViolation;
import org.jspecify.annotations.Nullable;

/**
 * Finds the shadow of (frame, type). Chained through the descriptors, so that nothing is allocated; sized by the pool, so that chains stay short. Xen has 251 buckets
 * for every domain.
 */
final class ShadowHash {
    private final @Nullable ShadowPage[] buckets;
    private int size;

    ShadowHash(int expected) {
        buckets = new ShadowPage[Integer.highestOneBit(Math.max(expected, 64)) * 2];
    }

    @Nullable
    ShadowPage find(long frame, ShadowType type) {
        for (ShadowPage page = buckets[bucket(frame, type)]; page != null; page = page.nextInBucket) {
            if (page.frame == frame && page.type == type) {
                return page;
            }
        }
        return null;
    }

    void insert(ShadowPage page) {
        int bucket = bucket(page.frame, page.liveType());
        page.nextInBucket = buckets[bucket];
        buckets[bucket] = page;
        size++;
    }

    void remove(ShadowPage page) {
        int bucket = bucket(page.frame, page.liveType());
        ShadowPage at = buckets[bucket];
        if (at == page) {
            buckets[bucket] = page.nextInBucket;
        } else {
            while (at != null && at.nextInBucket != page) {
                at = at.nextInBucket;
            }
            if (at == null) {
                throw new InvariantViolation("HASH-1", page + " is not in the hash");
            }
            at.nextInBucket = page.nextInBucket;
        }
        page.nextInBucket = null;
        size--;
    }

    int size() {
        return size;
    }

    private int bucket(long frame, ShadowType type) {
        long mixed = (frame * 8 + type.ordinal()) * 0x9E37_79B9_7F4A_7C15L;
        return (int) (mixed >>> 32) & buckets.length - 1;
    }
}
