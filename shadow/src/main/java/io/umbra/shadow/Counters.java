package io.umbra.shadow;

/** One domain's counts, by {@link Counter}. */
public final class Counters {
    private final long[] values = new long[Counter.values().length];

    /** All zero. */
    public Counters() {}

    public long get(Counter counter) {
        return values[counter.ordinal()];
    }

    /** Counts what was counted elsewhere, before the domain came here. */
    public void carry(Counter counter, long amount) {
        add(counter, amount);
    }

    void add(Counter counter) {
        values[counter.ordinal()]++;
    }

    void add(Counter counter, long amount) {
        values[counter.ordinal()] += amount;
    }

    void set(Counter counter, long value) {
        values[counter.ordinal()] = value;
    }
}
