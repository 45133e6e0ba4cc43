package io.umbra.x86;

/**
 * A segment register with its hidden part. Attributes are packed as in a VMCB (AMD APM vol. 2, "Segment State in the VMCB"):
 *
 * <pre>
 *  16        11 10  9 8   7 6..5 4 3..0
 *  unusable  G  D/B L AVL P DPL  S type
 * </pre>
 */
public final class SegmentRegister {
    public static final int TYPE = 0xF;
    public static final int ACCESSED = 1;
    /** Writable for data, readable for code. */
    public static final int READ_WRITE = 1 << 1;
    /** Expand-down for data, conforming for code. */
    public static final int DOWN_CONFORMING = 1 << 2;

    public static final int CODE = 1 << 3;
    /** Clear for system segments (LDT, TSS, gates). */
    public static final int CODE_OR_DATA = 1 << 4;

    public static final int PRESENT = 1 << 7;
    public static final int AVAILABLE = 1 << 8;
    public static final int LONG = 1 << 9;
    public static final int DEFAULT_BIG = 1 << 10;
    public static final int GRANULARITY = 1 << 11;
    /** Loaded with a null selector. */
    public static final int UNUSABLE = 1 << 16;

    public int selector;
    public long base;
    /** In bytes, after the granularity was applied: the highest offset that is inside (for expand-up). */
    public long limit;

    public int attributes;

    /** A null selector at base 0. */
    public SegmentRegister() {}

    public int type() {
        return attributes & TYPE;
    }

    public int privilegeLevel() {
        return attributes >>> 5 & 3;
    }

    public boolean isUsable() {
        return (attributes & UNUSABLE) == 0;
    }

    public boolean isLong() {
        return (attributes & LONG) != 0;
    }

    public boolean isBig() {
        return (attributes & DEFAULT_BIG) != 0;
    }

    public void set(int newSelector, long newBase, long newLimit, int newAttributes) {
        selector = newSelector;
        base = newBase;
        limit = newLimit;
        attributes = newAttributes;
    }

    public void copyFrom(SegmentRegister other) {
        set(other.selector, other.base, other.limit, other.attributes);
    }
}
