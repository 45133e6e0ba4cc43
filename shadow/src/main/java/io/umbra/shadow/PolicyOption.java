package io.umbra.shadow;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The table of policy options: one row each, from which the command line, the documentation and the reports are fed. */
public enum PolicyOption {
    COHERENCE(
            new Kind.Choice(ShadowPolicy.Coherence.values()),
            "write-protect",
            "how shadows follow the guest's tables: write-protect makes tables read-only and emulates the writes, so that"
                    + " shadows survive CR3 loads; out-of-sync lets the guest write a few level-1 tables itself, which saves the"
                    + " emulation and costs a comparison of each at the next flush; strict-tlb leaves tables writable and drops all"
                    + " shadows at every flush"),
    OOS_SLOTS(
            new Kind.Number(0, 64),
            "3",
            "under out-of-sync, how many level-1 tables a vCPU may have out of sync at a time: more saves emulated writes, and"
                    + " makes each flush longer"),
    POPULATE(
            new Kind.Choice(ShadowPolicy.Populate.values()),
            "all-levels",
            "what one fault fills: all missing levels, or one, which shows each step and costs up to five faults"),
    PREFETCH(
            new Kind.Number(0, 512),
            "32",
            "entries beyond the faulting one that a fault may fill as well, at most; the distance adapts to how far a guest goes"
                    + " on. Saves faults of sequential accesses, costs look-ups for entries that nobody uses; 0 is off"),
    WRITABLE_SEARCH(
            new Kind.Choice(ShadowPolicy.WritableSearch.values()),
            "reverse-map",
            "how the writable mappings of a new pagetable are found: by an exact reverse map, or by looking at every shadow"
                    + " leaf"),
    EARLY_UNSHADOW(
            new Kind.Switch(),
            "on",
            "take two entries of a pagetable zeroed in a row for the sign that it is none any more, and let it be plain memory:"
                    + " saves most of the emulated writes when address spaces end and their frames are cleared"),
    FAST_FAULTS(
            new Kind.Switch(),
            "on",
            "tag shadow leaves of absent guest entries and of device memory, so that the next fault on them is answered from the"
                    + " shadow alone: saves walks; costs that the tags are dropped one by one when entries or the P2M change. Not"
                    + " present tags exist under write-protect only"),
    SKIP_VERIFY(
            new Kind.Switch(),
            "on",
            "do not revalidate an emulated write that leaves a guest entry absent as it was: saves shadow work when a guest"
                    + " writes swap entries or clears twice"),
    FAST_EMULATION(
            new Kind.Switch(),
            "on",
            "remember the last page through which a pagetable was written, and emulate the next write there without a walk"),
    VIRTUAL_TLB(
            new Kind.Switch(),
            "on",
            "keep the translations that emulated instructions used until the guest flushes or changes a table on their path:"
                    + " saves walks when writes to tables come in runs"),
    EMULATE_AHEAD(
            new Kind.Number(0, 16),
            "4",
            "for PAE guests, instructions that may be emulated behind an emulated write to a pagetable until the next such"
                    + " write: saves the second fault when an 8-byte entry is written in two halves"),
    DYING_HINT(
            new Kind.Switch(),
            "on",
            "heed the hypercall by which a guest says that an address space is about to die: its tables are unshadowed at the"
                    + " first write instead of being emulated"),
    PDPTE_RELOAD(
            new Kind.Switch(),
            "off",
            "when an access of a PAE guest fails, read the PDPTEs again from memory and retry if they changed: for guests that"
                    + " rewrite them and do not reload CR3, which real processors do not forgive"),
    POOL(
            new Kind.Number(ShadowPolicy.MINIMUM_POOL, 1 << 20),
            "4096",
            "pages of 4 KiB for shadows; when they run out the least recently loaded roots go first"),
    BLOW_EVERY(
            new Kind.Number(0, Long.MAX_VALUE),
            "0",
            "throw all shadows away after every so many instructions; 0 never. Changes nothing but the cost");

    /** What values a row takes. */
    private sealed interface Kind {
        record Choice(Enum<?>... constants) implements Kind {}

        record Switch() implements Kind {}

        record Number(long least, long most) implements Kind {}
    }

    private final Kind kind;
    private final String defaultValue;
    private final String description;

    PolicyOption(Kind kind, String defaultValue, String description) {
        this.kind = kind;
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
        return switch (kind) {
            case Kind.Choice choice ->
                Arrays.stream(choice.constants()).map(PolicyOption::label).collect(Collectors.joining(" or "));
            case Kind.Switch ignored -> "on or off";
            case Kind.Number number ->
                number.most() == Long.MAX_VALUE
                        ? "a number, " + number.least() + " or more"
                        : "a number from " + number.least() + " to " + number.most();
        };
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
        return switch (kind) {
            case Kind.Choice choice ->
                Arrays.stream(choice.constants())
                        .filter(constant -> label(constant).equals(value))
                        .findFirst()
                        .orElseThrow(() -> refused(value));
            case Kind.Switch ignored -> isOn(value);
            case Kind.Number number -> number(value, number);
        };
    }

    private Boolean isOn(String value) {
        return switch (value) {
            case "on" -> true;
            case "off" -> false;
            default -> throw refused(value);
        };
    }

    private Long number(String value, Kind.Number range) {
        try {
            long number = Long.parseLong(value);
            if (number >= range.least() && number <= range.most()) {
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
