package io.umbra.shadow;

/**
 * The key of a splinter, the shadow of a large guest page: the guest frame where the page starts and its protection key, which each of the leaves carries. Rights are not in it; they lie in the link above, so
 * that mappings of one page with different rights share its splinter.
 *
 * <pre> 55..52 protection key | 51..0 first guest frame </pre>
 */
final class Splinter {
    private static final int KEY_SHIFT = 52;
    private static final long FRAME = (1L << KEY_SHIFT) - 1;

    static long key(long firstGfn, int protectionKey) {
        return (long) protectionKey << KEY_SHIFT | firstGfn;
    }

    static long firstGfn(long key) {
        return key & FRAME;
    }

    static int protectionKey(long key) {
        return (int) (key >>> KEY_SHIFT) & 0xF;
    }

    private Splinter() {}
}
