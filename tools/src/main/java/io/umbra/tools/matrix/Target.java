package io.umbra.tools.matrix;

import java.util.Locale;

/** What the leaf of a case maps. */
enum Target {
    MEMORY,
    /** Memory whose writes are discarded, such as a ROM. */
    READ_ONLY,
    DEVICE,
    /** A table through which this access is not translated. */
    OTHER_TABLE,
    /** The very table that holds the leaf, which the guest thus maps into itself. */
    TABLE;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
