package io.umbra.vmm.apic;

import io.umbra.vmm.device.Timer;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The timer of a local APIC. Its input clock is 1 GHz, a tick for each nanosecond of virtual time, as the time-stamp counter's; the divide configuration makes counts of 1 to 128
 * ticks.
 *
 * <p>A change between one-shot and periodic leaves the running count alone and decides what happens when it reaches 0; a change to or from TSC-deadline disarms the timer, initial
 * count included. A changed divide configuration applies to what is left of the count. Intel SDM vol. 3A, "APIC Timer".
 */
final class ApicTimer {
    /** Bits 18..17 of the timer's local vector. */
    enum Mode {
        ONE_SHOT,
        PERIODIC,
        TSC_DEADLINE,
        /** Reserved: no interrupt comes of it. */
        NONE
    }

    private static final Mode[] MODES = Mode.values();
    private static final int DIVIDE_BITS = 0b1011;

    private final VirtualClock clock;
    private final LongSupplier timeStamp;
    private final Runnable expired;

    private Mode mode = Mode.ONE_SHOT;
    private boolean masked = true;
    private int divideConfiguration;
    private long initialCount;
    private boolean counts;
    /** When the count reaches 0 next, while it counts. */
    private long zeroAt;
    /** In counts of the TSC; 0 when disarmed. */
    private long deadline;

    private @Nullable Timer event;

    /**
     * @param timeStamp the present TSC, which advances by 1 a nanosecond
     * @param expired called at each expiry that may cause an interrupt
     */
    ApicTimer(VirtualClock clock, LongSupplier timeStamp, Runnable expired) {
        this.clock = clock;
        this.timeStamp = timeStamp;
        this.expired = expired;
    }

    void reset() {
        catchUp();
        mode = Mode.ONE_SHOT;
        masked = true;
        divideConfiguration = 0;
        disarm();
        schedule();
    }

    private void disarm() {
        initialCount = 0;
        counts = false;
        deadline = 0;
    }

    /** The timer's local vector was written. */
    void configure(int entry) {
        catchUp();
        Mode next = MODES[(entry & LocalSource.Bits.TIMER_MODE) >>> 17];
        if (next != mode && (next == Mode.TSC_DEADLINE || mode == Mode.TSC_DEADLINE)) {
            disarm();
        }
        mode = next;
        masked = (entry & LocalSource.Bits.MASKED) != 0;
        schedule();
    }

    // ---- counting
    // ----------------------------------------------------------------------------------------------------

    long initialCount() {
        return initialCount;
    }

    /** Starts counting down from {@code count}, 32 bits; 0 stops. Ignored in TSC-deadline mode. */
    void initialCount(long count) {
        if (mode == Mode.TSC_DEADLINE) {
            return;
        }
        initialCount = count;
        counts = count != 0;
        zeroAt = clock.now() + count * divisor();
        schedule();
    }

    long currentCount() {
        catchUp();
        return counts ? Math.ceilDiv(zeroAt - clock.now(), divisor()) : 0;
    }

    int divideConfiguration() {
        return divideConfiguration;
    }

    void divideConfiguration(int value) {
        long left = currentCount();
        divideConfiguration = value & DIVIDE_BITS;
        zeroAt = clock.now() + left * divisor();
        schedule();
    }

    /** Bits 3, 1 and 0 are the exponent less one; 111 divides by 1. */
    private long divisor() {
        int code = divideConfiguration >>> 1 & 4 | divideConfiguration & 3;
        return 1L << (code + 1 & 7);
    }

    private void catchUp() {
        long late = clock.now() - zeroAt;
        if (counts && late >= 0) {
            counts = mode == Mode.PERIODIC;
            long period = initialCount * divisor();
            zeroAt += counts ? (late / period + 1) * period : 0;
        }
    }

    // ---- deadline
    // ----------------------------------------------------------------------------------------------------

    /** IA32_TSC_DEADLINE: 0 when disarmed or expired, or in another mode. */
    long deadline() {
        return deadline;
    }

    /** Arms the timer; a deadline that is past expires at once, 0 disarms. Ignored unless in TSC-deadline mode. */
    void deadline(long value) {
        if (mode == Mode.TSC_DEADLINE) {
            deadline = value;
            schedule();
        }
    }

    /** The TSC was written: the deadline is at another time now. */
    void timeStampChanged() {
        schedule();
    }

    // ---- events
    // ------------------------------------------------------------------------------------------------------

    private void schedule() {
        if (event != null) {
            event.cancel();
            event = null;
        }
        if (deadline != 0) {
            scheduleDeadline();
        } else if (counts && !masked && mode != Mode.NONE) {
            event = clock.schedule(zeroAt, this::due);
        }
    }

    private void scheduleDeadline() {
        long now = timeStamp.getAsLong();
        long left = deadline - now;
        if (Long.compareUnsigned(deadline, now) <= 0) {
            due();
        } else if (left > 0 && left < VirtualClock.NEVER - clock.now()) {
            event = clock.schedule(clock.now() + left, this::due);
        }
    }

    private void due() {
        event = null;
        deadline = 0;
        catchUp();
        schedule();
        expired.run();
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    void save(StateWriter out) {
        out.constant(mode);
        out.flag(masked);
        out.word(divideConfiguration);
        out.quad(initialCount);
        out.flag(counts);
        out.quad(zeroAt);
        out.quad(deadline);
        VirtualClock.save(out, event);
    }

    void restore(StateReader in) throws StateException {
        mode = in.constant(MODES);
        masked = in.flag();
        divideConfiguration = in.bits(DIVIDE_BITS);
        initialCount = in.between(0, 0xFFFF_FFFFL);
        counts = in.flag();
        zeroAt = in.moment();
        deadline = in.quad();
        event = clock.restore(in, this::due);
        if (counts && initialCount == 0) {
            throw in.refuse("a timer that counts down from 0");
        }
    }
}
