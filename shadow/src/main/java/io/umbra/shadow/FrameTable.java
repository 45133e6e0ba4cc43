package io.umbra.shadow;

/** What the engine knows of each machine frame. Xen keeps the same in {@code struct page_info}. */
final class FrameTable {
    /** For guest frames: the mask of shadow types ({@link ShadowType#bit}) it has; non-zero = it is a shadowed pagetable. */
    private final int[] shadowTypes;
    /** For guest frames: present shadow leaves that map it writable. */
    private final int[] writableMappings;
    /** For guest frames: head of the list of shadow leaves that map it, as node + 1; see {@link ReverseMap}. */
    private final int[] mappings;
    /** For pool frames: index in the pool + 1. */
    private final int[] poolIndex;

    FrameTable(long frames) {
        int count = Math.toIntExact(frames);
        shadowTypes = new int[count];
        writableMappings = new int[count];
        mappings = new int[count];
        poolIndex = new int[count];
    }

    int shadowTypes(long mfn) {
        return shadowTypes[(int) mfn];
    }

    void shadowTypes(long mfn, int mask) {
        shadowTypes[(int) mfn] = mask;
    }

    boolean isShadowed(long mfn) {
        return shadowTypes[(int) mfn] != 0;
    }

    int writableMappings(long mfn) {
        return writableMappings[(int) mfn];
    }

    void addWritableMapping(long mfn, int change) {
        writableMappings[(int) mfn] += change;
    }

    /** A node of the reverse map, or -1. */
    int firstMapping(long mfn) {
        return mappings[(int) mfn] - 1;
    }

    void firstMapping(long mfn, int node) {
        mappings[(int) mfn] = node + 1;
    }

    /** Or -1 when the frame is not in the pool. */
    int poolIndex(long mfn) {
        return poolIndex[(int) mfn] - 1;
    }

    void poolIndex(long mfn, int index) {
        poolIndex[(int) mfn] = index + 1;
    }
}
