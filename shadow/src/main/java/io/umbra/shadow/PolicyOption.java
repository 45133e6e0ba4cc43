package io.umbra.shadow;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The table of policy options: one row each, from which the command line, the documentation and the reports are fed. */
public enum PolicyOption {
    COHERENCE(
            ShadowPolicy.Coherence.class,
            "write-protect",
            "how shadows follow the guest's tables: write-protect makes tables read-only and emulates the writes, so that"
                    + " shadows survive CR3 loads; out-of-sync lets the guest write a few level-1 tables itself, which saves the"
                    + " emulation and costs a comparison of each at the next flush; strict-tlb leaves tables writable and drops all"
                    + " shadows at every flush"),
    OOS_SLOTS(
            0,
            64,
            "3",
            "under out-of-sync, how many level-1 tables a vCPU may have out of sync at a time: more saves emulated writes, and"
                    + " makes each flush longer"),
    POPULATE(
            ShadowPolicy.Populate.class,
            "all-levels",
            "what one fault fills: all missing levels, or one, which shows each step and costs up to five faults"),
    PREFETCH(
            0,
            512,
            "32",
            "entries beyond the faulting one that a fault may fill as well, at most; the distance adapts to how far a guest goes"
                    + " on. Saves faults of sequential accesses, costs look-ups for entries that nobody uses; 0 is off"),
    WRITABLE_SEARCH(
            ShadowPolicy.WritableSearch.class,
            "reverse-map",
            "how the writable mappings of a new pagetable are found: by an exact reverse map, or by looking at every shadow"
                    + " leaf"),
    LARGE_PAGES(
            "off",
            "map a large guest page by one shadow entry where the P2M maps it whole and none of its frames is a pagetable,"
                    + " instead of splintering it: saves faults, shadows and TLB entries; costs that all of it goes when one of its"
                    + " frames becomes a table, and writes must not be logged"),
    EARLY_UNSHADOW(
            "on",
            "take two entries of a pagetable zeroed in a row for the sign that it is none any more, and let it be plain memory:"
                    + " saves most of the emulated writes when address spaces end and their frames are cleared"),
    FAST_FAULTS(
            "on",
            "tag shadow leaves of absent guest entries and of device memory, so that the next fault on them is answered from the"
                    + " shadow alone: saves walks; costs that the tags are dropped one by one when entries or the P2M change. Tags"
                    + " for absent entries exist under write-protect only, under strict-tlb there are none"),
    SKIP_VERIFY(
            "on",
            "do not revalidate an emulated write that leaves a guest entry absent as it was: saves shadow work when a guest"
                    + " writes swap entries or clears twice"),
    FAST_EMULATION(
            "on",
            "remember the last page through which a pagetable was written, and emulate the next write there without a walk"),
    VIRTUAL_TLB(
            "on",
            "keep the translations that emulated instructions used until the guest flushes or changes a table on their path:"
                    + " saves walks when writes to tables come in runs"),
    EMULATE_AHEAD(
            0,
            16,
            "4",
            "for PAE guests, instructions that may be emulated behind an emulated write to a pagetable until the next such"
                    + " write: saves the second fault when an 8-byte entry is written in two halves"),
    DYING_HINT(
            "on",
            "heed the hypercall by which a guest says that an address space is about to die: its tables are unshadowed at the"
                    + " first write instead of being emulated"),
    PDPTE_RELOAD(
            "off",
            "when an access of a PAE guest fails, read the PDPTEs again from memory and retry if they changed: for guests that"
                    + " rewrite them and do not reload CR3, which real processors do not forgive"),
    POOL(
            ShadowPolicy.MINIMUM_POOL,
            1 << 20,
            "4096",
            "pages of 4 KiB for shadows; when they run out the least recently loaded roots go first"),
    DIRTY_CLEAN(
            ShadowPolicy.DirtyClean.class,
            "reprotect",
            "what cleaning the log-dirty bitmap does to shadows: reprotect makes the leaves of the dirty frames read-only;"
                    + " blow throws all shadows away, as Xen does"),
    PV_L1TF(
            ShadowPolicy.PvL1tf.class,
            "off",
            "for PV guests, what becomes of a domain that makes an absent entry which names memory, and by which a processor"
                    + " with L1TF could be made to tell what is there: off lets it, as Umbra's processor has no L1TF; shadow gives"
                    + " it shadows for good, as Xen does; crash ends it, as a Xen without shadows does"),
    BLOW_EVERY(
            0,
            Long.MAX_VALUE,
            "0",
            "throw all shadows away after every so many instructions; 0 never. Changes nothing but the cost");

