package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FirmwareConfigTest {
    private final PortBus bus = new PortBus();
    private final FirmwareConfig config = new FirmwareConfig();

    @BeforeEach
    void attach() {
        config.attach(bus);
    }

    private String select(int key, int count) {
        bus.write(0x510, 2, key);
        return more(count);
    }

    private String more(int count) {
        StringBuilder bytes = new StringBuilder();
        for (int i = 0; i < count; i++) {
            bytes.append("%02x".formatted(bus.read(0x511, 1)));
        }
        return bytes.toString();
    }

    @Test
    void theSignatureAndTheInterfaceAreQemus() {
        assertThat(select(0, 6)).isEqualTo("51454d550000");
        assertThat(select(1, 5)).isEqualTo("0100000000");
    }

    @Test
    void anItemIsReadByteByByteAndZeroBeyondItsEnd() {
        config.addLong(3, 0x1234_5678_9AL);
        config.addShort(5, 2);
        assertThat(select(3, 4)).isEqualTo("9a785634");
        assertThat(more(5)).isEqualTo("1200000000");
        assertThat(select(5, 3)).isEqualTo("020000");
        assertThat(select(0x7777, 2)).as("no such item").isEqualTo("0000");
    }

    @Test
    void bytesWrittenToEitherPortChangeNothing() {
        select(0, 1);
        bus.write(0x510, 1, 1);
        bus.write(0x511, 1, 9);
        assertThat(more(3)).isEqualTo("454d55");
    }

    @Test
    void filesAreListedByNameWithTheirKeysInBigEndian() {
        assertThat(select(0x19, 4)).isEqualTo("00000000");
        config.addFile("etc/zz", new byte[] {1, 2, 3});
        config.addFile("etc/e820", new byte[] {9});
        assertThat(select(0x19, 12)).isEqualTo("000000020000000100200000");
        assertThat(more(9)).isEqualTo("6574632f6538323000");
        assertThat(more(47)).isEqualTo("00".repeat(47));
        assertThat(more(8)).isEqualTo("0000000300210000");
        assertThat(select(0x20, 2)).isEqualTo("0900");
        assertThat(select(0x21, 4)).isEqualTo("01020300");
    }

    @Test
    void aNameHasRoomForItsNul() {
        assertThatIllegalArgumentException().isThrownBy(() -> config.addFile("x".repeat(56), new byte[0]));
    }
}
