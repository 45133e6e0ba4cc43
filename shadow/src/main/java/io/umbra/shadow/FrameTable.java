package io.umbra.shadow;

/** What the engine knows of each machine frame. Xen keeps the same in {@code struct page_info}. */
final class FrameTable {
    private static final int OUT_OF_SYNC = 1 << 31;
    private static final int DYING = 1 << 30;
    private static final int TYPES = DYING - 1;

    /** For guest frames: the mask of shadow types ({@link ShadowType#bit}) it has, non-zero = it is a shadowed pagetable; and two flags. */
    private final int[] shadowTypes;
    /** For guest frames: present shadow leaves that map it writable. */
    private final int[] writableMappings;
    /** For each run of frames that a large leaf can map: how many of them are shadowed pagetables. */
    final int[] tablesInRun;
    /** For pool frames: index in the pool + 1. */
    private final int[] poolIndex;

    FrameTable(long frames) {
        int count = Math.toIntExact(frames);
        shadowTypes = new int[count];
        writableMappings = new int[count];
        tablesInRun = new int[count / LargeLeaves.FRAMES + 1];
        poolIndex = new int[count];
    }

    int shadowTypes(long mfn) {
        return shadowTypes[(int) mfn] & TYPES;
    }

    void shadowTypes(long mfn, int mask) {
        int change = (mask == 0 ? 0 : 1) - (isShadowed(mfn) ? 1 : 0);
        tablesInRun[(int) LargeLeaves.run(mfn)] += change;
        shadowTypes[(int) mfn] = shadowTypes[(int) mfn] & ~TYPES | mask;
    }

    int tablesInRun(long run) {
        return tablesInRun[(int) run];
    }

    boolean isShadowed(long mfn) {
        return (shadowTypes[(int) mfn] & TYPES) != 0;
    }

    /** The guest may write to the frame though it is shadowed; see {@link OutOfSync}. */
    boolean isOutOfSync(long mfn) {
        return (shadowTypes[(int) mfn] & OUT_OF_SYNC) != 0;
    }

    void outOfSync(long mfn, boolean is) {
        set(mfn, OUT_OF_SYNC, is);
    }

    /** The guest said that the address space of this root is about to end. */
    boolean isDying(long mfn) {
        return (shadowTypes[(int) mfn] & DYING) != 0;
    }

    void dying(long mfn, boolean is) {
        set(mfn, DYING, is);
    }

    private void set(long mfn, int flag, boolean is) {
        shadowTypes[(int) mfn] = is ? shadowTypes[(int) mfn] | flag : shadowTypes[(int) mfn] & ~flag;
    }

    int writableMappings(long mfn) {
        return writableMappings[(int) mfn];
    }

    void addWritableMapping(long mfn, int change) {
        writableMappings[(int) mfn] += change;
    }

    /** Or -1 when the frame is not in the pool. */
    int poolIndex(long mfn) {
        return poolIndex[(int) mfn] - 1;
    }

    void poolIndex(long mfn, int index) {
        poolIndex[(int) mfn] = index + 1;
    }
}
