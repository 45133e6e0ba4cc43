package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * The battery-backed clock and memory of a PC: an MC146818 with 128 bytes, at ports 0x70 (index; bit 7 masks NMI) and
 * 0x71. Source: Motorola data sheet MC146818A; the use of the memory bytes is that of the PC AT.
 *
 * <p>Its time is a fixed start date plus virtual time. The ten time and alarm bytes are kept as the guest sees them, in
 * BCD or binary, in 12 or 24 hours; a change of format does not convert them, as on the chip. Once a second the update
 * cycle adds one; UIP is set for the 2228 µs before that. The divider runs only with the divider bits at 010 (32.768
 * kHz); released from anything else, the first update follows half a second later. Daylight saving is not done.
 */
public final class CmosRtc implements PortDevice, Persistent {
    /** The default start date, 2000-01-01T00:00:00Z: every run begins in the same second. */
    public static final Instant DEFAULT_START = Instant.parse("2000-01-01T00:00:00Z");

    private static final int INDEX = 0x70;
    private static final int DATA = 0x71;
    private static final long SECOND = 1_000_000_000;
    private static final long UPDATE_NANOSECONDS = 2_228_000;
    private static final int SECONDS_A_DAY = 86_400;

    private static final int A = 0x0a;
    private static final int B = 0x0b;
    private static final int C = 0x0c;
    private static final int D = 0x0d;
    private static final int UPDATE_IN_PROGRESS = 0x80;
    private static final int SET = 0x80;
    private static final int PERIODIC = 0x40;
    private static final int ALARM = 0x20;
    private static final int UPDATED = 0x10;
    private static final int INTERRUPTS = PERIODIC | ALARM | UPDATED;

    private final VirtualClock clock;
    private final InterruptLine interrupt;
    private final byte[] memory = new byte[128];
    private final RtcTime time = new RtcTime(memory);

    private int index;
    private boolean nmiMasked;
    /** When the divider was last at 0; the updates and periods done since. */
    private long dividerOrigin;

    private long updatesDone;
    private long periodsDone;
    private @Nullable Timer nextEvent;

    /**
     * @param clock where time comes from
     * @param interrupt the request line, IRQ 8 of a PC
     * @param start the date and time, in UTC, at which virtual time is 0
     * @param memorySize bytes of RAM that the memory bytes tell of
     */
    public CmosRtc(VirtualClock clock, InterruptLine interrupt, Instant start, long memorySize) {
        this.clock = clock;
        this.interrupt = interrupt;
        this.dividerOrigin = clock.now();
        memory[A] = 0x26;
        memory[B] = 0x02;
        memory[D] = (byte) 0x80;
        time.set(LocalDateTime.ofInstant(start.truncatedTo(ChronoUnit.SECONDS), ZoneOffset.UTC));
        CmosMemorySize.store(memory, memorySize);
    }

    /** Claims ports 0x70 and 0x71. */
    public void attach(PortBus bus) {
        bus.claim(INDEX, 2, this);
    }

    /** Bit 7 of port 0x70: the board keeps NMI from the processor. */
    public boolean isNmiMasked() {
        return nmiMasked;
    }

    /** Port 0x70 is write only and reads as all ones. */
    @Override
    public long read(int port, int size) {
        if (port != DATA) {
            return 0xff;
        }
        catchUp();
        return switch (index) {
            case A -> memory[A] & 0x7f | (isUpdateInProgress() ? UPDATE_IN_PROGRESS : 0);
            case C -> readFlags();
            default -> memory[index] & 0xff;
        };
    }

    @Override
    public void write(int port, int size, long value) {
        if (port != DATA) {
            index = (int) value & 0x7f;
            nmiMasked = (value & 0x80) != 0;
            return;
        }
        catchUp();
        switch (index) {
            case A -> writeA((int) value & 0x7f);
            case B -> writeB((int) value & 0xff);
            case C, D -> {}
            default -> memory[index] = (byte) value;
        }
        driveInterrupt();
    }

    private void writeA(int value) {
        boolean ran = isRunning();
        memory[A] = (byte) value;
        if (isRunning() && !ran) {
            dividerOrigin = clock.now() - SECOND / 2;
            updatesDone = 0;
        }
        periodsDone = isRunning() ? periodsPassed() : 0;
    }

