package io.umbra.processor.fp;

/** What FXAM finds in a register. Intel SDM vol. 2A, "FXAM". */
public enum Float80Class {
    UNSUPPORTED(0),
    NAN(1),
    NORMAL(2),
    INFINITY(3),
    ZERO(4),
    /** An empty register: only the caller knows. */
    EMPTY(5),
    DENORMAL(6);

    private static final int C0 = 1 << 8;
    private static final int C2 = 1 << 10;
    private static final int C3 = 1 << 14;

    private final int conditions;

    Float80Class(int code) {
        conditions = ((code & 4) != 0 ? C3 : 0) | ((code & 2) != 0 ? C2 : 0) | ((code & 1) != 0 ? C0 : 0);
    }

    /** C3, C2 and C0 at their bits of the status word. */
    public int conditions() {
        return conditions;
    }
}
