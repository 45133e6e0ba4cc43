package io.umbra.tools;

import io.umbra.shadow.DirtyCause;
import io.umbra.vmm.DirtySeries;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToLongFunction;

/** The part of a report on what the guest wrote to, period by period. */
final class DirtyLogReport {
    /** Lines of the plot at most; more periods than that are folded. */
    private static final int MOST_LINES = 40;

    private static final int WIDTH = 50;
    /** Eighths of a character cell. */
    private static final String PARTS = " ▏▎▍▌▋▊▉";

    private final DirtySeries series;
    private final long memoryBytes;

    DirtyLogReport(DirtySeries series, long memoryBytes) {
        this.series = series;
        this.memoryBytes = memoryBytes;
    }

    String text() {
        StringBuilder text = new StringBuilder();
        text.append("log-dirty, %d period%s of %s: %d pages, %d write faults\n"
                .formatted(
                        series.count(),
                        series.count() == 1 ? "" : "s",
                        Period.text(series.length()),
                        series.pages(),
                        series.faults()));
        for (DirtyCause cause : DirtyCause.values()) {
            if (series.marks(cause) != 0) {
                text.append("%15d  marked by %s%s\n".formatted(series.marks(cause), cause.description(), same(cause)));
            }
        }
        if (series.isVerified()) {
            text.append("%15d  changed, by their bytes, and all of them were marked\n".formatted(series.changed()));
        }
        plot(text);
        if (series.end() > 0) {
            text.append(PreCopy.estimate(memoryBytes, series.pages() * 1e9 / series.end()))
                    .append('\n');
        }
        return text.toString();
    }

    private String same(DirtyCause cause) {
        long extras = series.extras(cause);
        return extras == 0 ? "" : "; %d of them held the same bytes at the period's end".formatted(extras);
    }

    private void plot(StringBuilder text) {
        long fold = Math.max(1, Math.ceilDiv(series.count(), MOST_LINES));
        int lines = (int) Math.ceilDiv(series.count(), fold);
        double[] pages = new double[lines];
        double most = 0;
        for (DirtySeries.Period period : series.periods()) {
            int line = (int) Math.min(period.start() / series.length() / fold, lines - 1);
            pages[line] += (double) period.pages() / fold;
            most = Math.max(most, pages[line]);
        }
        text.append("%15s  pages in a period%s\n"
                .formatted("from, ms", fold > 1 ? ", mean of " + fold + " periods a line" : ""));
        for (int line = 0; line < lines; line++) {
            double start = (double) line * fold * series.length() / 1e6;
            text.append(String.format(Locale.ROOT, "%15.3f  %8.0f ", start, pages[line]))
                    .append(bar(most == 0 ? 0 : pages[line] / most))
                    .append('\n');
        }
    }

    private static String bar(double fraction) {
        int eighths = (int) Math.round(fraction * WIDTH * 8);
        String last = eighths % 8 == 0 ? "" : PARTS.substring(eighths % 8, eighths % 8 + 1);
        return "█".repeat(eighths / 8) + last;
    }

    /** Adds an object; its series is [start in ns, pages, faults] of each period that was not idle. */
    void writeTo(Json json) {
        json.object("dirty_log")
                .field("period_ns", series.length())
                .field("end_ns", series.end())
                .field("periods", series.count())
                .field("pages", series.pages())
                .field("faults", series.faults())
                .numbers("marks", byCause(series::marks));
        if (series.isVerified()) {
            json.field("changed", series.changed()).numbers("extras", byCause(series::extras));
        }
        json.array("series");
        for (DirtySeries.Period period : series.periods()) {
            json.row(period.start(), period.pages(), period.faults());
        }
        json.close().close();
    }

    private static Map<String, Long> byCause(ToLongFunction<DirtyCause> count) {
        Map<String, Long> byCause = new LinkedHashMap<>();
        for (DirtyCause cause : DirtyCause.values()) {
            byCause.put(cause.label(), count.applyAsLong(cause));
        }
        return byCause;
    }
}
