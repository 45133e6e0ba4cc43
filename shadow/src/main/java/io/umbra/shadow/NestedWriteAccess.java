package io.umbra.shadow;

import java.util.function.BooleanSupplier;

/** Write access as the P2M grants it. Xen: {@code p2m_change_entry_type_global}, {@code hap_clean_dirty_bitmap}. */
final class NestedWriteAccess implements WriteAccess {
    private final P2m p2m;
    private final Runnable flush;
    private final BooleanSupplier isLogging;

    /** @param isLogging whether anybody still wants to know of writes */
    NestedWriteAccess(P2m p2m, Runnable flush, BooleanSupplier isLogging) {
        this.p2m = p2m;
        this.flush = flush;
        this.isLogging = isLogging;
    }

    @Override
    public void takeFromAll() {
        p2m.withholdWrites();
        flush.run();
    }

    @Override
    public void takeFrom(long gfn) {
        p2m.withholdWrites(gfn);
    }

    @Override
    public void flush() {
        flush.run();
    }

    @Override
    public void giveBack() {
        if (!isLogging.getAsBoolean()) {
            p2m.allowAllWrites();
        }
    }
}
