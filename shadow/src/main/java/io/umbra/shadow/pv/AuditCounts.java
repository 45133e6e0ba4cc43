package io.umbra.shadow.pv;

/** What auditing a domain's tables took, since its start. */
public final class AuditCounts {
    private long updates;
    private long validations;
    private long flushes;

    AuditCounts() {}

    void update() {
        updates++;
    }

    void validation() {
        validations++;
    }

    void flush() {
        flushes++;
    }

    /** Entries of live tables that were audited one by one: by {@code mmu_update}, {@code update_va_mapping} and direct stores; refused ones too. */
    public long updates() {
        return updates;
    }

    /** Frames that were validated as tables, each with its 512 entries. */
    public long validations() {
        return validations;
    }

    /** Flushes of all the domain's TLBs that the audit asked for, because a translation that was taken back might have been in one. */
    public long flushes() {
        return flushes;
    }
}
