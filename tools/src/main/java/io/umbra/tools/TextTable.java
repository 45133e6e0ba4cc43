package io.umbra.tools;

import java.util.ArrayList;
import java.util.List;

/** Columns of text, aligned by spaces. */
final class TextTable {
    enum Align {
        LEFT,
        RIGHT
    }

    private static final String GAP = "  ";

    private final List<String> gaps = new ArrayList<>();
    private final List<Align> alignments = new ArrayList<>();
    private final List<List<String>> rows = new ArrayList<>();

    TextTable() {
        rows.add(new ArrayList<>());
    }

    /** Adds a column. All must be there before the first row. */
    TextTable column(String heading, Align align) {
        return column(heading, align, alignments.isEmpty() ? "" : GAP);
    }

    /** Adds a column without a heading that belongs to the one before it. */
    TextTable attached() {
        return column("", Align.LEFT, " ");
    }

    private TextTable column(String heading, Align align, String gap) {
        gaps.add(gap);
        alignments.add(align);
        rows.getFirst().add(heading);
        return this;
    }

    /** Adds a row of a cell for each column. */
    TextTable row(List<String> cells) {
        if (cells.size() != alignments.size()) {
            throw new IllegalArgumentException(cells.size() + " cells for " + alignments.size() + " columns");
        }
        rows.add(List.copyOf(cells));
        return this;
    }

    /** Headings and rows, a line each; no line ends with a space. */
    String text() {
        int[] widths = new int[alignments.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String space = " ".repeat(widths[i] - row.get(i).length());
                line.append(gaps.get(i))
                        .append(alignments.get(i) == Align.RIGHT ? space + row.get(i) : row.get(i) + space);
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
