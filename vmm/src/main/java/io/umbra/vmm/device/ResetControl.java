package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * The reset control register at port 0xcf9, on a chipset without PCI. Bits 1 (hard reset) and 3 (full reset) are stored;
 * setting bit 2 while it is clear resets the machine.
 *
 * <p>The register lies inside the PCI address register 0xcf8 and is reached by byte accesses only. A dword access to 0xcf8
 * addresses PCI, of which there is none: it is absorbed here, so that no configuration address resets the machine, and
 * reads as all ones.
 */
public final class ResetControl implements PortDevice, Persistent {
    private static final int WINDOW = 0xcf8;
    private static final int PORT = 0xcf9;
    private static final int RESET_PROCESSOR = 0x04;

    private final Runnable reset;
    private int register;

    /** @param reset called for each reset that the guest asks for */
    public ResetControl(Runnable reset) {
        this.reset = reset;
    }

    /** Claims ports 0xcf8 to 0xcfb. */
    public void attach(PortBus bus) {
        bus.claim(WINDOW, 4, this);
    }

    @Override
    public int width() {
        return 4;
    }

    @Override
    public long read(int port, int size) {
        return port == PORT && size == 1 ? register : -1;
    }

    @Override
    public void write(int port, int size, long value) {
        if (port != PORT || size != 1) {
            return;
        }
        int written = (int) value & 0x0e;
        boolean resets = (written & ~register & RESET_PROCESSOR) != 0;
        register = written;
        if (resets) {
            register = 0;
            reset.run();
        }
    }

    @Override
    public String stateName() {
        return "reset-control";
    }

    @Override
    public void save(StateWriter out) {
        out.word(register);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        register = in.bits(0x0e);
    }
}
