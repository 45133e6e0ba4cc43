package io.umbra.vmm.apic;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.device.InterruptLine;
import org.junit.jupiter.api.Test;

class IoApicTest {
    private static final int LEVEL = 1 << 15;
    private static final int MASKED = 1 << 16;
    private static final int REMOTE_IRR = 1 << 14;

    private final ApicMachine machine = new ApicMachine();
    private final InterruptLine line = machine.ioApic.line(5);

    private void end() {
        machine.write(0xB0, 0);
    }

    @Test
    void itsRegistersAreThoseOfTheDataSheet() {
        assertThat(machine.ioRead(1)).isEqualTo(0x0017_0011);
        machine.ioWrite(1, 0);
        assertThat(machine.ioRead(1)).isEqualTo(0x0017_0011);
        machine.ioWrite(0, 0xFFFF_FFFFL);
        assertThat(machine.ioRead(0)).isEqualTo(0x0F00_0000);
        assertThat(machine.ioRead(2)).isEqualTo(0x0F00_0000);
        assertThat(machine.ioRead(0x10)).isEqualTo(MASKED);
        machine.ioWrite(0x3E, 0xFFFF_FFFFL);
        machine.ioWrite(0x3F, 0xFFFF_FFFFL);
        assertThat(machine.ioRead(0x3E)).as("bits 12 and 14 are read only").isEqualTo(0x1_AFFF);
        assertThat(machine.ioRead(0x3F)).isEqualTo(0xFF00_0000L);
    }

    @Test
    void aRisingEdgeInterruptsOnce() {
        machine.route(5, 0x45);
        line.set(true);
        line.set(true);
        assertThat(machine.apic.acknowledge()).isEqualTo(0x45);
        end();
        assertThat(machine.apic.hasPending()).isFalse();
        line.set(false);
        line.set(true);
        assertThat(machine.apic.acknowledge()).isEqualTo(0x45);
    }

    @Test
    void anEdgeOnAMaskedPinIsLostAndALevelIsNot() {
        machine.route(5, 0x45 | MASKED);
        line.set(true);
        machine.route(5, 0x45);
        assertThat(machine.apic.hasPending()).isFalse();
        machine.route(5, 0x45 | LEVEL);
        assertThat(machine.apic.hasPending()).isTrue();
    }

    @Test
    void aLevelInterruptsAgainAfterItsEndWhileItLasts() {
        machine.route(5, 0x45 | LEVEL);
        line.set(true);
        assertThat(machine.apic.acknowledge()).isEqualTo(0x45);
        assertThat(machine.ioRead(0x1A)).isEqualTo(0x45 | LEVEL | REMOTE_IRR);
        assertThat(machine.apic.hasPending()).isFalse();
        end();
        assertThat(machine.apic.acknowledge()).isEqualTo(0x45);
        line.set(false);
        end();
        assertThat(machine.apic.hasPending()).isFalse();
        assertThat(machine.ioRead(0x1A)).isEqualTo(0x45 | LEVEL);
    }

    @Test
    void makingAnEntryEdgeTriggeredClearsItsRemoteIrr() {
        machine.route(5, 0x45 | LEVEL);
        line.set(true);
        machine.route(5, 0x45 | MASKED);
        machine.route(5, 0x45 | LEVEL | MASKED);
        assertThat(machine.ioRead(0x1A)).isEqualTo(0x45 | LEVEL | MASKED);
    }

    @Test
    void aLevelThatNobodyTakesIsSentAgainLater() {
        machine.route(5, 0x45 | LEVEL);
        machine.ioWrite(0x1B, 7 << 24);
        line.set(true);
        assertThat(machine.apic.hasPending()).isFalse();
        assertThat(machine.ioRead(0x1A)).isEqualTo(0x45 | LEVEL);
        machine.ioWrite(0x1B, 0);
        assertThat(machine.apic.hasPending()).isTrue();
    }

    @Test
    void deliveryModesReachTheProcessorInTheirWays() {
        machine.route(5, 0x45 | 1 << 8);
        line.set(true);
        assertThat(machine.apic.acknowledge()).as("lowest priority").isEqualTo(0x45);
        line.set(false);
        machine.route(5, 4 << 8 | LEVEL);
        assertThat(machine.ioApic.passesNmi()).isTrue();
        line.set(true);
        assertThat(machine.apic.hasNmi()).isTrue();
        assertThat(machine.ioRead(0x1A)).as("an NMI has no end").isEqualTo(4 << 8 | LEVEL);
        assertThat(machine.ioApic.passesExternal()).isFalse();
        machine.route(0, 7 << 8);
        assertThat(machine.ioApic.passesExternal()).isTrue();
    }

    @Test
    void aLogicalDestinationIsASet() {
        machine.write(0xD0, 0x0200_0000);
        machine.route(5, 0x45 | 1 << 11);
        machine.ioWrite(0x1B, 0x0300_0000);
        line.set(true);
        assertThat(machine.apic.hasPending()).isTrue();
    }
}
