package io.umbra.vmm.migrate;

import io.umbra.vmm.state.StateException;

/** What a frame of a stream is, with Xen's numbers. Those of PV pagetables have no meaning here. */
public enum PageType {
    /** 4 KiB of data. */
    NORMAL(0x0),
    /** Memory that holds zeroes. Xen: {@code XALLOC}, memory that is to be allocated. */
    ZERO(0xE),
    /** No memory. Xen: {@code XTAB}. */
    NONE(0xF);

    private static final int SHIFT = 60;
    private static final int BROKEN = 0xD;
    static final long FRAME = (1L << 52) - 1;

    private final int number;

    PageType(int number) {
        this.number = number;
    }

    boolean hasData() {
        return this == NORMAL;
    }

    /** <pre> 63..60 type | 59..52 zero | 51..0 frame </pre> */
    long word(long gfn) {
        return (long) number << SHIFT | gfn;
    }

    static PageType of(long word) throws StateException {
        int number = (int) (word >>> SHIFT);
        for (PageType type : values()) {
            if (type.number == number) {
                if ((word << 4 >>> 4 & ~FRAME) != 0) {
                    throw new StateException("a page of frame 0x%x".formatted(word));
                }
                return type;
            }
        }
        throw new StateException(
                number == BROKEN
                        ? "frame 0x%x is broken".formatted(word & FRAME)
                        : "frame 0x%x is of type %d, which HVM guests have not".formatted(word & FRAME, number));
    }
}
