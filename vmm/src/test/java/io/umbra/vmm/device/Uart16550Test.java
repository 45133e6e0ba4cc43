package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class Uart16550Test {
    private static final int DATA = 0x3f8;
    private static final int IER = 0x3f9;
    private static final int IIR = 0x3fa;
    private static final int LCR = 0x3fb;
    private static final int MCR = 0x3fc;
    private static final int LSR = 0x3fd;
    private static final int MSR = 0x3fe;
    private static final int SCR = 0x3ff;

    private final VirtualClock clock = new VirtualClock();
    private final RecordedLine line = new RecordedLine();
    private final StringBuilder sent = new StringBuilder();
    private final Uart16550 uart =
            new Uart16550(Uart16550.COM1, clock, line, character -> sent.append((char) character));
    private final PortBus bus = new PortBus();

    @BeforeEach
    void openAsADriverDoes() {
        uart.attach(bus);
        out(LCR, 0x80, DATA, 1, IER, 0, LCR, 0x03, IIR, 0xc7, MCR, 0x0b);
    }

    private void out(int... portsAndValues) {
        for (int at = 0; at < portsAndValues.length; at += 2) {
            bus.write(portsAndValues[at], 1, portsAndValues[at + 1]);
        }
    }

    private int in(int port) {
        return (int) bus.read(port, 1);
    }

    private void type(String text) {
        uart.receive(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private String readAll() {
        StringBuilder read = new StringBuilder();
        while ((in(LSR) & 1) != 0) {
            read.append((char) in(DATA));
        }
        return read.toString();
    }

    @Test
    void registersAnswerADriversProbe() {
        out(IER, 0xff);
        assertThat(in(IER)).isEqualTo(0x0f);
        out(IER, 0);
        assertThat(in(IER)).isZero();
        assertThat(in(IIR)).as("16550A, nothing pending").isEqualTo(0xc1);
        assertThat(in(LSR)).isEqualTo(0x60);
        assertThat(in(MSR)).isEqualTo(0xb0);
        out(SCR, 0x5a);
        assertThat(in(SCR)).isEqualTo(0x5a);
        out(LCR, 0x83, DATA, 0x34, IER, 0x12);
        assertThat(in(DATA)).isEqualTo(0x34);
        assertThat(in(IER)).isEqualTo(0x12);
        out(LCR, 0x03);
        assertThat(in(IER)).isZero();
        out(IIR, 0);
        assertThat(in(IIR)).as("FIFO off").isEqualTo(0x01);
    }

    @Test
    void loopbackReturnsModemLinesAndCharacters() {
        out(MCR, 0x1a);
        assertThat(in(MSR) & 0xf0).isEqualTo(0x90);
        out(MCR, 0x15);
        assertThat(in(MSR)).as("DSR and RI rose, CTS and DCD fell").isEqualTo(0x6b);
        out(MCR, 0x11);
        assertThat(in(MSR)).as("the trailing edge of RI").isEqualTo(0x24);
        out(DATA, 'q');
        assertThat(sent).isEmpty();
        assertThat(readAll()).isEqualTo("q");
    }

    @Test
    void loopbackOverrunsAFullReceiver() {
        out(MCR, 0x10, IER, 0x04);
        for (int character = 'a'; character < 'a' + 17; character++) {
            out(DATA, character);
        }
        assertThat(in(IIR)).as("receiver line status").isEqualTo(0xc6);
        assertThat(in(LSR)).isEqualTo(0x63);
        assertThat(in(IIR)).isEqualTo(0xc1);
        assertThat(readAll()).as("the FIFO keeps the first").isEqualTo("abcdefghijklmnop");
        out(IIR, 0, DATA, 'x', DATA, 'y');
        assertThat(in(LSR)).isEqualTo(0x63);
        assertThat(in(DATA)).as("without FIFO the last is kept").isEqualTo('y');
    }

    @Test
    void everyEnableOfTheTransmitterInterruptRaisesItAgain() {
        out(IER, 0x02);
        assertThat(line.isHigh()).isTrue();
        assertThat(in(IIR)).isEqualTo(0xc2);
        assertThat(line.isHigh()).as("the read clears it").isFalse();
        assertThat(in(IIR)).isEqualTo(0xc1);
        out(IER, 0x02);
        assertThat(line.isHigh()).as("no transition, no interrupt").isFalse();
        out(IER, 0x00, IER, 0x02);
        assertThat(line.isHigh()).isTrue();
    }

    @Test
    void eachCharacterSentMakesANewEdge() {
        out(IER, 0x02);
        int edges = line.risingEdges();
        out(DATA, 'h', DATA, 'i');
        assertThat(sent).hasToString("hi");
        assertThat(line.risingEdges()).isEqualTo(edges + 2);
        assertThat(in(LSR)).isEqualTo(0x60);
    }

    @Test
    void charactersAreCutToTheWordLength() {
        out(LCR, 0x00, DATA, 0xff);
        assertThat(sent.charAt(0)).isEqualTo((char) 0x1f);
    }

    @Test
    void theTriggerLevelOrTheTimeOutAnnouncesInput() {
        out(IER, 0x01);
        type("0123456789abc");
        assertThat(line.isHigh()).as("13 of 14").isFalse();
        long characterTime = 10 * 1_000_000_000L / 115_200;
        clock.advanceTo(4 * characterTime - 10);
        assertThat(line.isHigh()).isFalse();
        clock.advanceTo(4 * characterTime + 10);
        assertThat(in(IIR)).isEqualTo(0xcc);
        assertThat(in(DATA)).isEqualTo('0');
        assertThat(line.isHigh()).as("a read ends the time-out").isFalse();
        type("de");
        assertThat(in(IIR)).isEqualTo(0xc4);
        assertThat(readAll()).isEqualTo("123456789abcde");
        assertThat(line.isHigh()).isFalse();
        assertThat(clock.nextEvent()).isEqualTo(VirtualClock.NEVER);
    }

    @Test
    void theTerminalWaitsForRoomAndForReadyToSend() {
        out(MCR, 0x09);
        String text = "x".repeat(100);
        type(text);
        assertThat(uart.freeSpace()).isEqualTo(4096 - 100);
        assertThat(in(LSR)).isEqualTo(0x60);
        out(MCR, 0x0b);
        assertThat(uart.freeSpace()).isEqualTo(4096 - 84);
        assertThat(readAll()).isEqualTo(text);
        assertThatIllegalArgumentException().isThrownBy(() -> uart.receive(new byte[4097]));
    }

    @Test
    void aBreakIsReportedWithItsCharacter() {
        type("a");
        uart.receiveBreak();
        assertThat(in(LSR)).as("not yet at the top").isEqualTo(0xe1);
        assertThat(in(DATA)).isEqualTo('a');
        assertThat(in(LSR)).isEqualTo(0xf1);
        assertThat(in(LSR)).isEqualTo(0x61);
        assertThat(in(DATA)).isZero();
    }

    @Test
    void interruptsHaveTheirOrderAndOut2GatesThem() {
        type("12345678901234");
        out(IER, 0x03);
        assertThat(in(IIR)).as("data before transmitter").isEqualTo(0xc4);
        readAll();
        assertThat(in(IIR)).isEqualTo(0xc2);
        out(IER, 0x00, IER, 0x02, MCR, 0x03);
        assertThat(line.isHigh()).isFalse();
        out(MCR, 0x0b);
        assertThat(line.isHigh()).isTrue();
    }
}
