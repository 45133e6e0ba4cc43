package io.umbra.processor.conformance;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;

/**
 * A place for one instruction among pads. A pad writes its number to {@link Layout#PATH} and jumps to the exit, so that it can be seen where control went.
 *
 * <pre>
 *  0 pad 1 | 16 … 31 INT3 | 32 … 63 the instruction begins | pad 2 behind it | 160 pad 3
 * </pre>
 */
final class Slot {
    private static final int PAD = 16, BACKWARD = 0, FORWARD = 160;
    private static final byte INT3 = (byte) 0xCC;

    /** As an offset from the layout's base. */
    final int offset;

    private final long base;
    private final int start;

    Slot(long base, int number, Random random) {
        this.base = base;
        this.offset = Layout.FIRST_SLOT + number * Layout.SLOT;
        this.start = 32 + random.nextInt(32);
    }

    /** Linear address of the instruction. */
    long instruction() {
        return base + offset + start;
    }

    long backward() {
        return base + offset + BACKWARD;
    }

    long forward() {
        return base + offset + FORWARD;
    }

    /** @param exit as an offset from the layout's base */
    byte[] code(byte[] instruction, int exit) {
        ByteBuffer code = ByteBuffer.allocate(Layout.SLOT).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.fill(code.array(), INT3);
        pad(code, BACKWARD, 1, exit);
        code.put(start, instruction);
        pad(code, start + instruction.length, 2, exit);
        pad(code, FORWARD, 3, exit);
        return code.array();
    }

    /** MOV dword [PATH], number; JMP exit. */
    private void pad(ByteBuffer code, int at, int number, int exit) {
        code.position(at);
        code.put(new byte[] {(byte) 0xC7, 0x04, 0x25})
                .putInt((int) base + Layout.PATH)
                .putInt(number);
        code.put((byte) 0xE9).putInt(exit - (offset + at + PAD));
    }
}
