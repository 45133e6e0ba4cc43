package io.umbra.shadow.pv;

/** What a frame is in use as. It changes only while nobody counts on it. Xen: {@code PGT_*}. */
public enum FrameType {
    /** Nothing special. */
    NONE,
    L1,
    L2,
    L3,
    L4,
    /** Part of a GDT or LDT. Xen: {@code PGT_seg_desc_page}. */
    SEGMENT_DESCRIPTORS,
    /** It has writable mappings. */
    WRITABLE;

    static final FrameType[] ALL = values();

    /** @param level 1 to 4 */
    static FrameType table(int level) {
        return ALL[level];
    }

    public boolean isTable() {
        return this != NONE && ordinal() <= L4.ordinal();
    }

    /** 1 to 4 for tables, 0 for others. */
    public int level() {
        return isTable() ? ordinal() : 0;
    }
}
