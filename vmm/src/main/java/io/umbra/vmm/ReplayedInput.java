package io.umbra.vmm;

import java.util.function.Consumer;

/** The input of a twin: what a {@link RecordedInput} found, at the same looks. It never waits, and what is typed here is lost. */
final class ReplayedInput extends ConsoleInput {
    private static final byte[] NOTHING = {};

    private final RecordedInput record;
    private Consumer<GuestEnd> onStop = reason -> {};
    private long looks;
    private long askedOpen;

    ReplayedInput(RecordedInput record) {
        this.record = record;
    }

    /** Stops the twin. */
    void onStop(Consumer<GuestEnd> action) {
        onStop = action;
    }

    /** At the look after which the run of the other was stopped the twin is, too. A twin that looks more often than the other did is no twin any more. */
    @Override
    void looked() {
        looks++;
        RecordedInput.Stop stop = record.stop();
        if (stop != null && looks == stop.look()) {
            onStop.accept(stop.reason());
        } else if (looks > record.looks()) {
            onStop.accept(new GuestEnd.Stopped("it looked for input more often"));
        }
    }

    @Override
    public byte[] take(int limit) {
        RecordedInput.Taken next = record.taken().peek();
        if (next == null || next.look() != looks) {
            return NOTHING;
        }
        record.taken().remove();
        return next.bytes();
    }

    @Override
    public boolean isOpen() {
        return askedOpen++ < record.foundOpen();
    }

    @Override
    public void await(long milliseconds) {}

    @Override
    public void type(byte[] bytes) {}

    @Override
    byte[] waiting() {
        return NOTHING;
    }

    /** The other had these bytes too, and noted when they were taken. */
    @Override
    void typedBefore(byte[] bytes) {}
}
