package io.umbra.tools;

import java.io.PrintStream;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** The guest's console on stdout: buffered, and written out at each line end and when the guest rests. */
final class GuestConsole implements IntConsumer {
    private static final int BUFFER = 4096;

    private final PrintStream out;
    private final byte[] buffer = new byte[BUFFER];
    private int used;
    private @Nullable Progress progress;
    private @Nullable Runnable failure;

    GuestConsole(PrintStream out) {
        this.out = out;
    }

    void announceTo(Progress listener) {
        progress = listener;
    }

    /** What to do when stdout takes nothing any more: a closed pipe, a full disk. */
    void onFailure(Runnable action) {
        failure = action;
    }

    @Override
    public synchronized void accept(int value) {
        buffer[used++] = (byte) value;
        if (used == BUFFER || value == '\n' || value < ' ' || value == ' ' || value == '$' || value == '#') {
            flush();
        }
    }

    synchronized void flush() {
        if (used > 0) {
            Progress listener = progress;
            if (listener != null) {
                listener.guestPrints();
            }
            out.write(buffer, 0, used);
            used = 0;
            Runnable action = failure;
            if (out.checkError() && action != null) {
                action.run();
            }
        }
    }
}
