package io.umbra.vmm.device;

import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * One counter of an 8254 programmable interval timer, in ticks of its CLK input. Source: Intel data sheet 231164.
 *
 * <p>State is brought up to a tick by {@link #advanceTo}; between two changes of OUT the counting element only counts down,
 * so that any distance is covered in a few steps, and whole periods at once. The counting element is kept in binary, from
 * 1 to 65,536 (10,000 in BCD) while it counts, and shown modulo that; only the odd counts of mode 3 pass through 0.
 *
 * <p>A count of 1, which the data sheet forbids in modes 2 and 3, acts as 2.
 */
final class Counter8254 {
    static final long NEVER = Long.MAX_VALUE;

    /** The RW field of a control word: which bytes of a count an access transfers; 3 is low, then high. */
    private static final int LOW = 1;

    private static final int HIGH = 2;
    private static final int BOTH = 3;

    private int mode;
    private boolean bcd;
    private int access = BOTH;

    private boolean gate;
    private boolean out;
    private long tick;
    private int count = 1;
    private int initial = 1;
    private int loadedInitial = 1;

    private boolean counts;
    private boolean loadsNext;
    private boolean strobeArmed;
    private boolean initialWritten;
    private boolean nullCount;

    private int lowByteWritten;
    private boolean writesHigh;
    private boolean readsHigh;
    private int latchedCount;
    private int latchedBytes;
    private int latchedStatus = -1;

    Counter8254(boolean gate) {
        this.gate = gate;
    }

    boolean out() {
        return out;
    }

    boolean gate() {
        return gate;
    }

    /** Lets CLK run until {@code target} ticks have passed since power-on. */
    void advanceTo(long target) {
        while (tick < target) {
            skipWholePeriods(target);
            long span = Math.min(ticksToChange(), target - tick);
            step(span);
        }
    }

    /** Ticks until OUT may next change, or {@link #NEVER} if nothing but an access or the gate can change it. */
    long ticksToEdge() {
        if (!loadsNext) {
            return ticksToChange();
        }
        boolean loadChangesOut = mode == 1 ? out : mode >= 4 && !out;
        long afterLoad = loadChangesOut ? 0 : ticksToChange(initialToLoad(), initial, out, true);
        return afterLoad == NEVER ? NEVER : 1 + afterLoad;
    }

    /** A control word with RW other than 00: mode and byte order; the counter waits for its count. */
    void program(int controlWord) {
        access = controlWord >> 4 & 3;
        int field = controlWord >> 1 & 7;
        mode = field > 5 ? field - 4 : field;
        bcd = (controlWord & 1) != 0;
        out = mode != 0;
        counts = false;
        loadsNext = false;
        strobeArmed = false;
        initialWritten = false;
        nullCount = true;
        writesHigh = false;
        readsHigh = false;
        latchedBytes = 0;
        latchedStatus = -1;
    }

    /** The counter latch command: holds the count until it has been read; a second one meanwhile is ignored. */
    void latchCount() {
        if (latchedBytes == 0) {
            latchedCount = shownCount();
            latchedBytes = access == BOTH && !readsHigh ? 2 : 1;
        }
    }

    /** Holds the status byte: OUT, null count, RW, mode and BCD as programmed. */
    void latchStatus() {
        if (latchedStatus < 0) {
            latchedStatus = (out ? 0x80 : 0) | (nullCount ? 0x40 : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
        }
    }

    int read() {
        if (latchedStatus >= 0) {
            int status = latchedStatus;
            latchedStatus = -1;
            return status;
        }
        int value = shownCount();
        if (latchedBytes > 0) {
            value = latchedCount;
            latchedBytes--;
        }
        boolean high = access == HIGH;
        if (access == BOTH) {
            high = readsHigh;
            readsHigh = !readsHigh;
        }
        return high ? value >> 8 : value & 0xff;
    }

    void write(int value) {
        switch (access) {
            case LOW -> writeCount(value);
            case HIGH -> writeCount(value << 8);
            default -> {
                if (writesHigh) {
                    writeCount(value << 8 | lowByteWritten);
                } else {
                    lowByteWritten = value;
                    if (mode == 0) {
                        counts = false;
                        loadsNext = false;
                        out = false;
                    }
                }
                writesHigh = !writesHigh;
            }
        }
    }

    void setGate(boolean high) {
        if (high == gate) {
            return;
        }
        gate = high;
        boolean periodic = mode == 2 || mode == 3;
        if (high) {
            boolean triggers = periodic || mode == 1 || mode == 5;
            loadsNext |= triggers && initialWritten;
        } else if (periodic) {
            out = true;
        }
    }

    private void writeCount(int value) {
        int binary = bcd ? fromBcd(value) : value;
        boolean forbidden = binary == 1 && (mode == 2 || mode == 3);
        initial = binary == 0 ? modulus() : forbidden ? 2 : binary;
        nullCount = true;
        switch (mode) {
            case 0 -> {
                out = false;
                loadsNext = true;
            }
            case 4 -> loadsNext = true;
            case 2, 3 -> loadsNext |= !initialWritten;
            default -> {} // modes 1 and 5 load when the gate triggers
        }
        initialWritten = true;
    }

    private void step(long span) {
        tick += span;
        if (loadsNext) {
            load();
        } else if (span == ticksToChange()) {
            change();
        } else if (isCounting()) {
            count = mode == 3 ? count - 2 * (int) span : 1 + (int) Math.floorMod(count - 1 - span, (long) modulus());
        }
    }

    /** The CLK pulse that moves the count register into the counting element. */
    private void load() {
        loadsNext = false;
        reload();
        counts = true;
        strobeArmed = mode == 4 || mode == 5;
        if (mode == 1) {
            out = false;
        } else if (mode >= 4) {
            out = true;
        }
    }

    private void reload() {
        loadedInitial = initial;
        count = initialToLoad();
        nullCount = false;
    }

    /** The tick on which OUT changes. */
    private void change() {
        switch (mode) {
            case 0, 1 -> {
                out = true;
                count = modulus();
            }
            case 2 -> {
                if (out) {
                    out = false;
                    count = 1;
                } else {
                    out = true;
                    reload();
                }
            }
            case 3 -> {
                out = !out;
                reload();
            }
            default -> {
                count = out ? modulus() : isCounting() ? wrapped(count - 1) : count;
                strobeArmed = false;
                out = !out;
            }
        }
    }

    private long ticksToChange() {
        return loadsNext ? 1 : ticksToChange(count, loadedInitial, out, strobeArmed);
    }

    /** Ticks from a counting element of {@code count}, loaded from {@code from}, until OUT leaves the level {@code high}. */
    private long ticksToChange(int count, int from, boolean high, boolean armed) {
        boolean afterLoad = counts || loadsNext;
        boolean enabled = afterLoad && gate;
        return switch (mode) {
            case 0 -> enabled && !high ? count : NEVER;
            case 1 -> afterLoad && !high ? count : NEVER;
            case 2 -> !enabled ? NEVER : high ? Math.max(count - 1, 1) : 1;
            case 3 -> !enabled ? NEVER : count / 2 + (high && (from & 1) != 0 ? 1 : 0);
            case 4 -> !high ? 1 : enabled && armed ? count : NEVER;
            default -> !high ? 1 : afterLoad && armed ? count : NEVER;
        };
    }

    private boolean isCounting() {
        return counts && (gate || mode == 1 || mode == 5);
    }

    /** In modes 2 and 3 nothing but the phase is left of a period that has passed. */
    private void skipWholePeriods(long target) {
        if ((mode == 2 || mode == 3) && isCounting() && !loadsNext && loadedInitial == initial && !nullCount) {
            tick += (target - tick) / initial * initial;
        }
    }

    /** Mode 3 counts down by two from an even number; one tick more in the high half makes up for an odd count. */
    private int initialToLoad() {
        return mode == 3 ? initial & ~1 : initial;
    }

    private int shownCount() {
        int value = count % modulus();
        return bcd ? toBcd(value) : value;
    }

    private int wrapped(int value) {
        return value < 1 ? modulus() : value;
    }

    private int modulus() {
        return bcd ? 10_000 : 0x1_0000;
    }

    /** Digits above 9, which the data sheet leaves open, carry. */
    private static int fromBcd(int value) {
        int binary = (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
        return binary % 10_000;
    }

    private static int toBcd(int value) {
        return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    void save(StateWriter out) {
        out.word(mode);
        out.flag(bcd);
        out.word(access);
        out.flag(gate);
        out.flag(out());
        out.quad(tick);
        out.word(count);
        out.word(initial);
        out.word(loadedInitial);
        out.flag(counts);
        out.flag(loadsNext);
        out.flag(strobeArmed);
        out.flag(initialWritten);
        out.flag(nullCount);
        out.word(lowByteWritten);
        out.flag(writesHigh);
        out.flag(readsHigh);
        out.word(latchedCount);
        out.word(latchedBytes);
        out.word(latchedStatus);
    }

    void restore(StateReader in) throws StateException {
        mode = in.between(0, 5);
        bcd = in.flag();
        access = in.between(LOW, BOTH);
        gate = in.flag();
        out = in.flag();
        tick = in.moment();
        boolean periodic = mode == 2 || mode == 3;
        count = in.between(0, 0x1_0000);
        initial = in.between(1, 0x1_0000);
        loadedInitial = in.between(1, 0x1_0000);
        counts = in.flag();
        loadsNext = in.flag();
        strobeArmed = in.flag();
        initialWritten = in.flag();
        nullCount = in.flag();
        lowByteWritten = in.bits(0xff);
        writesHigh = in.flag();
        readsHigh = in.flag();
        latchedCount = in.bits(0xffff);
        latchedBytes = in.between(0, 2);
        latchedStatus = in.between(-1, 0xff);
        if (periodic && initialWritten && initial == 1) {
            throw in.refuse("a period of one tick");
        }
    }
}
