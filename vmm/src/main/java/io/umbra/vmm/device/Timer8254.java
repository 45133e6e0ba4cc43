package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import org.jspecify.annotations.Nullable;

/**
 * The 8254 interval timer of a PC and system control port B beside it. CLK is 1,193,182 Hz, derived from virtual time
 * without drift: a second is exactly that many ticks. Counter 0 drives IRQ 0; the gate of counter 2 and its output are in
 * port 0x61. The gates of counters 0 and 1 are tied high.
 *
 * <p>Port 0x61: bit 0 gate of counter 2, bit 1 speaker data, bits 2 and 3 parity and channel check masks (stored), bit 4
 * toggles with each memory refresh (every 18 ticks), bit 5 output of counter 2, bits 6 and 7 no parity error, ever.
 *
 * <p>After power-on no counter counts until it is programmed; the data sheet leaves that state open.
 */
public final class Timer8254 implements PortDevice, Persistent {
    /** CLK pulses a second. */
    public static final long FREQUENCY = 1_193_182;

    private static final long SECOND = 1_000_000_000;
    private static final int REFRESH_TICKS = 18;
    private static final int COUNTERS = 0x40;
    private static final int CONTROL = 0x43;
    private static final int PORT_B = 0x61;

    private final VirtualClock clock;
    private final InterruptLine interrupt;
    private final Counter8254[] counters = {new Counter8254(true), new Counter8254(true), new Counter8254(false)};
    private int portB;
    private @Nullable Timer nextEdge;

    /**
     * @param clock where CLK comes from
     * @param interrupt driven by the output of counter 0
     */
    public Timer8254(VirtualClock clock, InterruptLine interrupt) {
        this.clock = clock;
        this.interrupt = interrupt;
    }

    /** Claims ports 0x40 to 0x43 and 0x61. */
    public void attach(PortBus bus) {
        bus.claim(COUNTERS, 4, this);
        bus.claim(PORT_B, 1, this);
    }

    /** The output of counter 2 as the speaker hears it: low unless the speaker data bit lets it through. */
    public boolean speaker() {
        return (portB & 2) != 0 && counter(2).out();
    }

    @Override
    public long read(int port, int size) {
        return switch (port) {
            case PORT_B -> readPortB();
            case CONTROL -> 0xff;
            default -> counter(port - COUNTERS).read();
        };
    }

    /** The interrupt follows the output of counter 0, which no reading changes. */
    @Override
    public boolean isQuiet(int port) {
        return true;
    }

    @Override
    public void write(int port, int size, long value) {
        int data = (int) value & 0xff;
        switch (port) {
            case PORT_B -> {
                portB = data & 0x0f;
                counter(2).setGate((data & 1) != 0);
            }
            case CONTROL -> control(data);
            default -> counter(port - COUNTERS).write(data);
        }
        if (port == COUNTERS || port == CONTROL) {
            driveInterrupt();
        }
    }

    private int readPortB() {
        int refresh = (int) (now() / REFRESH_TICKS & 1);
        return portB | refresh << 4 | (counter(2).out() ? 0x20 : 0);
    }

    private void control(int value) {
        int select = value >> 6;
        if (select == 3) {
            readBack(value);
        } else if ((value & 0x30) == 0) {
            counter(select).latchCount();
        } else {
            counter(select).program(value);
        }
    }

    private void readBack(int value) {
        for (int index = 0; index < counters.length; index++) {
            if ((value >> 1 + index & 1) != 0) {
                if ((value & 0x20) == 0) {
                    counter(index).latchCount();
                }
                if ((value & 0x10) == 0) {
                    counter(index).latchStatus();
                }
            }
        }
    }

    private void driveInterrupt() {
        if (nextEdge != null) {
            nextEdge.cancel();
            nextEdge = null;
        }
        Counter8254 counter = counter(0);
        interrupt.set(counter.out());
        long ticks = counter.ticksToEdge();
        if (ticks != Counter8254.NEVER) {
            nextEdge = clock.schedule(timeOf(now() + ticks), this::driveInterrupt);
        }
    }

    private Counter8254 counter(int index) {
        Counter8254 counter = counters[index];
        counter.advanceTo(now());
        return counter;
    }

    private long now() {
        return ticksAt(clock.now());
    }

    /** Ticks that have passed {@code nanoseconds} after power-on. */
    static long ticksAt(long nanoseconds) {
        return nanoseconds / SECOND * FREQUENCY + nanoseconds % SECOND * FREQUENCY / SECOND;
    }

    /** The first nanosecond at which {@code ticks} have passed. */
    static long timeOf(long ticks) {
        return ticks / FREQUENCY * SECOND + Math.ceilDiv(ticks % FREQUENCY * SECOND, FREQUENCY);
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "8254";
    }

    @Override
    public void save(StateWriter out) {
        for (Counter8254 counter : counters) {
            counter.save(out);
        }
        out.word(portB);
        VirtualClock.save(out, nextEdge);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        for (Counter8254 counter : counters) {
            counter.restore(in);
        }
        portB = in.bits(0x0f);
        nextEdge = clock.restore(in, this::driveInterrupt);
    }
}
