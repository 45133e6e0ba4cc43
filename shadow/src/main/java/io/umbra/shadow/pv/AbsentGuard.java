package io.umbra.shadow.pv;

/** Lets no processor see an absent entry that the domain's policy forbids: the host must have taken the domain's tables from hardware by the time the entry is stored. Xen: {@code pv_l1tf_check_pte}. */
final class AbsentGuard {
    private final AbsentEntries policy;
    private final PvHost host;
    private boolean areTablesHidden;

    AbsentGuard(AbsentEntries policy, PvHost host) {
        this.policy = policy;
        this.host = host;
    }

    /** Hardware walks none of the domain's tables, for good: their absent entries may hold anything. */
    boolean areTablesHidden() {
        return areTablesHidden;
    }

    /**
     * Whether the absent entry may be in a table in use. If not, the domain is at its end.
     *
     * @param maddr where it is, or will be
     */
    boolean admits(long entry, int level, long maddr) {
        if (!areTablesHidden && !policy.areSafeWith(entry, level)) {
            areTablesHidden = host.hideTables(level, maddr, entry);
            return areTablesHidden;
        }
        return true;
    }
}
