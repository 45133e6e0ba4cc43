package io.umbra.vmm;

import io.umbra.vmm.device.TextAdapter;
import io.umbra.vmm.loader.LoadException;
import java.nio.charset.Charset;

/** What stands on the guest's text screen: 25 lines of 80 characters, in the PC's character set. */
final class TextScreen {
    private static final long MEMORY = 0xB_8000;
    private static final int CELLS = 0x4000 / 2;
    private static final int COLUMNS = 80;
    private static final int LINES = 25;
    /** What the PC's character set shows for the codes below the space. */
    private static final String CONTROLS = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";

    private static final Charset CHARACTERS = Charset.forName("IBM437");

    private final GuestRam ram;
    private final TextAdapter adapter;

    TextScreen(GuestRam ram, TextAdapter adapter) {
        this.ram = ram;
        this.adapter = adapter;
    }

    /** The lines, each without the blanks at its end and with a line end. */
    String text() {
        byte[] memory = memory();
        StringBuilder text = new StringBuilder();
        for (int line = 0; line < LINES; line++) {
            StringBuilder cells = new StringBuilder();
            for (int column = 0; column < COLUMNS; column++) {
                int cell = (adapter.start() + line * COLUMNS + column) % CELLS;
                cells.append(character(memory[2 * cell]));
            }
            text.append(cells.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    private byte[] memory() {
        try {
            return ram.read(MEMORY, 2 * CELLS);
        } catch (LoadException givenBack) {
            return new byte[2 * CELLS];
        }
    }

    private static char character(byte code) {
        int value = code & 0xFF;
        if (value < ' ') {
            return CONTROLS.charAt(value);
        }
        return value == 0x7F ? '⌂' : new String(new byte[] {code}, CHARACTERS).charAt(0);
    }
}
