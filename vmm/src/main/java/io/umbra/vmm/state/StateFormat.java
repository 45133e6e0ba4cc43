package io.umbra.vmm.state;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Several parts one after the other, as sub-records; numbers are little-endian:
 *
 * <pre>
 *   0   4  length of the name, 1 to 32
 *   4   4  version
 *   8   4  length of the state
 *  12   …  the name in ASCII, then the state, without padding
 * </pre>
 */
public final class StateFormat {
    /** Characters of a part's name. */
    public static final int LONGEST_NAME = 32;

    private static final int HEADER = 12;

    /** As it was found. */
    private static final class SubRecord {
        final int version;
        final byte[] state;

        SubRecord(int version, byte[] state) {
            this.version = version;
            this.state = state;
        }
    }

    /** All parts, in their order. */
    public static byte[] write(Collection<? extends Persistent> parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Persistent part : parts) {
            StateWriter state = new StateWriter();
            part.save(state);
            byte[] name = part.stateName().getBytes(StandardCharsets.US_ASCII);
            ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
            header.putInt(name.length).putInt(part.stateVersion()).putInt(state.length());
            all.writeBytes(header.array());
            all.writeBytes(name);
            all.writeBytes(state.bytes());
        }
        return all.toByteArray();
    }

    /**
     * Gives each of the parts what is written for it, in the order of {@code parts}.
     *
     * @throws StateException when a part is missing or unknown, there twice, of another version, or cannot take its state
     */
    public static void read(byte[] all, Collection<? extends Persistent> parts) throws StateException {
        Map<String, SubRecord> found = split(all);
        for (Persistent part : parts) {
            SubRecord record = found.remove(part.stateName());
            if (record == null) {
                throw new StateException("the state of '" + part.stateName() + "' is missing");
            }
            if (record.version != part.stateVersion()) {
                throw new StateException("the state of '%s' has version %d, and this program reads version %d"
                        .formatted(part.stateName(), Integer.toUnsignedLong(record.version), part.stateVersion()));
            }
            StateReader state = new StateReader(part.stateName(), record.state);
            part.restore(state);
            state.end();
        }
        if (!found.isEmpty()) {
            throw new StateException("it holds the state of '"
                    + found.keySet().iterator().next() + "', which this program does not know");
        }
    }

    private static Map<String, SubRecord> split(byte[] all) throws StateException {
        Map<String, SubRecord> found = new LinkedHashMap<>();
        ByteBuffer rest = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        while (rest.hasRemaining()) {
            if (rest.remaining() < HEADER) {
                throw cut();
            }
            int nameLength = rest.getInt();
            int version = rest.getInt();
            int length = rest.getInt();
            if (nameLength < 1 || nameLength > LONGEST_NAME) {
                throw new StateException("a part's name has " + Integer.toUnsignedLong(nameLength) + " characters");
            }
            if (length < 0 || rest.remaining() - nameLength < length) {
                throw cut();
            }
            String name = name(take(rest, nameLength));
            if (found.put(name, new SubRecord(version, take(rest, length))) != null) {
                throw new StateException("the state of '" + name + "' is there twice");
            }
        }
        return found;
    }

    /** What is no letter of a name is not shown to the user either. */
    private static String name(byte[] bytes) throws StateException {
        for (byte letter : bytes) {
            if (letter <= ' ' || letter > '~') {
                throw new StateException("a part's name is no text");
            }
        }
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    private static byte[] take(ByteBuffer from, int length) {
        byte[] bytes = new byte[length];
        from.get(bytes);
        return bytes;
    }

    private static StateException cut() {
        return new StateException("the states of the machine's parts are cut short");
    }

    private StateFormat() {}
}
