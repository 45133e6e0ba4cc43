package io.umbra.tools.matrix;

/** The entries from the root to the leaf through which a case's linear address is translated. Immutable. */
final class Path {
    static final int LEVELS = 5;

    private final Layout layout;
    private final int leafLevel;
    private final Target target;
    private final long linear;
    private final long[] entries;
    private final int readOnlyTables;

    /** @param entries by level; those below {@code leafLevel} are 0 and not looked at */
    Path(Layout layout, int leafLevel, Target target, long[] entries) {
        this(layout, leafLevel, target, entries, 0);
    }

    /** @param readOnlyTables bit k: the table of level k lies in read-only memory */
    Path(Layout layout, int leafLevel, Target target, long[] entries, int readOnlyTables) {
        this.readOnlyTables = readOnlyTables;
        this.layout = layout;
        this.leafLevel = leafLevel;
        this.target = target;
        this.linear = layout.linear(target, leafLevel);
        this.entries = entries.clone();
    }

    Layout layout() {
        return layout;
    }

    int leafLevel() {
        return leafLevel;
    }

    Target target() {
        return target;
    }

    int readOnlyTables() {
        return readOnlyTables;
    }

    long linear() {
        return linear;
    }

    long entry(int level) {
        return entries[level];
    }

    /** The path with some bits of one entry set and others cleared. */
    Path with(int level, long set, long cleared) {
        long[] changed = entries.clone();
        changed[level] = changed[level] & ~cleared | set;
        return new Path(layout, leafLevel, target, changed, readOnlyTables);
    }
}
