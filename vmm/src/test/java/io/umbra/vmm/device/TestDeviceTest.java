package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TestDeviceTest {
    private final PortBus ports = new PortBus();
    private final MemoryBus memory = new MemoryBus();
    private final RecordedLine first = new RecordedLine();
    private final RecordedLine second = new RecordedLine();

    @BeforeEach
    void attach() {
        new TestDevice(List.of(first, second)).attach(ports, memory);
    }

    @Test
    void itsPortsKeepWhatIsWrittenInAnyWidth() {
        ports.write(0xe0, 4, 0x1234_5678);
        ports.write(0xe2, 2, 0xabcd);
        ports.write(0xe1, 1, 0xef);
        assertThat(ports.read(0xe0, 4)).isEqualTo(0xabcd_ef78L);
        assertThat(ports.read(0xe1, 2)).isEqualTo(0xcdef);
    }

    @Test
    void aPortForEachLineDrivesIt() {
        ports.write(0x2001, 1, 1);
        assertThat(second.isHigh()).isTrue();
        assertThat(first.isHigh()).isFalse();
        ports.write(0x2001, 1, 0);
        assertThat(second.isHigh()).isFalse();
    }

    @Test
    void itsMemoryKeepsWhatIsWritten() {
        memory.write(0xff00_0ffcL, 8, 0x1122_3344_5566_7788L);
        assertThat(memory.read(0xff00_1000L, 2)).isEqualTo(0x3344);
        assertThat(memory.read(0xff00_fff8L, 8)).isZero();
    }
}
