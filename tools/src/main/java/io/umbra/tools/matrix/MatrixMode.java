package io.umbra.tools.matrix;

import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.PagingMode;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The paging modes of the matrix; two-level paging counts twice, because CR4.PSE changes what its entries are. */
public enum MatrixMode {
    UNPAGED(PagingMode.NONE, 0, 0),
    TWO_LEVEL(PagingMode.TWO_LEVEL, 0, 0),
    TWO_LEVEL_PSE(PagingMode.TWO_LEVEL, Cr4.PAGE_SIZE_EXTENSIONS, 0),
    PAE(PagingMode.PAE, Cr4.PHYSICAL_ADDRESS_EXTENSION, 0),
    FOUR_LEVEL(PagingMode.FOUR_LEVEL, Cr4.PHYSICAL_ADDRESS_EXTENSION, Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE),
    FIVE_LEVEL(
            PagingMode.FIVE_LEVEL,
            Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FIVE_LEVEL,
            Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE);

    private final PagingMode paging;
    private final long cr4;
    private final long efer;

    MatrixMode(PagingMode paging, long cr4, long efer) {
        this.paging = paging;
        this.cr4 = cr4;
        this.efer = efer;
    }

    /** As on the command line: {@code two-level-pse}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public static Optional<MatrixMode> of(String label) {
        return Arrays.stream(values())
                .filter(mode -> mode.label().equals(label))
                .findFirst();
    }

    PagingMode paging() {
        return paging;
    }

    /** The bits of CR4 that make the mode. */
    long cr4() {
        return cr4;
    }

    /** The bits of EFER that make the mode. */
    long efer() {
        return efer;
    }

    int levels() {
        return paging.levels();
    }

    /** The highest level whose entries lie in memory and have rights: PAE's level 3 is registers. */
    int topTable() {
        return this == PAE ? 2 : paging.levels();
    }

    /** The highest level at which a page may be mapped; 0 without paging. */
    int topLeaf() {
        return switch (this) {
            case UNPAGED -> 0;
            case TWO_LEVEL -> 1;
            case TWO_LEVEL_PSE, PAE -> 2;
            case FOUR_LEVEL, FIVE_LEVEL -> 3;
        };
    }

    /** Entries have a bit 63. */
    boolean hasNoExecute() {
        return paging.entryBytes() == Long.BYTES;
    }

    @Override
    public String toString() {
        return label();
    }
}
