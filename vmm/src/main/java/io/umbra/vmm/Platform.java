package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.vmm.apic.ApicModelRegisters;
import io.umbra.vmm.apic.ApicWiring;
import io.umbra.vmm.apic.IoApic;
import io.umbra.vmm.apic.LocalApic;
import io.umbra.vmm.device.CmosRtc;
import io.umbra.vmm.device.DebugConsole;
import io.umbra.vmm.device.DebugExit;
import io.umbra.vmm.device.FirmwareConfig;
import io.umbra.vmm.device.InterruptController8259;
import io.umbra.vmm.device.InterruptLine;
import io.umbra.vmm.device.KeyboardController8042;
import io.umbra.vmm.device.MemoryBus;
import io.umbra.vmm.device.PortBus;
import io.umbra.vmm.device.PowerManagement;
import io.umbra.vmm.device.ResetControl;
import io.umbra.vmm.device.TestDevice;
import io.umbra.vmm.device.TextAdapter;
import io.umbra.vmm.device.Timer8254;
import io.umbra.vmm.device.Uart16550;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.state.Persistent;
import io.umbra.x86.VcpuState;
import java.time.Instant;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The devices around the processor: those of a PC that kernels expect, and the debug ports. The ISA interrupts reach both the 8259 pair and the I/O APIC, the timer's on its pin 2; the
 * 8259's own output reaches LINT0 of the local APIC and pin 0 of the I/O APIC.
 */
final class Platform {
    private static final int SERIAL_IRQ = 4;
    private static final int RTC_IRQ = 8;
    private static final int KEYBOARD_IRQ = 1;
    private static final int MOUSE_IRQ = 12;
    private static final int POWER_IRQ = 9;
    private static final int CASCADE = 2;
    private static final int ISA_LINES = 16;
    private static final int TIMER_PIN = 2;
    private static final int SLAVE_LEVEL_CONTROL = 0x4D1;

    final VirtualClock clock = new VirtualClock();
    final PortBus ports = new PortBus();
    final MemoryBus memory = new MemoryBus();
    final Uart16550 serial;
    final LocalApic apic;
    final ApicModelRegisters apicRegisters;
    final FirmwareConfig firmwareConfig;
    final TextAdapter screen = new TextAdapter(clock);

    private final InterruptController8259 interrupts = new InterruptController8259(this::driveExternal);
    private final IoApic ioApic;

    /** What holds state, in the order in which it is restored: the clock before those that have timers in it. */
    private final List<Persistent> parts;

    private @Nullable GuestEnd end;

    /**
     * @param state whose CR8 shows the local APIC's task priority
     * @param timeStamp the present TSC
     * @param console takes what the guest prints, byte by byte
     */
    Platform(MemoryMap map, Instant startDate, VcpuState state, LongSupplier timeStamp, IntConsumer console) {
        apic = new LocalApic(clock, timeStamp, new ApicWiring() {
            @Override
            public void taskPriority(int priorityClass) {
                state.cr8 = priorityClass;
            }

            @Override
            public void endOfInterrupt(int vector) {
                ioApic().endOfInterrupt(vector);
            }

            @Override
            public void initialise() {
                ended(new GuestEnd.Reset("the guest reset its processor by an INIT interrupt"));
            }
        });
        apicRegisters = new ApicModelRegisters(apic, memory, CpuFeatures.PHYSICAL_ADDRESS_BITS);
        ioApic = new IoApic(apic::deliver);
        memory.place(IoApic.BASE, IoApic.LENGTH, ioApic);
        firmwareConfig = FirmwareItems.of(map);
        serial = new Uart16550(Uart16550.COM1, clock, line(SERIAL_IRQ), console);
        parts = attach(map.size(), startDate);
        new DebugConsole(console).attach(ports);
    }

    /** @return what holds state */
    private List<Persistent> attach(long memoryBytes, Instant startDate) {
        interrupts.attach(ports);
        Timer8254 timer = new Timer8254(clock, line(0));
        timer.attach(ports);
        serial.attach(ports);
        CmosRtc rtc = new CmosRtc(clock, line(RTC_IRQ), startDate, memoryBytes);
        rtc.attach(ports);
        KeyboardController8042 keyboard = new KeyboardController8042(
                line(KEYBOARD_IRQ),
                line(MOUSE_IRQ),
                () -> ended(new GuestEnd.Reset("the guest reset the machine through its keyboard controller")));
        keyboard.attach(ports);
        ResetControl reset =
                new ResetControl(() -> ended(new GuestEnd.Reset("the guest reset the machine through port 0xcf9")));
        reset.attach(ports);
        PowerManagement power = new PowerManagement(
                clock, line(POWER_IRQ), () -> ended(new GuestEnd.PoweredOff("the guest powered off through ACPI")));
        power.attach(ports);
        ports.write(SLAVE_LEVEL_CONTROL, 1, 1 << POWER_IRQ - 8);
        screen.attach(ports);
        firmwareConfig.attach(ports);
        TestDevice test = new TestDevice(IntStream.range(0, ISA_LINES)
                .<InterruptLine>mapToObj(irq -> irq == CASCADE ? asserted -> {} : line(irq))
                .toList());
        test.attach(ports, memory);
        new DebugExit(value -> ended(new GuestEnd.DebugExit((int) value))).attach(ports);
        return List.of(
                clock,
                interrupts,
                apic,
                apicRegisters,
                ioApic(),
                timer,
                serial,
                rtc,
                keyboard,
                reset,
                power,
                screen,
                firmwareConfig,
                test);
    }

    List<Persistent> parts() {
        return parts;
    }

    private IoApic ioApic() {
        return ioApic;
    }

    /** An ISA interrupt. */
    InterruptLine line(int irq) {
        InterruptLine toPair = interrupts.line(irq);
        InterruptLine toPin = ioApic.line(irq == 0 ? TIMER_PIN : irq);
        return asserted -> {
            toPair.set(asserted);
            toPin.set(asserted);
        };
    }

    private void driveExternal(boolean asserted) {
        apic.driveLint0(asserted);
        ioApic.line(0).set(asserted);
    }

    // ---- interrupts
    // --------------------------------------------------------------------------------------------------

    /** An interrupt is there that the processor would take if its IF is set. */
    boolean hasInterrupt() {
        return hasExternal() || apic.hasPending();
    }

    private boolean hasExternal() {
        return interrupts.hasPending() && (apic.passesExternal() || ioApic.passesExternal());
    }

    /** The processor's acknowledge; the 8259 comes first. @return the vector */
    int acknowledge() {
        return hasExternal() ? interrupts.acknowledge() : apic.acknowledge();
    }

    /** Whether an interrupt line could cause an NMI. */
    boolean mayCauseNmi() {
        return apic.passesNmi() || ioApic.passesNmi();
    }

    // ---- the end
    // -----------------------------------------------------------------------------------------------------

    /** The first end counts. */
    void ended(GuestEnd how) {
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
