package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.ArrayDeque;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A 16550A serial port on a PC board. Source: National Semiconductor data sheet PC16550D.
 *
 * <p>Transmission takes no virtual time: a character written is out at once, and the holding register is empty again. The
 * THRE interrupt follows from that: it is raised when the register empties and when IER bit 1 goes from 0 to 1, and lowered
 * by an IIR read that reports it or by a write of the register.
 *
 * <p>At the other end sits a terminal on a null-modem cable with hardware flow control: carrier, DSR and CTS are on, and
 * it holds its characters back while RTS is off or the receiver is full. So input never overruns, and what was typed
 * before a driver has opened the port waits for it. Only loopback can overrun.
 *
 * <p>As on a PC, OUT2 gates the interrupt pin, and loopback turns OUT2 off at the pin.
 */
public final class Uart16550 implements PortDevice, Persistent {
    /** The first serial port of a PC, which sits on IRQ 4. */
    public static final int COM1 = 0x3f8;

    private static final int REGISTERS = 8;
    private static final int INPUT_CAPACITY = 4096;
    private static final long CLOCK_HERTZ = 115_200;
    private static final int[] TRIGGERS = {1, 4, 8, 14};

    private static final int LSR_DATA_READY = 0x01;
    private static final int LSR_OVERRUN = 0x02;
    private static final int LSR_BREAK = 0x10;
    private static final int LSR_TRANSMITTER_EMPTY = 0x60;
    private static final int LSR_FIFO_ERROR = 0x80;
    private static final int MCR_RTS = 0x02;
    private static final int MCR_OUT2 = 0x08;
    private static final int MCR_LOOP = 0x10;
    private static final int MSR_PEER = 0xb0;
    private static final int MSR_RING = 0x40;
    private static final int IIR_NONE = 0x01;
    private static final int IIR_MODEM = 0x00;
    private static final int IIR_THRE = 0x02;
    private static final int IIR_DATA = 0x04;
    private static final int IIR_LINE = 0x06;
    private static final int IIR_TIMEOUT = 0x0c;

    private final VirtualClock clock;
    private final InterruptLine interrupt;
    private final IntConsumer output;
    private final int base;

    private final ArrayDeque<Byte> input = new ArrayDeque<>();
    private final ReceiveFifo fifo = new ReceiveFifo();
    private int lastReceived;
    private boolean overrun;
    private boolean holdingEmptied;
    private boolean timedOut;
    private @Nullable Timer timeout;

    private int interruptEnable;
    private int fifoControl;
    private int lineControl;
    private int modemControl;
    private int modemStatus = MSR_PEER;
    private int scratch;
    private int divisor = 1;

    /**
     * @param base the first of the eight ports, such as {@link #COM1}
     * @param clock for the time-out of the receiver
     * @param interrupt the board's request line
     * @param output takes each character sent, 0 to 255
     */
    public Uart16550(int base, VirtualClock clock, InterruptLine interrupt, IntConsumer output) {
        this.base = base;
        this.clock = clock;
        this.interrupt = interrupt;
        this.output = output;
    }

    /** Claims the eight ports. */
    public void attach(PortBus bus) {
        bus.claim(base, REGISTERS, this);
    }

    /** How many more characters the terminal's queue takes. */
    public int freeSpace() {
        return INPUT_CAPACITY - input.size();
    }

    /**
     * Characters typed at the terminal.
     *
     * @throws IllegalArgumentException if they are more than {@link #freeSpace()}
     */
    public void receive(byte[] bytes) {
        if (bytes.length > freeSpace()) {
            throw new IllegalArgumentException(bytes.length + " bytes exceed the free space of " + freeSpace());
        }
        for (byte character : bytes) {
            input.add(character);
        }
        fillFromTerminal();
        driveInterrupt();
    }

    /** A break on the line: a character 0 with the break indicator. */
    public void receiveBreak() {
        if ((modemControl & MCR_LOOP) == 0) {
            arrive(0, LSR_BREAK);
            driveInterrupt();
        }
    }

