package io.umbra.vmm.firmware;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A table being written, little-endian, field after field. */
final class TableBytes {
    private static final int CAPACITY = 4096;

    private final ByteBuffer buffer = ByteBuffer.allocate(CAPACITY).order(ByteOrder.LITTLE_ENDIAN);

    TableBytes u8(int... values) {
        for (int value : values) {
            buffer.put((byte) value);
        }
        return this;
    }

    TableBytes u16(int value) {
        buffer.putShort((short) value);
        return this;
    }

    TableBytes u32(long value) {
        buffer.putInt((int) value);
        return this;
    }

    TableBytes u64(long value) {
        buffer.putLong(value);
        return this;
    }

    /** The characters, filled up with {@code fill} to {@code length}. */
    TableBytes text(String text, int length, char fill) {
        return raw((text + String.valueOf(fill).repeat(length - text.length())).getBytes(StandardCharsets.US_ASCII));
    }

    TableBytes raw(byte[] bytes) {
        buffer.put(bytes);
        return this;
    }

    TableBytes zeroes(int count) {
        return raw(new byte[count]);
    }

    int length() {
        return buffer.position();
    }

    /** Overwrites two bytes. */
    TableBytes u16At(int offset, int value) {
        buffer.putShort(offset, (short) value);
        return this;
    }

    /** Makes the bytes from {@code from} to {@code to} sum up to 0 modulo 256, by the one at {@code offset}, which must be 0 so far. */
    TableBytes sumAt(int offset, int from, int to) {
        int sum = 0;
        for (int at = from; at < to; at++) {
            sum += buffer.get(at);
        }
        buffer.put(offset, (byte) -sum);
        return this;
    }

    byte[] bytes() {
        byte[] bytes = new byte[buffer.position()];
        buffer.get(0, bytes);
        return bytes;
    }
}
