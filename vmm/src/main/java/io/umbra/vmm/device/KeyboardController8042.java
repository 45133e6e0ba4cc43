package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * The 8042 keyboard controller of a PC with nothing plugged into it, and system control port A (0x92) beside it. Source:
 * IBM PS/2 hardware interface technical reference.
 *
 * <p>The controller itself answers in full: self test, interface tests, command byte, RAM, input and output port, A20,
 * reset. No keyboard and no mouse are there: what is sent to one comes back as 0xfe with the time-out status bit, the
 * controller's answer to a device that does not clock. Commands take no virtual time, so the input buffer is always empty.
 */
public final class KeyboardController8042 implements PortDevice, Persistent {
    private static final int DATA = 0x60;
    private static final int STATUS = 0x64;
    private static final int PORT_A = 0x92;

    private static final int STATUS_OUTPUT_FULL = 0x01;
    private static final int STATUS_SYSTEM = 0x04;
    private static final int STATUS_COMMAND = 0x08;
    private static final int STATUS_UNLOCKED = 0x10;
    private static final int STATUS_AUXILIARY = 0x20;
    private static final int STATUS_TIMEOUT = 0x40;

    private static final int COMMAND_KEYBOARD_INTERRUPT = 0x01;
    private static final int COMMAND_AUXILIARY_INTERRUPT = 0x02;
    private static final int COMMAND_KEYBOARD_OFF = 0x10;
    private static final int COMMAND_AUXILIARY_OFF = 0x20;

    private static final int OUTPUT_RUNNING = 0x01;
    private static final int OUTPUT_A20 = 0x02;
    private static final int NO_ANSWER = 0xfe;

    private final InterruptLine keyboardInterrupt;
    private final InterruptLine auxiliaryInterrupt;
    private final Runnable reset;

    private final byte[] ram = new byte[32];
    private int status = STATUS_UNLOCKED;
    private int outputBuffer;
    private int outputPort = 0xcc | OUTPUT_RUNNING | OUTPUT_A20;
    /** The command whose data byte comes next at port 0x60; 0 when that byte is for the keyboard. */
    private int pendingCommand;

    private int portA = OUTPUT_A20;

    /**
     * @param keyboardInterrupt IRQ 1 of a PC
     * @param auxiliaryInterrupt IRQ 12 of a PC
     * @param reset called for each reset of the processor that the guest asks for
     */
    public KeyboardController8042(InterruptLine keyboardInterrupt, InterruptLine auxiliaryInterrupt, Runnable reset) {
        this.keyboardInterrupt = keyboardInterrupt;
        this.auxiliaryInterrupt = auxiliaryInterrupt;
        this.reset = reset;
        ram[0] = COMMAND_KEYBOARD_OFF | COMMAND_AUXILIARY_OFF;
    }

    /** Claims ports 0x60, 0x64 and 0x92. */
    public void attach(PortBus bus) {
        bus.claim(DATA, 1, this);
        bus.claim(STATUS, 1, this);
        bus.claim(PORT_A, 1, this);
    }

    /** Whether address line 20 reaches memory: either the output port or port A lets it through, as after power-on. */
    public boolean isA20Enabled() {
        return ((outputPort | portA) & OUTPUT_A20) != 0;
    }

    @Override
    public long read(int port, int size) {
        return switch (port) {
            case DATA -> readData();
            case STATUS -> status;
            default -> portA;
        };
    }

    @Override
    public void write(int port, int size, long value) {
        int data = (int) value & 0xff;
        switch (port) {
            case DATA -> {
                status &= ~STATUS_COMMAND;
                int command = pendingCommand;
                pendingCommand = 0;
                writeData(command, data);
            }
            case STATUS -> {
                status |= STATUS_COMMAND;
                pendingCommand = 0;
                command(data);
            }
            default -> writePortA(data);
        }
        driveInterrupts();
    }

    private int readData() {
        status &= ~(STATUS_OUTPUT_FULL | STATUS_AUXILIARY | STATUS_TIMEOUT);
        driveInterrupts();
        return outputBuffer;
    }

