package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PaeEntry;

/**
 * What a shadow shadows. A guest frame may have shadows of several types at once (recursive tables, or a frame used by two paging modes); the splinters have no table of the guest's behind them and
 * are keyed by the guest frame where the large page starts. Xen: {@code SH_type_*}.
 *
 * <pre>
 *  type             guest table               pages  entries of hardware for each of the guest's
 *  L1_32            1024 × 4 bytes, 4 MiB     2      1
 *  FL1_32           4 MiB page                2      1
 *  L2_32            1024 × 4 bytes, 4 GiB     4      2, for the two pages of an L1_32 or FL1_32
 *  all others       512 × 8 bytes             1      1
 * </pre>
 *
 * <p>The types of tables come first, in the order of their levels.
 */
public enum ShadowType {
    /** A level-1 table of two-level paging. */
    L1_32(GuestFormat.TWO_LEVEL, 1, 2, true),
    /** A level-1 table of PAE paging. */
    L1_PAE(GuestFormat.PAE, 1, 1, true),
    /** A long-mode level-1 table. */
    L1_64(GuestFormat.LONG, 1, 1, true),
    /** A page directory: the root of two-level paging. Its four pages are what the four PDPTEs of hardware name. */
    L2_32(GuestFormat.TWO_LEVEL, 2, 4, true),
    /** A page directory of PAE paging: what a PDPTE names, so four of them are the roots. */
    L2_PAE(GuestFormat.PAE, 2, 1, true),
    L2_64(GuestFormat.LONG, 2, 1, true),
    L3_64(GuestFormat.LONG, 3, 1, true),
    /** The root of four-level paging. */
    L4_64(GuestFormat.LONG, 4, 1, true),
    /** The root of five-level paging. */
    L5_64(GuestFormat.LONG, 5, 1, true),
    /** 1024 leaves that splinter a 4 MiB guest page. */
    FL1_32(GuestFormat.TWO_LEVEL, 1, 2, false),
    /** 512 leaves that splinter a 2 MiB page of a PAE guest. */
    FL1_PAE(GuestFormat.PAE, 1, 1, false),
    /** 512 leaves that splinter a 2 MiB guest page. Xen: {@code fl1}. */
    FL1_64(GuestFormat.LONG, 1, 1, false),
    /** 512 links to {@link #FL1_64} that splinter a 1 GiB guest page. */
    FL2_64(GuestFormat.LONG, 2, 1, false),
    /** The first 512 GiB of a guest that does not page, as identity; links to {@link #FL2_64}. */
    UNPAGED_L3(GuestFormat.LONG, 3, 1, false),
    /** The root of a guest that does not page. */
    UNPAGED_L4(GuestFormat.LONG, 4, 1, false);

    static final ShadowType[] ALL = values();

    /** The mask of the types whose guest tables have entries of 4 bytes. */
    static final int SHORT = L1_32.bit() | L2_32.bit();

    /** The mask of the types that are roots in some mode. */
    static final int ROOTS = L2_32.bit() | L2_PAE.bit() | L4_64.bit() | L5_64.bit();

    /** How many of them shadow tables. */
    static final int TABLES = FL1_32.ordinal();

    /** The most pages that one shadow has. */
    static final int MOST_PAGES = 4;

    private final GuestFormat format;
    private final int level;
    private final int pages;
    private final boolean shadowsTable;

    ShadowType(GuestFormat format, int level, int pages, boolean shadowsTable) {
        this.format = format;
        this.level = level;
        this.pages = pages;
        this.shadowsTable = shadowsTable;
    }

    GuestFormat format() {
        return format;
    }

    public int level() {
        return level;
    }

    /** Pages of the pool that a shadow of this type takes. */
    public int pages() {
        return pages;
    }

    /** Entries of hardware, over all its pages. */
    int slots() {
        return pages * LongModeEntry.ENTRIES;
    }

    /** Entries of hardware that stand for one of the guest's. */
    int slotsPerEntry() {
        return this == L2_32 ? 2 : 1;
    }

    /** Which of the guest's entries translates {@code linear}. */
    int index(long linear) {
        return format.index(linear, level);
    }

    /** There is a guest frame behind it, which counts as a pagetable while this shadow exists. */
    public boolean shadowsTable() {
        return shadowsTable;
    }

    /** May be held by a vCPU, and kept by a pin though nothing refers to it. */
    public boolean isRoot() {
        return switch (this) {
            case L2_32, L2_PAE, L4_64, L5_64, UNPAGED_L4 -> true;
            default -> false;
        };
    }

    /** Pages that one path from a root of this type down to its leaf needs at most, without the root. Xen: {@code shadow_prealloc}'s need of one fault. */
    int pagesOfPath() {
        return format == GuestFormat.TWO_LEVEL ? L1_32.pages : level - 1;
    }

    /** Pages that the roots of this type need which one vCPU holds. */
    int pagesOfRoots() {
        return this == L2_PAE ? PaeEntry.POINTERS : pages;
    }

    /** In the mask that each frame keeps. */
    int bit() {
        return 1 << ordinal();
    }

    /** The type that shadows a guest table of {@code level}. */
    static ShadowType ofTable(GuestFormat format, int level) {
        return switch (format) {
            case TWO_LEVEL -> level == 1 ? L1_32 : L2_32;
            case PAE -> level == 1 ? L1_PAE : L2_PAE;
            case LONG ->
                switch (level) {
                    case 1 -> L1_64;
                    case 2 -> L2_64;
                    case 3 -> L3_64;
                    case 4 -> L4_64;
                    default -> L5_64;
                };
        };
    }

    /** The splinter type of {@code level}. */
    static ShadowType ofSplinter(GuestFormat format, int level) {
        return switch (format) {
            case TWO_LEVEL -> FL1_32;
            case PAE -> FL1_PAE;
            case LONG -> ALL[FL1_64.ordinal() + level - 1];
        };
    }
}