    /** Setting SET takes back an update that has begun, and clears the update interrupt enable. */
    private void writeB(int value) {
        memory[B] = (byte) ((value & SET) != 0 ? value & ~UPDATED : value);
    }

    private int readFlags() {
        int flags = memory[C] & 0xff;
        if ((flags & memory[B] & INTERRUPTS) != 0) {
            flags |= 0x80;
        }
        memory[C] = 0;
        driveInterrupt();
        return flags;
    }

    private boolean isRunning() {
        return (memory[A] & 0x70) == 0x20;
    }

    private boolean isSet() {
        return (memory[B] & SET) != 0;
    }

    private boolean isUpdateInProgress() {
        long inSecond = (clock.now() - dividerOrigin) % SECOND;
        return isRunning() && !isSet() && inSecond >= SECOND - UPDATE_NANOSECONDS;
    }

    /** Does the updates and raises the flags of all the time since the last look. */
    private void catchUp() {
        if (!isRunning()) {
            return;
        }
        long periods = periodsPassed();
        if (periods > periodsDone) {
            periodsDone = periods;
            memory[C] |= PERIODIC;
        }
        long updates = (clock.now() - dividerOrigin) / SECOND;
        long missed = updates - updatesDone;
        updatesDone = updates;
        if (missed > 0 && !isSet()) {
            update(missed);
        }
    }

    private void update(long seconds) {
        memory[C] |= UPDATED;
        long unseen = Math.max(0, seconds - SECONDS_A_DAY);
        if (unseen > 0) {
            time.add(unseen);
        }
        for (long second = unseen; second < seconds; second++) {
            time.add(1);
            if (time.isAlarm()) {
                memory[C] |= ALARM;
            }
        }
    }

    /** Oscillator cycles of a period of the periodic interrupt; 0 if none is selected. */
    private int periodCycles() {
        int rate = memory[A] & 0x0f;
        return rate == 0 ? 0 : 1 << (rate < 3 ? rate + 6 : rate - 1);
    }

    private long periodsPassed() {
        int cycles = periodCycles();
        long elapsed = clock.now() - dividerOrigin;
        long oscillations = elapsed / SECOND * 32_768 + elapsed % SECOND * 32_768 / SECOND;
        return cycles == 0 ? 0 : oscillations / cycles;
    }

    private long nextPeriod() {
        long oscillations = (periodsDone + 1) * periodCycles();
        long fraction = Math.ceilDiv(oscillations % 32_768 * SECOND, 32_768);
        return dividerOrigin + oscillations / 32_768 * SECOND + fraction;
    }

    /** Events are scheduled for enabled interrupts only; flags alone are found when the guest looks. */
    private void driveInterrupt() {
        interrupt.set((memory[C] & memory[B] & INTERRUPTS) != 0);
        if (nextEvent != null) {
            nextEvent.cancel();
            nextEvent = null;
        }
        long at = VirtualClock.NEVER;
        if (isRunning() && (memory[B] & PERIODIC) != 0 && periodCycles() != 0) {
            at = nextPeriod();
        }
        if (isRunning() && !isSet() && (memory[B] & (ALARM | UPDATED)) != 0) {
            at = Math.min(at, dividerOrigin + (updatesDone + 1) * SECOND);
        }
        if (at != VirtualClock.NEVER) {
            nextEvent = clock.schedule(at, this::eventDue);
        }
    }

    private void eventDue() {
        catchUp();
        driveInterrupt();
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "rtc";
    }

    @Override
    public void save(StateWriter out) {
        out.bytes(memory);
        out.word(index);
        out.flag(nmiMasked);
        out.quad(dividerOrigin);
        out.quad(updatesDone);
        out.quad(periodsDone);
        VirtualClock.save(out, nextEvent);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        in.bytes(memory);
        index = in.bits(0x7f);
        nmiMasked = in.flag();
        dividerOrigin = in.between(-SECOND / 2, clock.now());
        updatesDone = in.between(0, (clock.now() - dividerOrigin) / SECOND);
        periodsDone = in.between(0, periodsPassed());
        nextEvent = clock.restore(in, this::eventDue);
    }
}
