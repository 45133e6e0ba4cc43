package io.umbra.vmm.device;

import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * One 8259A programmable interrupt controller. Source: Intel data sheet 231468, with the edge/level control register of
 * later chipsets.
 *
 * <p>Before it is initialised the chip masks everything and its vector base is 0; the data sheet leaves that state open.
 * In edge mode a request is withdrawn when its line falls before the acknowledge, as the data sheet demands of the IR
 * inputs.
 */
final class Chip8259 {
    private static final int NONE = -1;

    /** What the next write to the odd port means. */
    private enum Expected {
        MASK,
        ICW2,
        ICW3,
        ICW4
    }

    private final InterruptLine output;
    private final int levelSelectable;

    private int lines;
    private int requests;
    private int inService;
    private int mask = 0xff;
    private int levelControl;
    private int lowestPriority = 7;

    private Expected expected = Expected.MASK;
    private int icw1;
    private int icw2;
    private int icw3;
    private int icw4;

    private boolean rotateOnAutoEoi;
    private boolean specialMask;
    private boolean readsInService;
    private boolean polled;

    /**
     * @param output the INT pin
     * @param levelSelectable the inputs that {@link #setLevelControl} may make level-triggered, a bit each
     */
    Chip8259(InterruptLine output, int levelSelectable) {
        this.output = output;
        this.levelSelectable = levelSelectable;
    }

    void setLine(int input, boolean asserted) {
        int bit = 1 << input;
        if (asserted) {
            if ((lines & bit) == 0 || (levelTriggered() & bit) != 0) {
                requests |= bit;
            }
            lines |= bit;
        } else {
            lines &= ~bit;
            requests &= ~bit;
        }
        driveOutput();
    }

    boolean hasPending() {
        return pendingInput() != NONE;
    }

    /**
     * The input that is being acknowledged, now in service, or -1 if the request has gone: the caller then sees the
     * vector of input 7 without any input in service (a spurious interrupt).
     */
    int acknowledge() {
        int input = pendingInput();
        if (input != NONE) {
            int bit = 1 << input;
            inService |= bit;
            requests &= ~bit | lines & levelTriggered();
            if (hasAutoEoi()) {
                inService &= ~bit;
                if (rotateOnAutoEoi) {
                    lowestPriority = input;
                }
            }
        }
        output.set(false);
        driveOutput();
        return input;
    }

    /**
     * The byte that the chip puts on the bus in the second acknowledge cycle: the vector in 8086 mode; in MCS-80 mode the
     * low address byte of its CALL, which a processor of the 8086 family takes for a vector.
     */
    int vector(int input) {
        if ((icw4 & 0x01) != 0) {
            return icw2 & 0xf8 | input;
        }
        boolean intervalOfFour = (icw1 & 0x04) != 0;
        return intervalOfFour ? icw1 & 0xe0 | input << 2 : icw1 & 0xc0 | input << 3;
    }

    /** Whether a slave sits on {@code input}, according to ICW3 of a master that is not alone (ICW1 bit 1). */
    boolean hasSlaveOn(int input) {
        return (icw1 & 0x02) == 0 && (icw3 >> input & 1) != 0;
    }

    int readEven() {
        if (polled) {
            return poll();
        }
        return readsInService ? inService : requests;
    }

    int readOdd() {
        return polled ? poll() : mask;
    }

    void writeEven(int value) {
        if ((value & 0x10) != 0) {
            initialise(value);
        } else if ((value & 0x08) != 0) {
            writeOcw3(value);
        } else {
            writeOcw2(value);
        }
        driveOutput();
    }

    void writeOdd(int value) {
        switch (expected) {
            case MASK -> mask = value;
            case ICW2 -> {
                icw2 = value;
                expected = (icw1 & 0x02) == 0 ? Expected.ICW3 : afterIcw3();
            }
            case ICW3 -> {
                icw3 = value;
                expected = afterIcw3();
            }
            case ICW4 -> {
                icw4 = value;
                expected = Expected.MASK;
            }
        }
        driveOutput();
    }

    int levelControl() {
        return levelControl;
    }

    void setLevelControl(int value) {
        levelControl = value & levelSelectable;
        requests |= lines & levelControl;
        driveOutput();
    }

