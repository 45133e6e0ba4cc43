package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MemoryBusTest {
    private final MemoryBus bus = new MemoryBus();
    private final List<String> writes = new ArrayList<>();

    private MemoryDevice device(long value) {
        return new MemoryDevice() {
            @Override
            public long read(long offset, int size) {
                return value + offset;
            }

            @Override
            public void write(long offset, int size, long written) {
                writes.add(offset + "/" + size + "=" + Long.toHexString(written));
            }
        };
    }

    @Test
    void whereNobodyAnswersAllBitsAreOne() {
        assertThat(bus.read(0x1000, 4)).isEqualTo(0xFFFF_FFFFL);
        assertThat(bus.read(0x1000, 8)).isEqualTo(-1);
        bus.write(0x1000, 4, 0);
        assertThat(writes).isEmpty();
    }

    @Test
    void aDeviceSeesOffsetsAndCutValues() {
        bus.place(0x1000, 0x100, device(0x1_0000_0000L));
        assertThat(bus.read(0x1010, 4)).isEqualTo(0x10);
        bus.write(0x10FF, 1, 0x1234);
        assertThat(writes).containsExactly("255/1=34");
    }

    @Test
    void anAccessOverTheEdgeIsMadeByteByByte() {
        bus.place(0x1000, 2, device(0x40));
        assertThat(bus.read(0x1000, 4)).isEqualTo(0xFFFF_4140L);
        bus.write(0xFFF, 2, 0xAABB);
        assertThat(writes).containsExactly("0/1=aa");
    }

    @Test
    void aDeviceMovesAndTheLastPlacedWins() {
        MemoryDevice first = device(1);
        MemoryDevice second = device(2);
        bus.place(0x1000, 0x100, first);
        bus.place(0x1000, 0x100, second);
        assertThat(bus.read(0x1000, 1)).isEqualTo(2);
        bus.place(0x2000, 0x100, second);
        assertThat(bus.read(0x1000, 1)).isEqualTo(1);
        bus.remove(first);
        assertThat(bus.read(0x1000, 1)).isEqualTo(0xFF);
    }
}
