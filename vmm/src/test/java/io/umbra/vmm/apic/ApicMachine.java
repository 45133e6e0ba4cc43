package io.umbra.vmm.apic;

import io.umbra.vmm.device.MemoryBus;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.x86.Msr;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** A local APIC with its interfaces and an I/O APIC, as software sees them. The TSC is the time plus {@link #timeStampOffset}. */
final class ApicMachine implements ApicWiring {
    static final long ENABLED = 0x800;
    static final long EXTENDED = 0x400;
    static final long BASE = 0xFEE0_0000L | 0x100;

    final VirtualClock clock = new VirtualClock();
    final MemoryBus bus = new MemoryBus();
    final List<Integer> ended = new ArrayList<>();
    long timeStampOffset;
    int controlRegister8;
    int resets;

    final LocalApic apic = new LocalApic(clock, () -> clock.now() + timeStampOffset, this);
    final ApicModelRegisters registers = new ApicModelRegisters(apic, bus, 40);
    final IoApic ioApic = new IoApic(apic::deliver);

    ApicMachine() {
        bus.place(IoApic.BASE, IoApic.LENGTH, ioApic);
    }

    @Override
    public void taskPriority(int priorityClass) {
        controlRegister8 = priorityClass;
    }

    @Override
    public void endOfInterrupt(int vector) {
        ended.add(vector);
        ioApic.endOfInterrupt(vector);
    }

    @Override
    public void initialise() {
        resets++;
    }

    /** A register of the xAPIC by its offset in the page. */
    long read(int offset) {
        return bus.read(0xFEE0_0000L + offset, 4);
    }

    void write(int offset, long value) {
        bus.write(0xFEE0_0000L + offset, 4, value);
    }

    boolean base(long value) {
        return registers.write(Msr.APIC_BASE, value);
    }

    boolean wrmsr(int index, long value) {
        return registers.write(index, value);
    }

    OptionalLong rdmsr(int index) {
        return registers.read(index);
    }

    ApicMachine inX2apicMode() {
        base(BASE | ENABLED | EXTENDED);
        return this;
    }

    void pass(long nanoseconds) {
        clock.advanceTo(clock.now() + nanoseconds);
    }

    void selfInterrupt(int vector) {
        write(0x300, 0x4_0000 | vector);
    }

    long ioRead(int register) {
        bus.write(IoApic.BASE, 4, register);
        return bus.read(IoApic.BASE + 0x10, 4);
    }

    void ioWrite(int register, long value) {
        bus.write(IoApic.BASE, 4, register);
        bus.write(IoApic.BASE + 0x10, 4, value);
    }

    /** Writes a redirection entry for processor 0, upper half first. */
    void route(int pin, long lowHalf) {
        ioWrite(0x11 + 2 * pin, 0);
        ioWrite(0x10 + 2 * pin, lowHalf);
    }
}