    /** Of a row that is a choice. */
    private final @Nullable Class<? extends Enum<?>> constants;
    /** Of a row that is a number; the other rows are switches. */
    private final long least;

    private final long most;
    private final String defaultValue;
    private final String description;

    /** A choice. */
    PolicyOption(Class<? extends Enum<?>> constants, String defaultValue, String description) {
        this(constants, 0, 0, defaultValue, description);
    }

    /** A number. */
    PolicyOption(long least, long most, String defaultValue, String description) {
        this(null, least, most, defaultValue, description);
    }

    /** A switch. */
    PolicyOption(String defaultValue, String description) {
        this(null, 0, 0, defaultValue, description);
    }

    PolicyOption(
            @Nullable Class<? extends Enum<?>> constants,
            long least,
            long most,
            String defaultValue,
            String description) {
        this.constants = constants;
        this.least = least;
        this.most = most;
        this.defaultValue = defaultValue;
        this.description = description;
    }

    /** As on the command line: {@code writable-search}. */
    public String label() {
        return label(this);
    }

    public String defaultValue() {
        return defaultValue;
    }

    /** What may be given, in words. */
    public String choices() {
        if (constants != null) {
            return Arrays.stream(constants.getEnumConstants())
                    .map(PolicyOption::label)
                    .collect(Collectors.joining(" or "));
        }
        if (!isNumber()) {
            return "on or off";
        }
        return most == Long.MAX_VALUE ? "a number, " + least + " or more" : "a number from " + least + " to " + most;
    }

    private boolean isNumber() {
        return most > 0;
    }

    public String description() {
        return description;
    }

    /** The value that {@code policy} has for this row, as on the command line. */
    public String valueIn(ShadowPolicy policy) {
        return switch (policy.value(this)) {
            case Boolean on -> on ? "on" : "off";
            case Enum<?> constant -> label(constant);
            case Object number -> number.toString();
        };
    }

    public static Optional<PolicyOption> of(String label) {
        return Arrays.stream(values())
                .filter(option -> option.label().equals(label))
                .findFirst();
    }

    static Map<PolicyOption, Object> defaults() {
        Map<PolicyOption, Object> defaults = new EnumMap<>(PolicyOption.class);
        for (PolicyOption option : values()) {
            defaults.put(option, option.parse(option.defaultValue));
        }
        return defaults;
    }

    /**
     * The policy that differs from the default in {@code settings}.
     *
     * @throws IllegalArgumentException with one line for the user, naming the option and what it takes
     */
    public static ShadowPolicy parse(Map<String, String> settings) {
        ShadowPolicy policy = ShadowPolicy.DEFAULT;
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            PolicyOption option = of(setting.getKey())
                    .orElseThrow(() -> new IllegalArgumentException(
                            "unknown option '" + setting.getKey() + "': `umbra options` lists them"));
            policy = policy.with(option, setting.getValue());
        }
        return policy;
    }

    /** The value as the policy keeps it. */
    Object parse(String value) {
        if (constants != null) {
            return Arrays.stream(constants.getEnumConstants())
                    .filter(constant -> label(constant).equals(value))
                    .findFirst()
                    .orElseThrow(() -> refused(value));
        }
        return isNumber() ? number(value) : isOn(value);
    }

    private Boolean isOn(String value) {
        return switch (value) {
            case "on" -> true;
            case "off" -> false;
            default -> throw refused(value);
        };
    }

    private Long number(String value) {
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw refused(value);
        }
        throw refused(value);
    }

    private IllegalArgumentException refused(String value) {
        return new IllegalArgumentException("option " + label() + " cannot be '" + value + "': it takes " + choices());
    }

    private static String label(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
