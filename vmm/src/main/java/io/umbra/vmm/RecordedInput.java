package io.umbra.vmm;

import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Input that notes which look of the run loop found what, so that a {@link ReplayedInput} gives a twin the same at the same moments of its run, and nobody has to type twice. A moment is
 * numbered by the looks before it: it is exact, where an instruction's number is not, for a halted guest looks often at one instruction.
 */
final class RecordedInput extends ConsoleInput {
    /** What one look found. */
    @SuppressWarnings("ArrayRecordComponent")
    record Taken(long look, byte[] bytes) {}

    /** How the run was stopped from outside, and at which look. */
    record Stop(long look, GuestEnd reason) {}

    private final ConsoleInput source;
    private final Queue<Taken> taken = new ArrayDeque<>();
    private long looks;
    /** How often the input was said to be open. */
    private long foundOpen;

    private @Nullable Stop stop;

    RecordedInput(ConsoleInput source) {
        this.source = source;
    }

    /** What was noted and not yet replayed; whoever replays it removes it. */
    Queue<Taken> taken() {
        return taken;
    }

    long looks() {
        return looks;
    }

    long foundOpen() {
        return foundOpen;
    }

    /** The run ended for {@code reason}, which came from outside, after the latest look. */
    void stopped(GuestEnd reason) {
        stop = new Stop(looks, reason);
    }

    @Nullable
    Stop stop() {
        return stop;
    }

    @Override
    void looked() {
        looks++;
    }

    @Override
    public byte[] take(int limit) {
        byte[] bytes = source.take(limit);
        if (bytes.length > 0) {
            taken.add(new Taken(looks, bytes));
        }
        return bytes;
    }

    @Override
    public boolean isOpen() {
        boolean open = source.isOpen();
        if (open) {
            foundOpen++;
        }
        return open;
    }

    @Override
    public void await(long milliseconds) {
        source.await(milliseconds);
    }

    @Override
    public void type(byte[] bytes) {
        source.type(bytes);
    }

    @Override
    public void close() {
        source.close();
    }

    @Override
    byte[] waiting() {
        return source.waiting();
    }

    @Override
    void typedBefore(byte[] bytes) {
        source.typedBefore(bytes);
    }
}
