package io.umbra.shadow;

import java.util.EnumMap;
import java.util.Map;

/**
 * How a domain's shadows are kept: one value for each row of {@link PolicyOption}, which says what it saves and what it costs. Every value gives the guest the same machine; only
 * the cost differs. Immutable.
 */
public final class ShadowPolicy {
    /** Pages that one instruction of one vCPU can need at most, generously. Xen: {@code SHADOW_MIN_ACCEPTABLE_PAGES}. */
    public static final int MINIMUM_POOL = 128;

    public static final ShadowPolicy DEFAULT = new ShadowPolicy(PolicyOption.defaults());

    private final Map<PolicyOption, Object> values;

    ShadowPolicy(Map<PolicyOption, Object> values) {
        this.values = new EnumMap<>(values);
    }

    /** With the default of everything that is not named. */
    public ShadowPolicy(
            Coherence coherence, Populate populate, WritableSearch writableSearch, int poolPages, long blowEvery) {
        this(PolicyOption.defaults());
        values.put(PolicyOption.COHERENCE, coherence);
        values.put(PolicyOption.POPULATE, populate);
        values.put(PolicyOption.WRITABLE_SEARCH, writableSearch);
        values.put(PolicyOption.POOL, (long) poolPages);
        values.put(PolicyOption.BLOW_EVERY, blowEvery);
    }

    /**
     * The policy that differs from this one in one row.
     *
     * @throws IllegalArgumentException with one line for the user, naming the option and what it takes
     */
    public ShadowPolicy with(PolicyOption option, String value) {
        ShadowPolicy changed = new ShadowPolicy(values);
        changed.values.put(option, option.parse(value));
        return changed;
    }

    Object value(PolicyOption option) {
        Object value = values.get(option);
        if (value == null) {
            throw new IllegalStateException("no value for " + option);
        }
        return value;
    }

    /** Of a row that is a switch. */
    public boolean isOn(PolicyOption option) {
        return (Boolean) value(option);
    }

    /** Of a row that is a number. */
    public long number(PolicyOption option) {
        return (Long) value(option);
    }

    /** How shadows follow the guest's tables. */
    public enum Coherence {
        /** Tables stay writable; shadows are only a cache, and every flush of the guest's drops all of them. */
        STRICT_TLB,
        /** Tables are read-only to the guest; every change is seen, so shadows survive CR3 loads. */
        WRITE_PROTECT,
        /** As write-protect, but a few level-1 tables are writable at a time and catch up at the guest's flush. */
        OUT_OF_SYNC
    }

    /** How much one fault fills. */
    public enum Populate {
        ONE_LEVEL,
        ALL_LEVELS
    }

    /** How the writable mappings of a frame are found when it becomes a table. */
    public enum WritableSearch {
        REVERSE_MAP,
        BRUTE_FORCE
    }

    /** How the frames of a log-dirty round fault again. */
    public enum DirtyClean {
        /** The leaves that map one of them lose the right to write. */
        REPROTECT,
        /** All shadows go. */
        BLOW
    }

    /** What becomes of a PV domain that makes an absent entry which names memory. Xen: {@code pv-l1tf}. */
    public enum PvL1tf {
        /** Nothing: absent entries are not looked at. */
        OFF,
        /** It has shadows from then on, for good. */
        SHADOW,
        /** It ends. */
        CRASH
    }

    public PvL1tf pvL1tf() {
        return (PvL1tf) value(PolicyOption.PV_L1TF);
    }

    public DirtyClean dirtyClean() {
        return (DirtyClean) value(PolicyOption.DIRTY_CLEAN);
    }

    public Coherence coherence() {
        return (Coherence) value(PolicyOption.COHERENCE);
    }

    public Populate populate() {
        return (Populate) value(PolicyOption.POPULATE);
    }

    public WritableSearch writableSearch() {
        return (WritableSearch) value(PolicyOption.WRITABLE_SEARCH);
    }

    /** Pages for shadows, of 4 KiB. */
    public int poolPages() {
        return (int) number(PolicyOption.POOL);
    }

    /** Instructions after which all shadows are thrown away, again and again; 0 = never. */
    public long blowEvery() {
        return number(PolicyOption.BLOW_EVERY);
    }

    /** Tables are read-only to the guest, all of them or all but a few. */
    boolean writeProtects() {
        return coherence() != Coherence.STRICT_TLB;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ShadowPolicy policy && policy.values.equals(values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    /** The rows that are not the default's: {@code coherence=strict-tlb pool=128}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (PolicyOption option : PolicyOption.values()) {
            if (!option.valueIn(this).equals(option.defaultValue())) {
                text.append(text.isEmpty() ? "" : " ")
                        .append(option.label())
                        .append('=')
                        .append(option.valueIn(this));
            }
        }
        return text.isEmpty() ? "default" : text.toString();
    }
}
