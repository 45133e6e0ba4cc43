package io.umbra.processor;

/** What an operation has to do with the status flags that the one before it left: whether a translator may leave those out. */
enum FlagUse {
    /** Sets all six without having read one, and cannot fault. */
    REPLACES,
    /** Does not need them, neither to compute nor to show them in a fault; it may change some of them. */
    PASSES,
    /** May read them, or show them to somebody. */
    OBSERVES
}
