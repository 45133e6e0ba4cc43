package io.umbra.vmm.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Gives a part what a {@link StateWriter} took. What is read may have been made up: every method that names bounds refuses what lies beyond them, and there is no other way to a
 * number from which a place in an array, or a length of time, will be computed.
 */
public final class StateReader {
    /** The latest moment of virtual time and the greatest count of instructions, far from where sums overflow: more than 70 years. */
    public static final long LATEST = 1L << 61;

    private final String part;
    private final ByteBuffer source;

    /** @param part whose state it is, for messages */
    public StateReader(String part, byte[] state) {
        this.part = part;
        this.source = ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** To be thrown by a part that is given what it cannot hold. */
    public StateException refuse(String why) {
        return new StateException("the state of '" + part + "' is impossible: " + why);
    }

    private void need(int bytes) throws StateException {
        if (source.remaining() < bytes) {
            throw new StateException("the state of '" + part + "' is cut short");
        }
    }

    public boolean flag() throws StateException {
        need(1);
        int value = source.get();
        if (value != 0 && value != 1) {
            throw refuse("a flag of " + value);
        }
        return value == 1;
    }

    /** Any 32 bits. */
    public int word() throws StateException {
        need(Integer.BYTES);
        return source.getInt();
    }

    /** Any 64 bits. */
    public long quad() throws StateException {
        need(Long.BYTES);
        return source.getLong();
    }

    /** A word, both bounds included. */
    public int between(int least, int most) throws StateException {
        int value = word();
        if (value < least || value > most) {
            throw refuse("%d is not between %d and %d".formatted(value, least, most));
        }
        return value;
    }

    /** A quad, both bounds included. */
    public long between(long least, long most) throws StateException {
        long value = quad();
        if (value < least || value > most) {
            throw refuse("%d is not between %d and %d".formatted(value, least, most));
        }
        return value;
    }

    /** A word that has no bits but these. */
    public int bits(int mask) throws StateException {
        int value = word();
        if ((value & ~mask) != 0) {
            throw refuse("0x%x has bits beyond 0x%x".formatted(value, mask));
        }
        return value;
    }

    /** A quad that has no bits but these. */
    public long quadBits(long mask) throws StateException {
        long value = quad();
        if ((value & ~mask) != 0) {
            throw refuse("0x%x has bits beyond 0x%x".formatted(value, mask));
        }
        return value;
    }

    /** A moment of virtual time, or a count of instructions: from 0 to {@link #LATEST}. */
    public long moment() throws StateException {
        return between(0, LATEST);
    }

    /** One of all constants of an enum, in their order. */
    public <E extends Enum<E>> E constant(E[] all) throws StateException {
        return all[between(0, all.length - 1)];
    }

    /** Fills the array with words of these bits. */
    public void words(int[] target, int mask) throws StateException {
        for (int i = 0; i < target.length; i++) {
            target[i] = bits(mask);
        }
    }

    /** Fills the array with any quads. */
    public void quads(long[] target) throws StateException {
        for (int i = 0; i < target.length; i++) {
            target[i] = quad();
        }
    }

    /** However many there are. */
    public byte[] bytes() throws StateException {
        int length = word();
        if (length < 0) {
            throw refuse("a length of " + length);
        }
        need(length);
        byte[] values = new byte[length];
        source.get(values);
        return values;
    }

    /** Exactly as many as the array has. */
    public void bytes(byte[] target) throws StateException {
        byte[] values = bytes();
        if (values.length != target.length) {
            throw refuse("%d bytes in place of %d".formatted(values.length, target.length));
        }
        System.arraycopy(values, 0, target, 0, target.length);
    }

    public String text() throws StateException {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** Whether something is left to read. */
    public boolean hasMore() {
        return source.hasRemaining();
    }

    /** @throws StateException when something is left */
    public void end() throws StateException {
        if (source.hasRemaining()) {
            throw refuse(source.remaining() + " bytes too many");
        }
    }
}
