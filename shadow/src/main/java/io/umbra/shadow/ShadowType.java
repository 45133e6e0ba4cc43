package io.umbra.shadow;

/**
 * What a shadow page shadows. A guest frame may have shadows of several types at once (recursive tables); the splinters have no table of the guest's behind them and
 * are keyed by the guest frame where the large page starts. Xen: {@code SH_type_*}.
 */
public enum ShadowType {
    /** A long-mode level-1 table. */
    L1_64(1, true),
    L2_64(2, true),
    L3_64(3, true),
    /** A root. */
    L4_64(4, true),
    /** 512 leaves that splinter a 2 MiB guest page. Xen: {@code fl1}. */
    FL1_64(1, false),
    /** 512 links to {@link #FL1_64} that splinter a 1 GiB guest page. */
    FL2_64(2, false),
    /** The first 512 GiB of a guest that does not page, as identity; links to {@link #FL2_64}. */
    UNPAGED_L3(3, false),
    /** The root of a guest that does not page. */
    UNPAGED_L4(4, false);

    static final ShadowType[] ALL = values();

    private final int level;
    private final boolean shadowsTable;

    ShadowType(int level, boolean shadowsTable) {
        this.level = level;
        this.shadowsTable = shadowsTable;
    }

    public int level() {
        return level;
    }

    /** There is a guest frame behind it, which counts as a pagetable while this shadow exists. */
    public boolean shadowsTable() {
        return shadowsTable;
    }

    /** May be kept by a pin though nothing refers to it. */
    public boolean isRoot() {
        return level == 4;
    }

    /** In the mask that each frame keeps. */
    int bit() {
        return 1 << ordinal();
    }

    /** The type that shadows a guest table of {@code level}. */
    static ShadowType ofTable(int level) {
        return ALL[level - 1];
    }

    /** The splinter type of {@code level}. */
    static ShadowType ofSplinter(int level) {
        return switch (level) {
            case 1 -> FL1_64;
            case 2 -> FL2_64;
            case 3 -> UNPAGED_L3;
            default -> UNPAGED_L4;
        };
    }
}