    private Expected afterIcw3() {
        return (icw1 & 0x01) != 0 ? Expected.ICW4 : Expected.MASK;
    }

    /** ICW1. Inputs that are already high must fall and rise again before they request, unless the level counts. */
    private void initialise(int value) {
        icw1 = value;
        icw3 = 0;
        icw4 = 0;
        mask = 0;
        inService = 0;
        lowestPriority = 7;
        rotateOnAutoEoi = false;
        specialMask = false;
        readsInService = false;
        polled = false;
        requests = lines & levelTriggered();
        expected = Expected.ICW2;
    }

    private void writeOcw2(int value) {
        int level = value & 7;
        switch (value >> 5) {
            case 0b000 -> rotateOnAutoEoi = false;
            case 0b001 -> endOfInterrupt(highestInService(), false);
            case 0b011 -> endOfInterrupt(level, false);
            case 0b100 -> rotateOnAutoEoi = true;
            case 0b101 -> endOfInterrupt(highestInService(), true);
            case 0b110 -> lowestPriority = level;
            case 0b111 -> endOfInterrupt(level, true);
            default -> {} // 010 is a no-operation
        }
    }

    private void endOfInterrupt(int level, boolean rotate) {
        if (level != NONE) {
            inService &= ~(1 << level);
            if (rotate) {
                lowestPriority = level;
            }
        }
    }

    private void writeOcw3(int value) {
        if ((value & 0x40) != 0) {
            specialMask = (value & 0x20) != 0;
        }
        polled = (value & 0x04) != 0;
        if ((value & 0x02) != 0) {
            readsInService = (value & 0x01) != 0;
        }
    }

    /** The read after a poll command: an acknowledge whose answer is the input's number with bit 7 set, or 0. */
    private int poll() {
        polled = false;
        int input = acknowledge();
        return input == NONE ? 0 : 0x80 | input;
    }

    private int pendingInput() {
        int open = requests & ~mask;
        if (open == 0 || expected != Expected.MASK) {
            return NONE;
        }
        int input = highest(open);
        int blocking = highestInService();
        if (blocking == NONE || rank(input) < rank(blocking)) {
            return input;
        }
        boolean slaveMayNest = (icw4 & 0x10) != 0 && input == blocking && hasSlaveOn(input);
        return slaveMayNest ? input : NONE;
    }

    /** The input in service that blocks others; in special mask mode, masked inputs do not. */
    private int highestInService() {
        return highest(specialMask ? inService & ~mask : inService);
    }

    private int highest(int inputs) {
        for (int rank = 0; rank < 8; rank++) {
            int input = lowestPriority + 1 + rank & 7;
            if ((inputs >> input & 1) != 0) {
                return input;
            }
        }
        return NONE;
    }

    /** 0 for the input of highest priority, 7 for the lowest. */
    private int rank(int input) {
        return input - lowestPriority - 1 & 7;
    }

    private int levelTriggered() {
        return (icw1 & 0x08) != 0 ? 0xff : levelControl;
    }

    private boolean hasAutoEoi() {
        return (icw4 & 0x02) != 0;
    }

    private void driveOutput() {
        output.set(hasPending());
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    void save(StateWriter out) {
        out.word(lines);
        out.word(requests);
        out.word(inService);
        out.word(mask);
        out.word(levelControl);
        out.word(lowestPriority);
        out.constant(expected);
        out.word(icw1);
        out.word(icw2);
        out.word(icw3);
        out.word(icw4);
        out.flag(rotateOnAutoEoi);
        out.flag(specialMask);
        out.flag(readsInService);
        out.flag(polled);
    }

    void restore(StateReader in) throws StateException {
        lines = in.bits(0xff);
        requests = in.bits(0xff);
        inService = in.bits(0xff);
        mask = in.bits(0xff);
        levelControl = in.bits(levelSelectable);
        lowestPriority = in.bits(7);
        expected = in.constant(Expected.values());
        icw1 = in.bits(0xff);
        icw2 = in.bits(0xff);
        icw3 = in.bits(0xff);
        icw4 = in.bits(0xff);
        rotateOnAutoEoi = in.flag();
        specialMask = in.flag();
        readsInService = in.flag();
        polled = in.flag();
    }
}
