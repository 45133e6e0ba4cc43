package io.umbra.tools;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A length of time as {@code 10ms}, in nanoseconds. */
final class Period implements ITypeConverter<Long> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,15})(ns|us|ms|s)");

    @Override
    public Long convert(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new TypeConversionException("'" + text + "' is no time: give a number and ns, us, ms or s, as 10ms");
        }
        long unit = switch (matcher.group(2)) {
            case "ns" -> 1;
            case "us" -> 1_000;
            case "ms" -> 1_000_000;
            default -> 1_000_000_000;
        };
        long number = Long.parseLong(matcher.group(1));
        if (number == 0 || number > Long.MAX_VALUE / unit) {
            throw new TypeConversionException("'" + text + "' is " + (number == 0 ? "no time at all" : "too long"));
        }
        return number * unit;
    }

    /** In the largest unit that gives a whole number. */
    static String text(long nanoseconds) {
        String[] units = {"ns", "us", "ms", "s"};
        int unit = 0;
        long number = nanoseconds;
        while (unit < units.length - 1 && number != 0 && number % 1000 == 0) {
            number /= 1000;
            unit++;
        }
        return number + units[unit];
    }
}
