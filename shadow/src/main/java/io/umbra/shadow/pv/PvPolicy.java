package io.umbra.shadow.pv;

/**
 * What a domain's tables may be.
 *
 * @param linearTables an entry may name a table of its own level. Xen: {@code pv-linear-pt}
 * @param io machine frames beside memory
 * @param absent what entries may hold that are not present. Xen: {@code pv-l1tf}
 */
public record PvPolicy(boolean linearTables, IoSpace io, AbsentEntries absent) {
    public static final PvPolicy DEFAULT = new PvPolicy(true, IoSpace.NONE);

    /** With absent entries that may hold anything. */
    public PvPolicy(boolean linearTables, IoSpace io) {
        this(linearTables, io, AbsentEntries.ANY);
    }

    public PvPolicy with(AbsentEntries entries) {
        return new PvPolicy(linearTables, io, entries);
    }
}
