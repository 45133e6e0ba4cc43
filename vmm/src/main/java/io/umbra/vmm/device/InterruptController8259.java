package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * The interrupt controllers of a PC: two 8259A, the slave on input 2 of the master, with their edge/level control
 * registers. Requests 0 to 7 belong to the master, 8 to 15 to the slave; 2 is the cascade.
 *
 * <p>The level of requests 0, 1, 2, 8 and 13 cannot be selected: they are edge-triggered unless ICW1 says otherwise.
 */
public final class InterruptController8259 implements PortDevice, Persistent {
    private static final int CASCADE = 2;
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xa0;
    private static final int LEVEL_CONTROL = 0x4d0;

    private final Chip8259 master = new Chip8259(this::driveProcessor, 0b1111_1000);
    private final Chip8259 slave = new Chip8259(asserted -> master.setLine(CASCADE, asserted), 0b1101_1110);
    private final InterruptLine output;
    private boolean pending;

    /**
     * The pair after power-on: all requests masked until it is initialised.
     *
     * @param output INTR
     */
    public InterruptController8259(InterruptLine output) {
        this.output = output;
    }

    /** Claims ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0 and 0x4d1. */
    public void attach(PortBus bus) {
        bus.claim(MASTER, 2, this);
        bus.claim(SLAVE, 2, this);
        bus.claim(LEVEL_CONTROL, 2, this);
    }

    /**
     * The request line of {@code irq}.
     *
     * @throws IllegalArgumentException for the cascade, 2, and outside 0 to 15
     */
    public InterruptLine line(int irq) {
        if (irq < 0 || irq > 15 || irq == CASCADE) {
            throw new IllegalArgumentException("no device can sit on IRQ " + irq);
        }
        return irq < 8 ? asserted -> master.setLine(irq, asserted) : asserted -> slave.setLine(irq - 8, asserted);
    }

    /** Whether the INTR pin of the processor is high. */
    public boolean hasPending() {
        return pending;
    }

    /**
     * The processor's interrupt acknowledge: puts the request of highest priority in service and gives its vector, 0 to
     * 255. If the request has gone meanwhile this is the spurious vector of input 7, with nothing in service.
     */
    public int acknowledge() {
        int input = master.acknowledge();
        if (input == CASCADE && master.hasSlaveOn(input)) {
            return acknowledge(slave);
        }
        return master.vector(input < 0 ? 7 : input);
    }

    private static int acknowledge(Chip8259 chip) {
        int input = chip.acknowledge();
        return chip.vector(input < 0 ? 7 : input);
    }

    @Override
    public long read(int port, int size) {
        return switch (port) {
            case MASTER -> master.readEven();
            case MASTER + 1 -> master.readOdd();
            case SLAVE -> slave.readEven();
            case SLAVE + 1 -> slave.readOdd();
            case LEVEL_CONTROL -> master.levelControl();
            default -> slave.levelControl();
        };
    }

    @Override
    public void write(int port, int size, long value) {
        int data = (int) value & 0xff;
        switch (port) {
            case MASTER -> master.writeEven(data);
            case MASTER + 1 -> master.writeOdd(data);
            case SLAVE -> slave.writeEven(data);
            case SLAVE + 1 -> slave.writeOdd(data);
            case LEVEL_CONTROL -> master.setLevelControl(data);
            default -> slave.setLevelControl(data);
        }
    }

    private void driveProcessor(boolean asserted) {
        pending = asserted;
        output.set(asserted);
    }

    @Override
    public String stateName() {
        return "8259";
    }

    @Override
    public void save(StateWriter out) {
        master.save(out);
        slave.save(out);
        out.flag(pending);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        master.restore(in);
        slave.restore(in);
        pending = in.flag();
    }
}
