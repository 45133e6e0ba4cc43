package io.umbra.vmm;

import io.umbra.vmm.device.CmosRtc;
import io.umbra.vmm.device.DebugConsole;
import io.umbra.vmm.device.DebugExit;
import io.umbra.vmm.device.InterruptController8259;
import io.umbra.vmm.device.KeyboardController8042;
import io.umbra.vmm.device.PortBus;
import io.umbra.vmm.device.ResetControl;
import io.umbra.vmm.device.Timer8254;
import io.umbra.vmm.device.Uart16550;
import io.umbra.vmm.device.VirtualClock;
import java.time.Instant;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** The devices around the processor: those of a PC that kernels expect, and the debug ports. */
final class Platform {
    private static final int SERIAL_IRQ = 4;
    private static final int RTC_IRQ = 8;
    private static final int KEYBOARD_IRQ = 1;
    private static final int MOUSE_IRQ = 12;

    final VirtualClock clock = new VirtualClock();
    final PortBus ports = new PortBus();
    final InterruptController8259 interrupts = new InterruptController8259();
    final Uart16550 serial;

    private @Nullable GuestEnd end;

    /** @param console takes what the guest prints, byte by byte */
    Platform(long memoryBytes, Instant startDate, IntConsumer console) {
        interrupts.attach(ports);
        new Timer8254(clock, interrupts.line(0)).attach(ports);
        serial = new Uart16550(Uart16550.COM1, clock, interrupts.line(SERIAL_IRQ), console);
        serial.attach(ports);
        new CmosRtc(clock, interrupts.line(RTC_IRQ), startDate, memoryBytes).attach(ports);
        new KeyboardController8042(
                        interrupts.line(KEYBOARD_IRQ),
                        interrupts.line(MOUSE_IRQ),
                        () -> ended(new GuestEnd.Reset("the guest reset the machine through its keyboard controller")))
                .attach(ports);
        new ResetControl(() -> ended(new GuestEnd.Reset("the guest reset the machine through port 0xcf9")))
                .attach(ports);
        new DebugExit(value -> ended(new GuestEnd.DebugExit((int) value))).attach(ports);
        new DebugConsole(console).attach(ports);
    }

    private void ended(GuestEnd how) {
        if (end == null) {
            end = how;
        }
    }

    /** Set once a device has ended the run. */
    @Nullable
    GuestEnd end() {
        return end;
    }
}
