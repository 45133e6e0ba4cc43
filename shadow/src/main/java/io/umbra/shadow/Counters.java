package io.umbra.shadow;

/** One domain's counts, by {@link Counter}, and who is told of what is counted. */
public final class Counters {
    private final long[] values = new long[Counter.values().length];

    final Trace trace;

    /** All zero, and nobody is told. */
    public Counters() {
        this(Trace.OFF);
    }

    Counters(Trace trace) {
        this.trace = trace;
    }

    public long get(Counter counter) {
        return values[counter.ordinal()];
    }

    void add(Counter counter) {
        values[counter.ordinal()]++;
        trace.counted(counter, 1);
    }

    void add(Counter counter, long amount) {
        values[counter.ordinal()] += amount;
        trace.counted(counter, amount);
    }

    void set(Counter counter, long value) {
        values[counter.ordinal()] = value;
    }
}
