package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.vmm.Domain;
import io.umbra.vmm.Guest;
import java.io.PrintStream;
import java.util.Locale;

/** One line on a terminal's stderr while the guest is silent: what it is doing. Never shown when stderr is piped. */
final class Progress implements AutoCloseable {
    private static final long PERIOD_MILLIS = 500;
    private static final long SILENCE_NANOS = 1_000_000_000L;
    private static final String CLEAR = "\r\u001B[K";

    private final Guest guest;
    private final PrintStream err;
    private final Thread thread;
    private volatile long lastOutput = System.nanoTime();
    private volatile boolean shown;
    private volatile boolean closed;

    Progress(Guest guest, PrintStream err) {
        this.guest = guest;
        this.err = err;
        this.thread = Thread.ofPlatform().daemon().name("progress").unstarted(this::loop);
    }

    void start() {
        thread.start();
    }

    /** The guest is about to print. */
    void guestPrints() {
        lastOutput = System.nanoTime();
        erase();
    }

    private void loop() {
        long instructions = 0;
        long faults = 0;
        long time = System.nanoTime();
        while (!closed) {
            try {
                Thread.sleep(PERIOD_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
            Domain domain = guest.domain();
            long now = System.nanoTime();
            double elapsed = (now - time) / 1e9;
            long retired = domain.instructions();
            long faulted = domain.counters().get(Counter.PAGE_FAULT);
            if (now - lastOutput > SILENCE_NANOS && !closed) {
                err.print(CLEAR
                        + String.format(
                                Locale.ROOT,
                                "[%d M instructions, %.0f MIPS, %.0f faults/s, %d shadow pages]",
                                retired / 1_000_000,
                                (retired - instructions) / elapsed / 1e6,
                                (faulted - faults) / elapsed,
                                domain.counters().get(Counter.SHADOW_PAGES)));
                err.flush();
                shown = true;
            }
            instructions = retired;
            faults = faulted;
            time = now;
        }
    }

    private void erase() {
        if (shown) {
            shown = false;
            err.print(CLEAR);
            err.flush();
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        erase();
    }
}
