package io.umbra.shadow.pv;

/**
 * What a domain's tables may be.
 *
 * @param linearTables an entry may name a table of its own level. Xen: {@code pv-linear-pt}
 * @param io machine frames beside memory
 */
public record PvPolicy(boolean linearTables, IoSpace io) {
    public static final PvPolicy DEFAULT = new PvPolicy(true, IoSpace.NONE);
}
