package io.umbra.tools;

import io.umbra.vmm.MigratingGuest;
import java.util.Locale;

/**
 * Whether a live migration of the guest, had it gone on as it did, would have come to its end: pre-copy sends all of memory, then what was written to meanwhile, again and again, and ends when little is
 * left. An estimate from the mean rate at which pages became dirty; it knows nothing of phases, nor that a page written to twice is sent once.
 */
final class PreCopy {
    /** Bytes a second: a link of 10 Gbit/s. */
    private static final double BANDWIDTH = MigratingGuest.LINK;
    /** Xen's toolstack stops the guest when fewer pages than this are left, or after {@link #ROUNDS}. */
    private static final double FEW_PAGES = MigratingGuest.FEW_FRAMES;

    private static final int ROUNDS = MigratingGuest.MOST_ROUNDS;
    private static final int PAGE = 4096;

    /**
     * @param memory bytes
     * @param pagesPerSecond that become dirty
     */
    static String estimate(long memory, double pagesPerSecond) {
        double rate = pagesPerSecond * PAGE;
        String facts = String.format(
                Locale.ROOT, "%.0f MB/s become dirty, a 10 Gbit/s link takes %.0f MB/s", rate / 1e6, BANDWIDTH / 1e6);
        double ratio = rate / BANDWIDTH;
        if (ratio >= 1) {
            return "pre-copy would not converge: " + facts;
        }
        double left = (double) memory / PAGE;
        int rounds = 0;
        while (left >= FEW_PAGES && rounds < ROUNDS) {
            left *= ratio;
            rounds++;
        }
        return String.format(
                Locale.ROOT,
                "pre-copy would converge: %s; after %d round%s %.0f pages are left, %.2f ms with the guest stopped",
                facts,
                rounds,
                rounds == 1 ? "" : "s",
                left,
                left * PAGE / BANDWIDTH * 1e3);
    }

    private PreCopy() {}
}
