package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TextAdapterTest {
    private final VirtualClock clock = new VirtualClock();
    private final PortBus bus = new PortBus();
    private final TextAdapter adapter = new TextAdapter(clock);

    @BeforeEach
    void attach() {
        adapter.attach(bus);
    }

    private void register(int index, int value) {
        bus.write(0x3D4, 1, index);
        bus.write(0x3D5, 1, value);
    }

    @Test
    void startAndCursorArePairsOfRegistersOf14Bits() {
        register(12, 0xFF);
        register(13, 0x50);
        register(14, 0x07);
        register(15, 0xCF);
        assertThat(adapter.start()).isEqualTo(0x3F50);
        assertThat(adapter.cursor()).isEqualTo(0x7CF);
        assertThat(bus.read(0x3D5, 1)).isEqualTo(0xCF);
    }

    @Test
    void aWordWritesIndexAndValue() {
        bus.write(0x3D4, 2, 0x2A0F);
        assertThat(adapter.cursor()).isEqualTo(0x2A);
    }

    @Test
    void theRetraceComesAndGoesWithTime() {
        assertThat(bus.read(0x3DA, 1) & 9).isZero();
        clock.advanceTo(14_000_000);
        assertThat(bus.read(0x3DA, 1) & 9).isEqualTo(9);
        clock.advanceTo(17_000_000);
        assertThat(bus.read(0x3DA, 1) & 8).isZero();
    }
}
