package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import org.jspecify.annotations.Nullable;

/**
 * ACPI's fixed hardware, at the ports at which PIIX4 firmware puts it. Source: ACPI specification 6.4, section 4.8.
 *
 * <pre>
 *   600 PM1a status, write 1 to clear: bit 0 the timer's upper bit changed
 *   602 PM1a enable: those status bits raise the SCI; the bits of events that never happen are kept too
 *   604 PM1a control: bit 0 SCI_EN, always set | 12..10 SLP_TYP | 13 SLP_EN, reads as 0
 *   608 PM timer: 24 bits at 3.579545 MHz
 * </pre>
 *
 * There are no buttons, no bus masters and no legacy mode. Of the sleeping states only S5 exists, soft off, with SLP_TYP 0; others are ignored.
 */
public final class PowerManagement implements PortDevice, Persistent {
    /** PM1a_EVT_BLK, four bytes. */
    public static final int EVENTS = 0x600;

    /** PM1a_CNT_BLK, two bytes. */
    public static final int CONTROL = 0x604;

    /** PM_TMR_BLK, four bytes. */
    public static final int TIMER = 0x608;

    /** The SLP_TYP of S5. */
    public static final int SOFT_OFF = 0;

    private static final long FREQUENCY = 3_579_545;
    private static final long SECOND = 1_000_000_000;
    private static final int TIMER_BITS = 24;
    private static final int TIMER_CHANGED = 1;
    /** Timer, global lock, power button, sleep button, RTC. */
    private static final int ENABLE_BITS = 0x0721;

    private static final int SCI_ENABLED = 1;
    private static final int SLEEP_TYPE_SHIFT = 10;
    private static final int SLEEP = 1 << 13;

    private final VirtualClock clock;
    private final InterruptLine interrupt;
    private final Runnable powerOff;

    private int status;
    private int enabled;
    private int control = SCI_ENABLED;
    /** How often the timer's upper bit had changed when last looked at. */
    private long changesSeen;

    private @Nullable Timer nextChange;

    /**
     * @param interrupt the SCI
     * @param powerOff called when the guest enters S5
     */
    public PowerManagement(VirtualClock clock, InterruptLine interrupt, Runnable powerOff) {
        this.clock = clock;
        this.interrupt = interrupt;
        this.powerOff = powerOff;
    }

    /** Claims ports 0x600 to 0x605 and 0x608 to 0x60b. */
    public void attach(PortBus bus) {
        bus.claim(EVENTS, 4, this);
        bus.claim(CONTROL, 2, this);
        bus.claim(TIMER, 4, this);
    }

    @Override
    public int width() {
        return 4;
    }

    @Override
    public long read(int port, int size) {
        catchUp();
        long register = switch (port & ~3) {
            case EVENTS -> enabled << 16 | status;
            case CONTROL -> control;
            default -> ticks() & (1 << TIMER_BITS) - 1;
        };
        return register >>> 8 * (port & 3);
    }

    /** The timer's register is. */
    @Override
    public boolean isQuiet(int port) {
        return (port & ~3) == TIMER;
    }

    @Override
    public void write(int port, int size, long value) {
        catchUp();
        long written = (1L << 8 * size) - 1 << 8 * (port & 3);
        long data = value << 8 * (port & 3) & written;
        switch (port & ~3) {
            case EVENTS -> {
                status &= (int) ~data;
                enabled = (int) ((long) enabled << 16 & ~written | data) >>> 16 & ENABLE_BITS;
                driveInterrupt();
            }
            case CONTROL -> writeControl((int) (control & ~written | data));
            default -> {}
        }
    }

    private void writeControl(int value) {
        int sleepType = value >> SLEEP_TYPE_SHIFT & 7;
        control = value & 7 << SLEEP_TYPE_SHIFT | SCI_ENABLED;
        if ((value & SLEEP) != 0 && sleepType == SOFT_OFF) {
            powerOff.run();
        }
    }

    private long ticks() {
        return clock.now() / SECOND * FREQUENCY + clock.now() % SECOND * FREQUENCY / SECOND;
    }

    /** The first nanosecond at which {@code ticks} have passed. */
    private static long timeOf(long ticks) {
        return ticks / FREQUENCY * SECOND + Math.ceilDiv(ticks % FREQUENCY * SECOND, FREQUENCY);
    }

    private void catchUp() {
        long changes = ticks() >>> TIMER_BITS - 1;
        if (changes != changesSeen) {
            changesSeen = changes;
            status |= TIMER_CHANGED;
        }
    }

    /** The change is waited for only while it interrupts; else it is found when the guest looks. */
    private void driveInterrupt() {
        interrupt.set((status & enabled) != 0);
        if (nextChange != null) {
            nextChange.cancel();
            nextChange = null;
        }
        if ((enabled & TIMER_CHANGED) != 0) {
            nextChange = clock.schedule(timeOf(changesSeen + 1 << TIMER_BITS - 1), this::changeDue);
        }
    }

    private void changeDue() {
        catchUp();
        driveInterrupt();
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "power-management";
    }

    @Override
    public void save(StateWriter out) {
        out.word(status);
        out.word(enabled);
        out.word(control);
        out.quad(changesSeen);
        VirtualClock.save(out, nextChange);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        status = in.bits(TIMER_CHANGED);
        enabled = in.bits(ENABLE_BITS);
        control = in.bits(7 << SLEEP_TYPE_SHIFT | SCI_ENABLED);
        changesSeen = in.between(0, ticks() >>> TIMER_BITS - 1);
        nextChange = clock.restore(in, this::changeDue);
    }
}
