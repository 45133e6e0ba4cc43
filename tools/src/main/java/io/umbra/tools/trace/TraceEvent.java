package io.umbra.tools.trace;

import java.util.List;

/**
 * One event.
 *
 * @param time instructions that the guest had retired
 * @param values of the kind's fields, in their order
 */
public record TraceEvent(EventKind kind, long time, List<Long> values) {
    /** The value of a field, or {@code otherwise} where the kind has no such field. */
    long value(String field, long otherwise) {
        int at = kind.fields().indexOf(field);
        return at < 0 ? otherwise : values.get(at);
    }

    /** Of a field that the kind has. */
    long value(String field) {
        return values.get(kind.fields().indexOf(field));
    }

    /** A line for people, without its end. */
    public String text() {
        StringBuilder text = new StringBuilder("%14d  %-12s".formatted(time, kind.label()));
        List<String> fields = kind.fields();
        for (int i = 0; i < values.size(); i++) {
            text.append(' ').append(fields.get(i)).append('=').append(FieldText.of(fields.get(i), values.get(i)));
        }
        return text.toString().stripTrailing();
    }

    /** An object of JSON in one line, without its end. Addresses, frames and entries are texts in hexadecimal: numbers of JSON lose bits of 64 in many readers. */
    public String json() {
        StringBuilder text = new StringBuilder("{\"time\": " + time + ", \"kind\": \"" + kind.label() + "\"");
        List<String> fields = kind.fields();
        for (int i = 0; i < values.size(); i++) {
            String value = FieldText.of(fields.get(i), values.get(i));
            boolean isNumber = FieldText.isDecimal(fields.get(i));
            text.append(", \"").append(fields.get(i)).append("\": ").append(isNumber ? value : '"' + value + '"');
        }
        return text.append('}').toString();
    }
}
