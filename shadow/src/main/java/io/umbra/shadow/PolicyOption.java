package io.umbra.shadow;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The table of policy options: one row each, from which the command line, the documentation and the reports are fed. */
public enum PolicyOption {
    COHERENCE(
            "write-protect",
            "write-protect or strict-tlb",
            "how shadows follow the guest's tables: write-protect makes tables read-only and emulates the writes, so that"
                    + " shadows survive CR3 loads; strict-tlb leaves tables writable and drops all shadows at every flush"),
    POPULATE(
            "all-levels",
            "all-levels or one-level",
            "what one fault fills: all missing levels, or one, which shows each step and costs up to four faults"),
    WRITABLE_SEARCH(
            "reverse-map",
            "reverse-map or brute-force",
            "how the writable mappings of a new pagetable are found: by an exact reverse map, or by looking at every shadow"
                    + " leaf"),
    EARLY_UNSHADOW(
            "on",
            "on or off",
            "take two zero writes in a row to a pagetable for the sign that it is none any more, and let it be plain memory:"
                    + " saves most of the emulated writes when address spaces end and their frames are cleared"),
    POOL(
            "4096",
            "a number from 128 to 1048576",
            "pages of 4 KiB for shadows; when they run out the least recently loaded roots go first"),
    DIRTY_CLEAN(
            "reprotect",
            "reprotect or blow",
            "what cleaning the log-dirty bitmap does to shadows: reprotect makes the leaves of the dirty frames read-only;"
                    + " blow throws all shadows away, as Xen does"),
    BLOW_EVERY(
            "0",
            "a number, 0 or more",
            "throw all shadows away after every so many instructions; 0 never. Changes nothing but the cost");

    private static final int LARGEST_POOL = 1 << 20;

    private final String defaultValue;
    private final String choices;
    private final String description;

    PolicyOption(String defaultValue, String choices, String description) {
        this.defaultValue = defaultValue;
        this.choices = choices;
        this.description = description;
    }

    /** As on the command line: {@code writable-search}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public String defaultValue() {
        return defaultValue;
    }

    /** What may be given, in words. */
    public String choices() {
        return choices;
    }

    public String description() {
        return description;
    }

    /** The value that {@code policy} has for this row. */
    public String valueIn(ShadowPolicy policy) {
        return switch (this) {
            case COHERENCE -> label(policy.coherence());
            case POPULATE -> label(policy.populate());
            case WRITABLE_SEARCH -> label(policy.writableSearch());
            case EARLY_UNSHADOW -> policy.earlyUnshadow() ? "on" : "off";
            case POOL -> Integer.toString(policy.poolPages());
            case DIRTY_CLEAN -> label(policy.dirtyClean());
            case BLOW_EVERY -> Long.toString(policy.blowEvery());
        };
    }

    public static Optional<PolicyOption> of(String label) {
        return Arrays.stream(values())
                .filter(option -> option.label().equals(label))
                .findFirst();
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
            policy = option.apply(policy, setting.getValue());
        }
        return policy;
    }

    private ShadowPolicy apply(ShadowPolicy old, String value) {
        return new ShadowPolicy(
                this == COHERENCE ? constant(ShadowPolicy.Coherence.class, value) : old.coherence(),
                this == POPULATE ? constant(ShadowPolicy.Populate.class, value) : old.populate(),
                this == WRITABLE_SEARCH ? constant(ShadowPolicy.WritableSearch.class, value) : old.writableSearch(),
                this == EARLY_UNSHADOW ? isOn(value) : old.earlyUnshadow(),
                this == POOL ? (int) number(value, ShadowPolicy.MINIMUM_POOL, LARGEST_POOL) : old.poolPages(),
                this == DIRTY_CLEAN ? constant(ShadowPolicy.DirtyClean.class, value) : old.dirtyClean(),
                this == BLOW_EVERY ? number(value, 0, Long.MAX_VALUE) : old.blowEvery());
    }

    private boolean isOn(String value) {
        return switch (value) {
            case "on" -> true;
            case "off" -> false;
            default -> throw refused(value);
        };
    }

    private <E extends Enum<E>> E constant(Class<E> type, String value) {
        for (E constant : type.getEnumConstants()) {
            if (label(constant).equals(value)) {
                return constant;
            }
        }
        throw refused(value);
    }

    private long number(String value, long least, long most) {
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
        return new IllegalArgumentException("option " + label() + " cannot be '" + value + "': it takes " + choices);
    }

    private static String label(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
