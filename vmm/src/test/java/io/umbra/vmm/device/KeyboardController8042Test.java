package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KeyboardController8042Test {
    private final RecordedLine keyboard = new RecordedLine();
    private final RecordedLine mouse = new RecordedLine();
    private final PortBus bus = new PortBus();
    private int resets;
    private final KeyboardController8042 controller = new KeyboardController8042(keyboard, mouse, () -> resets++);

    @BeforeEach
    void attach() {
        controller.attach(bus);
    }

    private int in(int port) {
        return (int) bus.read(port, 1);
    }

    private int command(int command) {
        bus.write(0x64, 1, command);
        assertThat(in(0x64) & 3).as("output full, input empty").isEqualTo(1);
        return in(0x60);
    }

    private void command(int command, int data) {
        bus.write(0x64, 1, command);
        bus.write(0x60, 1, data);
    }

    @Test
    void anIdleControllerHasNothingToSay() {
        assertThat(in(0x64) & 0x23).isZero();
        assertThat(keyboard.isHigh()).isFalse();
    }

    @Test
    void testsPassAndTheSystemFlagIsSet() {
        assertThat(command(0xaa)).isEqualTo(0x55);
        assertThat(in(0x64) & 0x04).isEqualTo(0x04);
        assertThat(command(0xab)).isZero();
        assertThat(command(0xa9)).isZero();
    }

    @Test
    void theCommandByteAndTheRamReadBack() {
        command(0x60, 0x47);
        assertThat(command(0x20)).isEqualTo(0x47);
        bus.write(0x64, 1, 0xad);
        bus.write(0x64, 1, 0xa7);
        assertThat(command(0x20)).isEqualTo(0x77);
        command(0x7f, 0x99);
        assertThat(command(0x3f)).isEqualTo(0x99);
    }

    @Test
    void aMissingDeviceTimesOut() {
        command(0x60, 0x03);
        bus.write(0x60, 1, 0xf2);
        assertThat(in(0x64) & 0x61).isEqualTo(0x41);
        assertThat(keyboard.isHigh()).isTrue();
        assertThat(in(0x60)).isEqualTo(0xfe);
        assertThat(keyboard.isHigh()).isFalse();
        command(0xd4, 0xf2);
        assertThat(in(0x64) & 0x61).isEqualTo(0x61);
        assertThat(mouse.isHigh()).isTrue();
        assertThat(in(0x60)).isEqualTo(0xfe);
    }

    @Test
    void loopsReturnTheirByte() {
        command(0xd2, 0x11);
        assertThat(in(0x64) & 0x61).isEqualTo(0x01);
        assertThat(in(0x60)).isEqualTo(0x11);
        command(0xd3, 0x22);
        assertThat(in(0x64) & 0x61).isEqualTo(0x21);
        assertThat(in(0x60)).isEqualTo(0x22);
    }

    @Test
    void everyWayToResetResets() {
        bus.write(0x64, 1, 0xfe);
        assertThat(resets).isEqualTo(1);
        bus.write(0x64, 1, 0xff);
        assertThat(resets).as("0xff pulses nothing").isEqualTo(1);
        command(0xd1, 0x02);
        assertThat(resets).isEqualTo(2);
        bus.write(0x92, 1, 0x03);
        assertThat(resets).isEqualTo(3);
    }

    @Test
    void addressLine20HasTwoGates() {
        assertThat(controller.isA20Enabled()).isTrue();
        bus.write(0x92, 1, 0x00);
        assertThat(controller.isA20Enabled()).isTrue();
        bus.write(0x64, 1, 0xdd);
        assertThat(controller.isA20Enabled()).isFalse();
        assertThat(command(0xd0) & 2).isZero();
        command(0xd1, 0x03);
        assertThat(controller.isA20Enabled()).isTrue();
        bus.write(0x64, 1, 0xdd);
        bus.write(0x92, 1, 0x02);
        assertThat(in(0x92)).isEqualTo(0x02);
        assertThat(controller.isA20Enabled()).isTrue();
    }
}
