package io.umbra.tools;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Map;

/** Writes one JSON value (RFC 8259), two spaces a level, a field a line. Names and order are the caller's. */
final class Json {
    private final StringBuilder text = new StringBuilder();
    private final Deque<String> closers = new ArrayDeque<>();
    private boolean isFirst = true;

    /** An object that has no name: the whole value, or an element of an array. */
    Json object() {
        element();
        return open("{", "}");
    }

    Json object(String name) {
        name(name);
        return open("{", "}");
    }

    Json array(String name) {
        name(name);
        return open("[", "]");
    }

    private Json open(String opener, String closer) {
        text.append(opener);
        closers.push(closer);
        isFirst = true;
        return this;
    }

    /** Ends the innermost object or array. */
    Json close() {
        String closer = closers.pop();
        if (!isFirst) {
            newLine();
        }
        text.append(closer);
        isFirst = false;
        return this;
    }

    Json field(String name, String value) {
        name(name);
        text.append(quoted(value));
        return this;
    }

    Json field(String name, long value) {
        name(name);
        text.append(value);
        return this;
    }

    Json field(String name, boolean value) {
        name(name);
        text.append(value);
        return this;
    }

    /** A finite number, with so many digits behind the point. */
    Json field(String name, double value, int digits) {
        name(name);
        text.append(String.format(Locale.ROOT, "%." + digits + "f", value));
        return this;
    }

    Json texts(String name, Map<String, String> values) {
        object(name);
        values.forEach(this::field);
        return close();
    }

    Json numbers(String name, Map<String, Long> values) {
        object(name);
        values.forEach(this::field);
        return close();
    }

    /** The text, with a line end. Everything must be closed. */
    String finished() {
        if (!closers.isEmpty()) {
            throw new IllegalStateException("an object or array is open");
        }
        return text + "\n";
    }

    private void name(String name) {
        element();
        text.append(quoted(name)).append(": ");
    }

    private void element() {
        if (!closers.isEmpty()) {
            text.append(isFirst ? "" : ",");
            newLine();
        }
        isFirst = false;
    }

    private void newLine() {
        text.append('\n').append("  ".repeat(closers.size()));
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append("\\u%04x".formatted((int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
