package io.umbra.tools;

import io.umbra.vmm.DomainConfig;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A size as {@code 256M}: bytes, or K, M, G, T of 1024. */
final class MemorySize implements ITypeConverter<Long> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,15})([KMGT]?)(?:I?B)?");
    private static final String UNITS = "KMGT";

    /** @throws IllegalArgumentException with one line for the user, when no domain can have so much memory or so little */
    static void check(long bytes) {
        if (bytes < DomainConfig.LEAST_MEMORY || bytes > DomainConfig.MOST_MEMORY || bytes % 4096 != 0) {
            throw new IllegalArgumentException("--memory must be a multiple of 4K between %dM and %dG"
                    .formatted(DomainConfig.LEAST_MEMORY >> 20, DomainConfig.MOST_MEMORY >> 30));
        }
    }

    @Override
    public Long convert(String text) {
        Matcher matcher = FORM.matcher(text.toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new TypeConversionException("'" + text + "' is no size: give a number and K, M or G, as 256M");
        }
        String unit = matcher.group(2);
        int shift = unit.isEmpty() ? 0 : 10 * (UNITS.indexOf(unit) + 1);
        try {
            return Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << shift);
        } catch (ArithmeticException e) {
            throw new TypeConversionException("'" + text + "' is larger than any memory");
        }
    }
}
