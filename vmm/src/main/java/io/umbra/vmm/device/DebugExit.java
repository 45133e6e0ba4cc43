package io.umbra.vmm.device;

import java.util.function.LongConsumer;

/**
 * The debug exit: a guest that writes a value of 1, 2 or 4 bytes to port 0xf4 ends with it; 0 means that all went well.
 * The four ports from 0xf4 are one register, as those of QEMU's isa-debug-exit; they read as 0.
 */
public final class DebugExit implements PortDevice {
    private static final int PORT = 0xf4;
    private static final int COUNT = 4;

    private final LongConsumer ended;

    /** @param ended told the value that the guest wrote, zero-extended */
    public DebugExit(LongConsumer ended) {
        this.ended = ended;
    }

    /** Claims ports 0xf4 to 0xf7. */
    public void attach(PortBus bus) {
        bus.claim(PORT, COUNT, this);
    }

    @Override
    public int width() {
        return 4;
    }

    @Override
    public long read(int port, int size) {
        return 0;
    }

    @Override
    public void write(int port, int size, long value) {
        ended.accept(value);
    }
}
