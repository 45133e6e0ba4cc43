package io.umbra.shadow;

/** For what a leaf is derived. Xen: {@code fetch_type_t}. */
enum LeafAccess {
    /** Nobody has asked for it: a table was written to, or a neighbour was filled. */
    PREFETCH,
    /** A read or a fetch that is being answered. */
    DEMAND_READ,
    /** A write that is being answered: it will be made. */
    DEMAND_WRITE
}