    private void command(int command) {
        if (command < 0x20) {
            return;
        }
        switch (command) {
            case 0xa4 -> answer(0xf1); // no password is installed
            case 0xa7 -> ram[0] |= COMMAND_AUXILIARY_OFF;
            case 0xa8 -> ram[0] &= ~COMMAND_AUXILIARY_OFF;
            case 0xa9, 0xab -> answer(0x00);
            case 0xaa -> {
                status |= STATUS_SYSTEM;
                ram[0] |= STATUS_SYSTEM;
                answer(0x55);
            }
            case 0xad -> ram[0] |= COMMAND_KEYBOARD_OFF;
            case 0xae -> ram[0] &= ~COMMAND_KEYBOARD_OFF;
            case 0xc0 -> answer(0x80); // the input port: keyboard not locked
            case 0xd0 -> answer(outputPort);
            case 0xd1, 0xd2, 0xd3, 0xd4 -> pendingCommand = command;
            case 0xdd -> outputPort &= ~OUTPUT_A20;
            case 0xdf -> outputPort |= OUTPUT_A20;
            default -> rangeOfCommands(command);
        }
    }

    private void rangeOfCommands(int command) {
        if (command < 0x40) {
            answer(ram[command & 31] & 0xff);
        } else if (command >= 0x60 && command < 0x80) {
            pendingCommand = command;
        } else if (command >= 0xf0 && (command & OUTPUT_RUNNING) == 0) {
            reset.run(); // a 0 in the low bits pulses that bit of the output port; bit 0 is the processor's reset
        }
    }

    private void writeData(int command, int data) {
        switch (command) {
            case 0 -> {
                ram[0] &= ~COMMAND_KEYBOARD_OFF;
                answer(NO_ANSWER);
                status |= STATUS_TIMEOUT;
            }
            case 0xd1 -> writeOutputPort(data);
            case 0xd2 -> answer(data);
            case 0xd3 -> answerAuxiliary(data);
            case 0xd4 -> {
                answerAuxiliary(NO_ANSWER);
                status |= STATUS_TIMEOUT;
            }
            default -> writeRam(command & 31, data);
        }
    }

    private void writeRam(int at, int data) {
        ram[at] = (byte) data;
        if (at == 0) {
            status = status & ~STATUS_SYSTEM | data & STATUS_SYSTEM;
        }
    }

    private void writeOutputPort(int data) {
        outputPort = data | OUTPUT_RUNNING;
        if ((data & OUTPUT_RUNNING) == 0) {
            reset.run();
        }
    }

    private void writePortA(int data) {
        boolean resets = (data & ~portA & 1) != 0;
        portA = data & 0x03;
        if (resets) {
            portA &= ~1;
            reset.run();
        }
    }

    private void answer(int value) {
        outputBuffer = value;
        status = status & ~(STATUS_AUXILIARY | STATUS_TIMEOUT) | STATUS_OUTPUT_FULL;
    }

    private void answerAuxiliary(int value) {
        answer(value);
        status |= STATUS_AUXILIARY;
    }

    private void driveInterrupts() {
        boolean full = (status & STATUS_OUTPUT_FULL) != 0;
        boolean auxiliary = (status & STATUS_AUXILIARY) != 0;
        keyboardInterrupt.set(full && !auxiliary && (ram[0] & COMMAND_KEYBOARD_INTERRUPT) != 0);
        auxiliaryInterrupt.set(full && auxiliary && (ram[0] & COMMAND_AUXILIARY_INTERRUPT) != 0);
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "8042";
    }

    @Override
    public void save(StateWriter out) {
        out.bytes(ram);
        out.word(status);
        out.word(outputBuffer);
        out.word(outputPort);
        out.word(pendingCommand);
        out.word(portA);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        in.bytes(ram);
        status = in.bits(0xff);
        outputBuffer = in.bits(0xff);
        outputPort = in.bits(0xff);
        pendingCommand = in.bits(0xff);
        portA = in.bits(0x03);
    }
}
