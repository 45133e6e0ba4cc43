package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PortBusTest {
    private final PortBus bus = new PortBus();
    private final List<String> seen = new ArrayList<>();

    private PortDevice device(int width) {
        return new PortDevice() {
            @Override
            public long read(int port, int size) {
                seen.add("r%x/%d".formatted(port, size));
                return -1L << 8 | port & 0xf;
            }

            @Override
            public void write(int port, int size, long value) {
                seen.add("w%x/%d=%x".formatted(port, size, value));
            }

            @Override
            public boolean isQuiet(int port) {
                return (port & 0xf) != 3;
            }

            @Override
            public int width() {
                return width;
            }
        };
    }

    @Test
    void unclaimedPortsReadAsAllOnesOfTheirSize() {
        assertThat(bus.read(0x80, 1)).isEqualTo(0xffL);
        assertThat(bus.read(0x80, 2)).isEqualTo(0xffffL);
        assertThat(bus.read(0xcfc, 4)).isEqualTo(0xffff_ffffL);
        bus.write(0x80, 4, 1);
    }

    @Test
    void onlyWhatOneDeviceAnswersIsQuiet() {
        bus.claim(0x40, 4, device(1));
        bus.claim(0x608, 4, device(4));
        assertThat(bus.isQuiet(0x41, 1)).isTrue();
        assertThat(bus.isQuiet(0x43, 1)).isFalse();
        assertThat(bus.isQuiet(0x40, 2)).isFalse();
        assertThat(bus.isQuiet(0x608, 4)).isTrue();
        assertThat(bus.isQuiet(0x60a, 4)).isFalse();
        assertThat(bus.isQuiet(0x80, 1)).isFalse();
        assertThat(seen).isEmpty();
    }

    @Test
    void wideAccessesToByteWidePortsAreSplitLowAddressFirst() {
        bus.claim(0x40, 4, device(1));
        assertThat(bus.read(0x40, 4)).isEqualTo(0x03020100L);
        bus.write(0x42, 2, 0xffff_beefL);
        assertThat(seen).containsExactly("r40/1", "r41/1", "r42/1", "r43/1", "w42/1=ef", "w43/1=be");
    }

    @Test
    void wideDevicesTakeAlignedAccessesWhole() {
        bus.claim(0xf4, 4, device(4));
        bus.write(0xf4, 4, 0x1_8765_4321L);
        bus.write(0xf6, 2, 0x1234);
        bus.write(0xf5, 2, 0x1234);
        assertThat(seen).containsExactly("wf4/4=87654321", "wf6/2=1234", "wf5/1=34", "wf6/1=12");
    }

    @Test
    void anAccessOverTheEdgeOfADeviceReachesEachOwner() {
        bus.claim(0x61, 1, device(4));
        assertThat(bus.read(0x60, 2)).isEqualTo(0x01ffL);
        bus.claim(0xffff, 1, device(1));
        assertThat(bus.read(0xffff, 2)).isEqualTo(0xff0fL);
        assertThat(bus.read(0xffff, 4)).isEqualTo(0xffff_ff0fL);
    }

    @Test
    void aPortHasOneOwner() {
        bus.claim(0x60, 1, device(1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> bus.claim(0x5f, 2, device(1)))
                .withMessage("port 0x60 is claimed twice");
        assertThat(bus.read(0x5f, 1)).isEqualTo(0xffL);
        assertThatIllegalArgumentException().isThrownBy(() -> bus.claim(0xffff, 2, device(1)));
    }

    @Test
    void debugPortsAnswerAsThoseOfQemu() {
        List<Long> exits = new ArrayList<>();
        StringBuilder console = new StringBuilder();
        new DebugExit(exits::add).attach(bus);
        new DebugConsole(character -> console.append((char) character)).attach(bus);
        bus.write(0xe9, 1, 'x');
        bus.write(0xf4, 1, 0x42);
        bus.write(0xf4, 2, 0x1_0000);
        bus.write(0xf4, 4, 0xffff_ffffL);
        assertThat(bus.read(0xe9, 1)).isEqualTo(0xe9);
        assertThat(bus.read(0xf4, 4)).isZero();
        assertThat(console).hasToString("x");
        assertThat(exits).containsExactly(0x42L, 0L, 0xffff_ffffL);
    }

    @Test
    void onlyTheRisingResetBitOfAByteAccessResets() {
        List<String> resets = new ArrayList<>();
        new ResetControl(() -> resets.add("reset")).attach(bus);
        bus.write(0xcf8, 4, 0x8000_0600L);
        assertThat(bus.read(0xcf8, 4)).isEqualTo(0xffff_ffffL);
        bus.write(0xcf9, 1, 0x02);
        assertThat(bus.read(0xcf9, 1)).isEqualTo(0x02);
        assertThat(resets).isEmpty();
        bus.write(0xcf9, 1, 0x06);
        assertThat(resets).hasSize(1);
    }
}
