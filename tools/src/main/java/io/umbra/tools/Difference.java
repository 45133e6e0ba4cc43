package io.umbra.tools;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Something that the guest could tell two combinations apart by.
 *
 * @param line of the console, from 1; 0 for the other kinds
 * @param seenIn what {@code baseline} gave
 * @param seenInOther what {@code other} gave
 */
record Difference(Kind kind, long line, Combination baseline, String seenIn, Combination other, String seenInOther) {

    enum Kind {
        CONSOLE,
        STATUS,
        INSTRUCTIONS
    }

    /** What of a line is shown. */
    private static final int LONGEST_LINE = 200;

    /**
     * What can be told apart at all.
     *
     * @param isTimeVirtual the same instructions must be retired
     * @param hasTimeout a run may have been cut short by the host's clock; then its console need only begin as the other's
     */
    record Rules(boolean isTimeVirtual, boolean hasTimeout) {}

    /** What differs between two runs that have results. */
    static List<Difference> between(Ran baseline, Ran other, Rules rules) throws IOException {
        RunResult first = baseline.result();
        RunResult second = other.result();
        if (first == null || second == null) {
            return List.of();
        }
        boolean isCut = rules.hasTimeout && (wasLimited(baseline) || wasLimited(other));
        List<Difference> found = new ArrayList<>();
        long mismatch = Files.mismatch(baseline.console(), other.console());
        boolean isPrefix = mismatch == Math.min(Files.size(baseline.console()), Files.size(other.console()));
        if (mismatch >= 0 && !(isCut && isPrefix)) {
            found.add(ofConsole(baseline, other, mismatch));
        }
        if (first.status() != second.status() && !isCut) {
            found.add(new Difference(
                    Kind.STATUS,
                    0,
                    baseline.combination(),
                    first.status() + ": " + first.end(),
                    other.combination(),
                    second.status() + ": " + second.end()));
        }
        if (rules.isTimeVirtual && first.instructions() != second.instructions() && !isCut) {
            found.add(new Difference(
                    Kind.INSTRUCTIONS,
                    0,
                    baseline.combination(),
                    Long.toString(first.instructions()),
                    other.combination(),
                    Long.toString(second.instructions())));
        }
        return found;
    }

    private static boolean wasLimited(Ran run) {
        return run.status() == ExitStatus.LIMIT_REACHED;
    }

    private static Difference ofConsole(Ran baseline, Ran other, long mismatch) throws IOException {
        Line first = lineAt(baseline.console(), mismatch);
        Line second = lineAt(other.console(), mismatch);
        return new Difference(
                Kind.CONSOLE, first.number(), baseline.combination(), first.text(), other.combination(), second.text());
    }

    private record Line(long number, String text) {}

    /** The line that the byte at {@code offset} is in. */
    private static Line lineAt(Path file, long offset) throws IOException {
        long number = 1;
        long start = 0;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            for (long at = 0; at < offset; at++) {
                if (in.read() == '\n') {
                    number++;
                    start = at + 1;
                }
            }
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            in.skipNBytes(start);
            byte[] bytes = in.readNBytes(LONGEST_LINE + (int) Math.min(offset - start, LONGEST_LINE));
            return new Line(number, bytes.length == 0 ? "(the console ends)" : shown(bytes));
        }
    }

    /** Up to the end of the line; what a terminal would take for a command is written in hexadecimal. */
    private static String shown(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        int end = text.indexOf('\n');
        StringBuilder line = new StringBuilder();
        for (char c : text.substring(0, end < 0 ? text.length() : end).toCharArray()) {
            if (c != '\r') {
                line.append(Character.isISOControl(c) ? "\\x%02x".formatted((int) c) : String.valueOf(c));
            }
        }
        return line.toString();
    }

    /** For people; the second and third line give what was seen. */
    String text() {
        String what = switch (kind) {
            case CONSOLE -> "the console differs in line " + line;
            case STATUS -> "the exit status differs";
            case INSTRUCTIONS -> "the number of retired instructions differs";
        };
        return "%s:\n    %s: %s\n    %s: %s\n".formatted(what, baseline, seenIn, other, seenInOther);
    }
}
