package io.umbra.shadow.pv;

/** What the audited tables ask of whoever runs the domain's vCPUs. Nothing here may call back into the tables that call it, but for tests that play another vCPU. */
public interface PvHost {
    /** Drops all translations of all vCPUs of the domain. Xen: {@code flush_tlb_mask}. */
    void flushAll();

    /** The vCPU's tables in the hypervisor's own area have changed for {@code linear}: drops that translation. */
    void invalidate(int vcpu, long linear);

    /** The vCPU's kernel base is another one from now on: what hardware walks must follow before the call returns, for the old table may be memory by then. */
    void loadBase(int vcpu, long mfn);

    /** The frame was or will be written to, or changed its kind. For log-dirty: {@link PvTables#pfnOf} says where it is in the bitmap. */
    void markDirty(long mfn);

    /** The frame becomes a pagetable or ceases to be one: shadows of it are void. Nothing to do without shadows. */
    void removeShadows(long mfn);

    /** A table's entry has changed: shadows of it must follow. Nothing to do without shadows. */
    default void entryWritten(long maddr) {}

    /**
     * An absent entry is about to come into a table in use that hardware must not see ({@link AbsentEntries}): from now on, and for good, hardware must walk nothing of the domain's tables but copies without
     * such entries. Asked until it was done once.
     *
     * @param level of the entry's table
     * @param maddr where the entry will be
     * @return false when that cannot be. Then the entry is refused, and the domain must be ended. Xen: {@code domain_crash}
     */
    default boolean hideTables(int level, long maddr, long entry) {
        return false;
    }

    /** Asked between two entries of a long validation. If true, the call ends with {@link Errno#RESTART}. */
    default boolean isPreemptionDue() {
        return false;
    }

    /** The domain may map frames of {@code other} and change its tables. Xen: {@code XSM_TARGET}. */
    default boolean isPrivilegedOver(int other) {
        return false;
    }
}
