package io.umbra.tools;

import java.util.regex.Pattern;

/** Messages for stderr: always exactly one line, whatever the exception said. */
final class OneLine {

    private static final Pattern BREAK = Pattern.compile("\\s*\\R\\s*");

    private OneLine() {}

    static String of(String message) {
        return BREAK.matcher(message.strip()).replaceAll(" ");
    }
}
