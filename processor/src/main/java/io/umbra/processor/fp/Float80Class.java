package io.umbra.processor.fp;

/** What FXAM finds in a register. The order is that of the condition code C3 C2 C0. Intel SDM vol. 2A, "FXAM". */
public enum Float80Class {
    UNSUPPORTED,
    NAN,
    NORMAL,
    INFINITY,
    ZERO,
    /** An empty register: the caller knows. */
    EMPTY,
    DENORMAL
}
