package io.umbra.tools;

import java.util.Locale;

/** What is counted for a PV guest once, beside what it asked for by name. */
enum PvTotal {
    PTWR("direct stores to pagetables, trapped and audited"),
    SYSTEM_CALLS("system calls handed to the guest's kernel"),
    UPCALLS("entries of the event callback"),
    EVENTS("event channels that became pending"),
    PAGETABLE_EXITS("times the guest was left for hypercalls of pagetables; a multicall of many is one"),
    ENTRIES_AUDITED("entries of tables in use that were audited one by one"),
    TABLES_VALIDATED("frames validated as tables, with 512 entries each"),
    AUDIT_FLUSHES("flushes of the whole TLB that the audit asked for"),
    LOG_ROUNDS("periods with shadows and log-dirty that ended"),
    LOG_DIRTY("pages in their bitmaps"),
    LOG_CHANGED("pages found changed in them by --verify, each of them in its bitmap");

    private final String description;

    PvTotal(String description) {
        this.description = description;
    }

    String description() {
        return description;
    }

    /** Shown in reports for people only where it is not zero. */
    boolean isRare() {
        return this == LOG_ROUNDS || this == LOG_DIRTY || this == LOG_CHANGED;
    }

    /** As in reports: {@code system_calls}. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
