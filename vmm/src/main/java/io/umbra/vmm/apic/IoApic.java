package io.umbra.vmm.apic;

import io.umbra.vmm.device.InterruptLine;
import io.umbra.vmm.device.MemoryDevice;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.function.Predicate;

/**
 * The I/O APIC of a PC: 24 pins, each with a redirection entry. Source: Intel data sheet 82093AA.
 *
 * <p>An edge on a masked pin is lost. A level-triggered pin sends once and waits, Remote IRR set, for the end of its interrupt; if its line is still asserted then, it sends again.
 * Making an entry edge-triggered clears its Remote IRR. What no local APIC takes is sent again when the pin's line or entry changes.
 *
 * <pre>
 *   63..56 destination | 16 masked | 15 level-triggered | 14 remote IRR (ro) | 13 active low | 12 send pending (ro) | 11 logical | 10..8 delivery mode | 7..0 vector
 * </pre>
 */
public final class IoApic implements MemoryDevice, Persistent {
    /** Where it lies in a PC. */
    public static final long BASE = 0xFEC0_0000L;

    /** Bytes that it decodes. */
    public static final int LENGTH = 0x1000;

    /** The number of its pins. */
    public static final int PINS = 24;

    private static final int SELECT = 0x00;
    private static final int WINDOW = 0x10;
    private static final int ID = 0;
    private static final int VERSION = 1;
    private static final int ARBITRATION = 2;
    private static final int ENTRIES = 0x10;
    private static final int VERSION_VALUE = PINS - 1 << 16 | 0x11;

    private static final long LOGICAL = 1 << 11;
    private static final long SEND_PENDING = 1 << 12;
    private static final long REMOTE_IRR = 1 << 14;
    private static final long LEVEL = 1 << 15;
    private static final long MASKED = 1 << 16;
    private static final long WRITABLE = 0xFF00_0000_0001_AFFFL;

    private final Predicate<InterruptMessage> bus;
    private final long[] entries = new long[PINS];
    private int lines;
    private int selected;
    private int id;

    /**
     * All pins masked.
     *
     * @param bus sends a message and says whether somebody took it
     */
    public IoApic(Predicate<InterruptMessage> bus) {
        this.bus = bus;
        java.util.Arrays.fill(entries, MASKED);
    }

    /** The line of a pin, 0 to 23. */
    public InterruptLine line(int pin) {
        if (pin < 0 || pin >= PINS) {
            throw new IllegalArgumentException("no pin " + pin);
        }
        return asserted -> drive(pin, asserted);
    }

    private void drive(int pin, boolean asserted) {
        boolean rises = asserted && (lines >>> pin & 1) == 0;
        lines = asserted ? lines | 1 << pin : lines & ~(1 << pin);
        if (isLevel(entries[pin])) {
            sendLevel(pin);
        } else if (rises && (entries[pin] & MASKED) == 0) {
            send(entries[pin]);
        }
    }

    /** Only a fixed or lowest-priority interrupt can be level-triggered: nothing ends the others. */
    private static boolean isLevel(long entry) {
        return (entry & LEVEL) != 0
                && switch (DeliveryMode.of((int) entry)) {
                    case FIXED, LOWEST_PRIORITY -> true;
                    case SMI, RESERVED, NMI, INIT, STARTUP, EXTERNAL -> false;
                };
    }

    private void sendLevel(int pin) {
        boolean waits = (entries[pin] & (MASKED | REMOTE_IRR)) == 0;
        if (waits && (lines >>> pin & 1) != 0) {
            entries[pin] |= REMOTE_IRR;
            if (!send(entries[pin])) {
                entries[pin] &= ~REMOTE_IRR;
            }
        }
    }

    private boolean send(long entry) {
        return bus.test(new InterruptMessage(
                (int) entry & 0xFF, DeliveryMode.of((int) entry), isLevel(entry), (entry & LOGICAL) != 0, (int)
                        (entry >>> 56)));
    }

    /** A local APIC's EOI of a level-triggered vector. */
    public void endOfInterrupt(int vector) {
        for (int pin = 0; pin < PINS; pin++) {
            if ((entries[pin] & REMOTE_IRR) != 0 && (entries[pin] & 0xFF) == vector) {
                entries[pin] &= ~REMOTE_IRR;
                sendLevel(pin);
            }
        }
    }

    /** Whether the 8259, which is wired to pin 0, reaches the processor through it. */
    public boolean passesExternal() {
        return (entries[0] & MASKED) == 0 && DeliveryMode.of((int) entries[0]) == DeliveryMode.EXTERNAL;
    }

    /** Whether an interrupt line could cause an NMI. */
    public boolean passesNmi() {
        for (long entry : entries) {
            if ((entry & MASKED) == 0 && DeliveryMode.of((int) entry) == DeliveryMode.NMI) {
                return true;
            }
        }
        return false;
    }

    // ---- registers
    // ---------------------------------------------------------------------------------------------------

    @Override
    public long read(long offset, int size) {
        return switch ((int) offset & ~3) {
            case SELECT -> selected >>> 8 * (offset & 3);
            case WINDOW -> register() >>> 8 * (offset & 3);
            default -> 0;
        };
    }

    private long register() {
        int entry = selected - ENTRIES;
        if (entry >= 0 && entry < 2 * PINS) {
            return entries[entry / 2] >>> 32 * (entry & 1) & 0xFFFF_FFFFL;
        }
        return switch (selected) {
            case ID, ARBITRATION -> id;
            case VERSION -> VERSION_VALUE;
            default -> 0;
        };
    }

    /** Writes of less than a register are ignored; the data sheet knows none. */
    @Override
    public void write(long offset, int size, long value) {
        if (offset == SELECT) {
            selected = (int) value & 0xFF;
        } else if (offset == WINDOW && size >= 4) {
            writeRegister(value & 0xFFFF_FFFFL);
        }
    }

    private void writeRegister(long value) {
        int entry = selected - ENTRIES;
        if (entry >= 0 && entry < 2 * PINS) {
            int shift = 32 * (entry & 1);
            writeEntry(entry / 2, entries[entry / 2] & ~(0xFFFF_FFFFL << shift) | value << shift);
        } else if (selected == ID) {
            id = (int) value & 0x0F00_0000;
        }
    }

    private void writeEntry(int pin, long value) {
        long kept = (value & LEVEL) != 0 ? entries[pin] & REMOTE_IRR : 0;
        entries[pin] = value & WRITABLE & ~(SEND_PENDING | REMOTE_IRR) | kept;
        if (isLevel(entries[pin])) {
            sendLevel(pin);
        }
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "io-apic";
    }

    @Override
    public void save(StateWriter out) {
        out.quads(entries);
        out.word(lines);
        out.word(selected);
        out.word(id);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        for (int pin = 0; pin < PINS; pin++) {
            entries[pin] = in.quadBits(WRITABLE | REMOTE_IRR);
        }
        lines = in.bits((1 << PINS) - 1);
        selected = in.bits(0xFF);
        id = in.bits(0x0F00_0000);
    }
}
