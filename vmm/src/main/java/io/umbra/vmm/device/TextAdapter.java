package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * The registers of a colour graphics adapter in 80 x 25 text mode: the 6845 CRT controller at 0x3d4 (index) and 0x3d5, the mode and colour registers 0x3d8 and 0x3d9, and the status
 * 0x3da, whose retrace bits follow virtual time at 60 frames of 262 lines a second. Its memory from 0xb8000 on is plain memory. Source: IBM PC technical reference, Motorola MC6845
 * data sheet.
 */
public final class TextAdapter implements PortDevice, Persistent {
    private static final int INDEX = 0x3d4;
    private static final int DATA = 0x3d5;
    private static final int MODE = 0x3d8;
    private static final int STATUS = 0x3da;

    private static final int REGISTERS = 18;
    private static final int START_HIGH = 12;
    private static final int CURSOR_HIGH = 14;
    private static final int FIRST_LIGHT_PEN = 16;

    private static final long FRAME = 1_000_000_000 / 60;
    private static final int LINES = 262;
    private static final int VISIBLE_LINES = 200;
    private static final int NOT_DISPLAYING = 0x01;
    private static final int VERTICAL_RETRACE = 0x08;
    private static final int UNUSED_STATUS = 0xf0;

    private final VirtualClock clock;
    /** As a PC's firmware programs them for this mode. */
    private final int[] registers = {
        0x71, 0x50, 0x5a, 0x0a, 0x1f, 0x06, 0x19, 0x1c, 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0, 0, 0
    };

    private int index;

    public TextAdapter(VirtualClock clock) {
        this.clock = clock;
    }

    /** Claims ports 0x3d4, 0x3d5 and 0x3d8 to 0x3da. */
    public void attach(PortBus bus) {
        bus.claim(INDEX, 2, this);
        bus.claim(MODE, 3, this);
    }

    /** The first character cell on the screen, counted in cells from the start of the adapter's memory. */
    public int start() {
        return pair(START_HIGH);
    }

    /** The cell with the cursor, counted as {@link #start}. */
    public int cursor() {
        return pair(CURSOR_HIGH);
    }

    private int pair(int high) {
        return registers[high] << 8 | registers[high + 1];
    }

    /** On this adapter only the cursor and the light pen read back; the start does too here, as on its successors. */
    @Override
    public long read(int port, int size) {
        return switch (port) {
            case DATA -> index >= START_HIGH && index < REGISTERS ? registers[index] : 0;
            case STATUS -> status();
            default -> 0xff;
        };
    }

    private int status() {
        int line = (int) (clock.now() % FRAME * LINES / FRAME);
        long inLine = clock.now() % FRAME * LINES % FRAME;
        boolean isBlank = inLine * 80 > FRAME * 56;
        boolean isBelow = line >= VISIBLE_LINES;
        return UNUSED_STATUS | (isBelow ? VERTICAL_RETRACE : 0) | (isBelow || isBlank ? NOT_DISPLAYING : 0);
    }

    @Override
    public void write(int port, int size, long value) {
        if (port == INDEX) {
            index = (int) value & 0x1f;
        } else if (port == DATA && index < FIRST_LIGHT_PEN) {
            boolean isHighHalf = index == START_HIGH || index == CURSOR_HIGH;
            registers[index] = (int) value & (isHighHalf ? 0x3f : 0xff);
        }
    }

    @Override
    public String stateName() {
        return "text-adapter";
    }

    @Override
    public void save(StateWriter out) {
        out.words(registers);
        out.word(index);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        in.words(registers, 0xff);
        index = in.bits(0x1f);
    }
}