    @Override
    public long read(int port, int size) {
        int value = switch (port - base) {
            case 0 -> isDivisorSelected() ? divisor & 0xff : readReceiver();
            case 1 -> isDivisorSelected() ? divisor >> 8 : interruptEnable;
            case 2 -> readIdentification();
            case 3 -> lineControl;
            case 4 -> modemControl;
            case 5 -> readLineStatus();
            case 6 -> readModemStatus();
            default -> scratch;
        };
        driveInterrupt();
        return value;
    }

    /** Line and modem status are read only: a write, which the data sheet keeps for factory tests, is ignored. */
    @Override
    public void write(int port, int size, long value) {
        int data = (int) value & 0xff;
        switch (port - base) {
            case 0 -> {
                if (isDivisorSelected()) {
                    divisor = divisor & 0xff00 | data;
                } else {
                    transmit(data);
                }
            }
            case 1 -> {
                if (isDivisorSelected()) {
                    divisor = divisor & 0x00ff | data << 8;
                } else {
                    writeInterruptEnable(data);
                }
            }
            case 2 -> writeFifoControl(data);
            case 3 -> lineControl = data;
            case 4 -> writeModemControl(data);
            case 7 -> scratch = data;
            default -> {}
        }
        driveInterrupt();
    }

    private boolean isDivisorSelected() {
        return (lineControl & 0x80) != 0;
    }

    private boolean usesFifo() {
        return (fifoControl & 1) != 0;
    }

    private boolean isLooped() {
        return (modemControl & MCR_LOOP) != 0;
    }

    private void writeInterruptEnable(int data) {
        int enabled = data & 0x0f & ~interruptEnable;
        interruptEnable = data & 0x0f;
        holdingEmptied |= (enabled & 0x02) != 0;
    }

    private void writeFifoControl(int data) {
        boolean switched = (data & 1) != (fifoControl & 1);
        if (switched || (data & 0x03) == 0x03) {
            fifo.clear();
            restartTimeout();
        }
        fifoControl = (data & 1) != 0 ? data & 0xc9 : 0;
        fillFromTerminal();
    }

    private void writeModemControl(int data) {
        modemControl = data & 0x1f;
        int inputs = isLooped() ? loopedModemLines() : MSR_PEER;
        int changed = (inputs ^ modemStatus) & 0xf0;
        int deltas = changed >> 4 & ~(MSR_RING >> 4);
        if ((changed & MSR_RING) != 0 && (inputs & MSR_RING) == 0) {
            deltas |= MSR_RING >> 4;
        }
        modemStatus = inputs | modemStatus & 0x0f | deltas;
        fillFromTerminal();
    }

    /** In loopback RTS, DTR, OUT1 and OUT2 come back as CTS, DSR, RI and DCD. */
    private int loopedModemLines() {
        int lines = modemControl & 0x0f;
        return (lines & 1) << 5 | (lines & 2) << 3 | (lines & 4) << 4 | (lines & 8) << 4;
    }

    private void transmit(int data) {
        holdingEmptied = false;
        driveInterrupt();
        int sent = data & (1 << 5 + (lineControl & 3)) - 1;
        if (isLooped()) {
            arrive(sent, 0);
        } else {
            output.accept(sent);
        }
        holdingEmptied = true;
    }

    private void fillFromTerminal() {
        boolean flows = (modemControl & MCR_RTS) != 0 && !isLooped();
        while (flows && !input.isEmpty() && (usesFifo() ? !fifo.isFull() : fifo.isEmpty())) {
            arrive(input.remove() & 0xff, 0);
        }
    }

    /** A character from the line. With a full receiver it is lost, but for a receiver without FIFO, which keeps the last. */
    private void arrive(int character, int errors) {
        if (usesFifo() ? fifo.isFull() : !fifo.isEmpty()) {
            overrun = true;
            if (usesFifo()) {
                return;
            }
            fifo.clear();
        }
        fifo.add(character, errors);
        restartTimeout();
    }

    private int readReceiver() {
        if (!fifo.isEmpty()) {
            lastReceived = fifo.remove();
            restartTimeout();
            fillFromTerminal();
        }
        return lastReceived;
    }

