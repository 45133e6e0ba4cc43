package io.umbra.tools;

import io.umbra.vmm.GuestEnd;
import java.util.function.Consumer;

/** While it is open, Ctrl-C ends a run cleanly: the process waits a little for the thread that opened this, so that it can deliver its report. */
final class EndOnInterrupt implements AutoCloseable {
    private static final long JOIN_MILLIS = 2_000;

    private final Thread hook;

    /** @param stop ends the guest soon, from any thread */
    EndOnInterrupt(Consumer<GuestEnd> stop) {
        Thread runner = Thread.currentThread();
        hook = new Thread(
                () -> {
                    stop.accept(new GuestEnd.Stopped("interrupted"));
                    try {
                        runner.join(JOIN_MILLIS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook is what waits for this thread.
        }
    }
}
