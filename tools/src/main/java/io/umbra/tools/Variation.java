package io.umbra.tools;

import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.TypeConversionException;

/**
 * An option and the values to compare.
 *
 * @param option a row of the policy table, {@link #PAGING}, {@link #MEMORY} or {@link #KIND}
 * @param values at least one, each once
 */
record Variation(String option, List<String> values) {
    static final String PAGING = "paging";
    static final String MEMORY = "memory";
    /** Of guest and paging together: {@link GuestKind}. */
    static final String KIND = "kind";

    Variation {
        values = List.copyOf(values);
    }

    /**
     * Reads {@code OPTION=a,b,c}.
     *
     * @throws IllegalArgumentException with one line for the user, naming the choices
     */
    static Variation parse(String text) {
        int equals = text.indexOf('=');
        if (equals < 0) {
            throw new IllegalArgumentException("--vary takes OPTION=a,b,c, not '" + text + "'");
        }
        String option = text.substring(0, equals);
        List<String> values = List.of(text.substring(equals + 1).split(",", -1));
        for (String value : values) {
            check(option, value);
        }
        if (new HashSet<>(values).size() < values.size()) {
            throw new IllegalArgumentException("--vary " + text + " names a value twice");
        }
        return new Variation(option, values);
    }

    private static void check(String option, String value) {
        switch (option) {
            case PAGING -> checkPaging(value);
            case MEMORY -> checkMemory(value);
            case KIND -> checkKind(value);
            default -> {
                if (PolicyOption.of(option).isEmpty()) {
                    throw new IllegalArgumentException(
                            "--vary cannot be for '" + option + "': it takes one of " + choices());
                }
                PolicyOption.parse(Map.of(option, value));
            }
        }
    }

    private static void checkPaging(String value) {
        List<String> kinds = Arrays.stream(PagingKind.values())
                .map(kind -> kind.name().toLowerCase(Locale.ROOT))
                .toList();
        if (!kinds.contains(value)) {
            throw new IllegalArgumentException(
                    "option paging cannot be '" + value + "': it takes " + String.join(" or ", kinds));
        }
    }

    private static void checkKind(String value) {
        if (GuestKind.of(value).isEmpty()) {
            throw new IllegalArgumentException("option kind cannot be '" + value + "': it takes "
                    + Arrays.stream(GuestKind.values()).map(GuestKind::label).collect(Collectors.joining(" or ")));
        }
    }

    private static void checkMemory(String value) {
        try {
            MemorySize.check(new MemorySize().convert(value));
        } catch (TypeConversionException e) {
            throw new IllegalArgumentException("option memory: " + e.getMessage(), e);
        }
    }

    private static String choices() {
        return Stream.concat(
                        Arrays.stream(PolicyOption.values()).map(PolicyOption::label), Stream.of(PAGING, MEMORY, KIND))
                .collect(Collectors.joining(", "));
    }
}
