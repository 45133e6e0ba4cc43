package io.umbra.vmm.state;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Takes what a part holds, field by field. {@link StateReader} has a method for each of these. */
public final class StateWriter {
    private final ByteArrayOutputStream target = new ByteArrayOutputStream();

    /** Nothing written yet. */
    public StateWriter() {}

    /** One byte. */
    public void flag(boolean value) {
        target.write(value ? 1 : 0);
    }

    /** Four bytes. */
    public void word(int value) {
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            target.write(value >>> shift);
        }
    }

    /** Eight bytes. */
    public void quad(long value) {
        word((int) value);
        word((int) (value >>> Integer.SIZE));
    }

    /** As its place in its enum, four bytes. */
    public void constant(Enum<?> value) {
        word(value.ordinal());
    }

    /** As many as there are, without their number. */
    public void words(int[] values) {
        for (int value : values) {
            word(value);
        }
    }

    /** As many as there are, without their number. */
    public void quads(long[] values) {
        for (long value : values) {
            quad(value);
        }
    }

    /** Their number in four bytes, then the bytes. */
    public void bytes(byte[] values) {
        word(values.length);
        target.writeBytes(values);
    }

    /** As {@link #bytes}, in UTF-8. */
    public void text(String value) {
        bytes(value.getBytes(StandardCharsets.UTF_8));
    }

    int length() {
        return target.size();
    }

    /** All that was written. */
    public byte[] bytes() {
        return target.toByteArray();
    }
}