    private int readLineStatus() {
        int status = LSR_TRANSMITTER_EMPTY | fifo.errorsAtTop() | (overrun ? LSR_OVERRUN : 0);
        if (!fifo.isEmpty()) {
            status |= LSR_DATA_READY;
        }
        if (usesFifo() && fifo.hasErrors()) {
            status |= LSR_FIFO_ERROR;
        }
        overrun = false;
        fifo.forgetErrorsAtTop();
        return status;
    }

    private int readModemStatus() {
        int status = modemStatus;
        modemStatus &= 0xf0;
        return status;
    }

    private int readIdentification() {
        int pending = pendingInterrupt();
        if (pending == IIR_THRE) {
            holdingEmptied = false;
        }
        return pending | (usesFifo() ? 0xc0 : 0);
    }

    private int pendingInterrupt() {
        if ((interruptEnable & 4) != 0 && (overrun || fifo.errorsAtTop() != 0)) {
            return IIR_LINE;
        }
        if ((interruptEnable & 1) != 0 && fifo.size() >= trigger()) {
            return IIR_DATA;
        }
        if ((interruptEnable & 1) != 0 && timedOut) {
            return IIR_TIMEOUT;
        }
        if ((interruptEnable & 2) != 0 && holdingEmptied) {
            return IIR_THRE;
        }
        return (interruptEnable & 8) != 0 && (modemStatus & 0x0f) != 0 ? IIR_MODEM : IIR_NONE;
    }

    private int trigger() {
        return usesFifo() ? TRIGGERS[fifoControl >> 6] : 1;
    }

    /** Characters that stay in the FIFO for four character times, with none arriving or read, cause the time-out. */
    private void restartTimeout() {
        timedOut = false;
        if (timeout != null) {
            timeout.cancel();
            timeout = null;
        }
        if (usesFifo() && !fifo.isEmpty()) {
            timeout = clock.schedule(clock.now() + 4 * characterTime(), this::timeOut);
        }
    }

    private void timeOut() {
        timeout = null;
        timedOut = true;
        driveInterrupt();
    }

    /** Nanoseconds for start, data, parity and stop bits at the programmed rate; a divisor of 0 counts as 65,536. */
    private long characterTime() {
        int stopBits = (lineControl & 4) != 0 ? 2 : 1;
        int bits = 1 + 5 + (lineControl & 3) + (lineControl >> 3 & 1) + stopBits;
        int rateDivisor = divisor == 0 ? 0x1_0000 : divisor;
        return 1_000_000_000L * bits * rateDivisor / CLOCK_HERTZ;
    }

    private void driveInterrupt() {
        boolean connected = (modemControl & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
        interrupt.set(connected && pendingInterrupt() != IIR_NONE);
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "serial";
    }

    @Override
    public void save(StateWriter out) {
        byte[] typed = new byte[input.size()];
        int count = 0;
        for (byte character : input) {
            typed[count++] = character;
        }
        out.bytes(typed);
        fifo.save(out);
        out.word(lastReceived);
        out.flag(overrun);
        out.flag(holdingEmptied);
        out.flag(timedOut);
        VirtualClock.save(out, timeout);
        out.word(interruptEnable);
        out.word(fifoControl);
        out.word(lineControl);
        out.word(modemControl);
        out.word(modemStatus);
        out.word(scratch);
        out.word(divisor);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        byte[] typed = in.bytes();
        if (typed.length > INPUT_CAPACITY) {
            throw in.refuse(typed.length + " characters wait at the terminal");
        }
        input.clear();
        for (byte character : typed) {
            input.add(character);
        }
        fifo.restore(in);
        lastReceived = in.bits(0xff);
        overrun = in.flag();
        holdingEmptied = in.flag();
        timedOut = in.flag();
        timeout = clock.restore(in, this::timeOut);
        interruptEnable = in.bits(0x0f);
        fifoControl = in.bits(0xc9);
        lineControl = in.bits(0xff);
        modemControl = in.bits(0x1f);
        modemStatus = in.bits(0xff);
        scratch = in.bits(0xff);
        divisor = in.bits(0xffff);
    }
}
