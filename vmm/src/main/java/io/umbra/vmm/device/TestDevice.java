package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.List;

/**
 * QEMU's pc-testdev, which test suites for bare machines use: four bytes of port memory, a port for each interrupt line, and 64 KiB of memory that is reached like a device's. Source:
 * QEMU docs and hw/misc/pc-testdev.
 *
 * <pre>
 *   port 0e0..0e3    keeps what is written
 *   port 0e4         write: forget what is cached of a page; nothing is here
 *   port 2000 + n    write: drives interrupt line n, high unless the value is 0; n from 0 to 15 but for the cascade, 2
 *   memory ff000000  keeps what is written
 * </pre>
 */
public final class TestDevice implements PortDevice, Persistent {
    /** Where its memory lies. */
    public static final long MEMORY = 0xff00_0000L;

    /** Bytes of its memory. */
    public static final int LENGTH = 0x1_0000;

    private static final int STORE = 0xe0;
    private static final int FLUSH = 0xe4;
    private static final int LINES = 0x2000;

    private final List<InterruptLine> lines;
    private final Memory memory = new Memory();
    private long store;

    private static final class Memory implements MemoryDevice {
        private final byte[] bytes = new byte[LENGTH];

        @Override
        public long read(long offset, int size) {
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= (bytes[(int) offset + i] & 0xffL) << 8 * i;
            }
            return value;
        }

        @Override
        public void write(long offset, int size, long value) {
            for (int i = 0; i < size; i++) {
                bytes[(int) offset + i] = (byte) (value >>> 8 * i);
            }
        }
    }

    /** @param lines the interrupt lines from 0 on */
    public TestDevice(List<InterruptLine> lines) {
        this.lines = List.copyOf(lines);
    }

    /** Claims its ports and its memory. */
    public void attach(PortBus ports, MemoryBus bus) {
        ports.claim(STORE, 4, this);
        ports.claim(FLUSH, 4, this);
        ports.claim(LINES, lines.size(), this);
        bus.place(MEMORY, LENGTH, memory);
    }

    @Override
    public int width() {
        return 4;
    }

    @Override
    public long read(int port, int size) {
        return port < FLUSH ? store >>> 8 * (port - STORE) : 0;
    }

    @Override
    public void write(int port, int size, long value) {
        if (port < FLUSH) {
            long written = (1L << 8 * size) - 1 << 8 * (port - STORE);
            store = store & ~written | value << 8 * (port - STORE) & written;
        } else if (port >= LINES) {
            lines.get(port - LINES).set(value != 0);
        }
    }

    @Override
    public String stateName() {
        return "test-device";
    }

    @Override
    public void save(StateWriter out) {
        out.quad(store);
        out.bytes(memory.bytes);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        store = in.quadBits(0xffff_ffffL);
        in.bytes(memory.bytes);
    }
}
