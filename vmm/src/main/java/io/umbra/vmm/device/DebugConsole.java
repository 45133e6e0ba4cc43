package io.umbra.vmm.device;

import java.util.function.IntConsumer;

/** The debug console of Bochs and QEMU: each byte written to port 0xe9 is a character; reading 0xe9 says that it is there. */
public final class DebugConsole implements PortDevice {
    private static final int PORT = 0xe9;

    private final IntConsumer output;

    /** @param output takes each character, 0 to 255 */
    public DebugConsole(IntConsumer output) {
        this.output = output;
    }

    /** Claims port 0xe9. */
    public void attach(PortBus bus) {
        bus.claim(PORT, 1, this);
    }

    @Override
    public long read(int port, int size) {
        return PORT;
    }

    @Override
    public void write(int port, int size, long value) {
        output.accept((int) value & 0xff);
    }
}
