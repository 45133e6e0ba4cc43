package io.umbra.tools.trace;

import io.umbra.shadow.Counter;
import io.umbra.shadow.DirtyCause;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.ShadowType;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a trace begins with: everything that determines the run, by name, and some for people.
 *
 * <pre>
 *  8 bytes   UMBRATRC
 *  4 bytes   version of the format, 1
 *  4 bytes   how many entries
 *  entries   name and value, each as 4 bytes of length and UTF-8
 * </pre>
 *
 * Numbers have their high byte first.
 */
public record TraceHeader(Map<String, String> entries) {
    /** Of the kinds and numbers in the events; they change together with the engine. */
    private static final String ENGINE = "engine";

    /** Names that determine nothing begin like this. */
    private static final String FOR_PEOPLE = "#";

    private static final long MAGIC = 0x554D425241545243L;
    private static final int VERSION = 2;
    private static final int MOST_ENTRIES = 1000;
    private static final int MOST_BYTES = 1 << 20;

    public TraceHeader {
        entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
    }

    /**
     * The header of a run.
     *
     * @param determining what the run is a function of
     * @param forPeople what is good to know
     */
    public static TraceHeader of(Map<String, String> determining, Map<String, String> forPeople) {
        Map<String, String> entries = new LinkedHashMap<>(determining);
        entries.put(ENGINE, engine());
        forPeople.forEach((name, value) -> entries.put(FOR_PEOPLE + name, value));
        return new TraceHeader(entries);
    }

    /** SHA-256 in hexadecimal. */
    public static String hash(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** Names of all that is a number in events. */
    private static String engine() {
        String names = Arrays.toString(EventKind.values())
                + Arrays.toString(Outcome.values())
                + Arrays.toString(Result.values())
                + Arrays.toString(ShadowType.values())
                + Arrays.toString(P2mType.values())
                + Arrays.toString(DirtyCause.values())
                + Arrays.toString(Counter.values());
        return hash(names.getBytes(StandardCharsets.UTF_8)).substring(0, 16);
    }

    String get(String name) {
        return entries.getOrDefault(name, "");
    }

    /** In words, the first entry that another run must have in common with this one and has not. */
    public Optional<String> difference(TraceHeader other) {
        for (Map.Entry<String, String> entry : entries.entrySet()) {
            String name = entry.getKey();
            if (!name.startsWith(FOR_PEOPLE) && !entry.getValue().equals(other.get(name))) {
                return Optional.of("its " + name + " is '" + entry.getValue() + "', not '" + other.get(name) + "'");
            }
        }
        return Optional.empty();
    }

    void write(DataOutputStream out) throws IOException {
        out.writeLong(MAGIC);
        out.writeInt(VERSION);
        out.writeInt(entries.size());
        for (Map.Entry<String, String> entry : entries.entrySet()) {
            write(out, entry.getKey());
            write(out, entry.getValue());
        }
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    static TraceHeader read(DataInputStream in) throws IOException, TraceException {
        try {
            if (in.readLong() != MAGIC) {
                throw new TraceException("it is no trace of Umbra's");
            }
            int version = in.readInt();
            if (version != VERSION) {
                throw new TraceException("it has version " + version + " of the format; this Umbra reads " + VERSION);
            }
            int count = in.readInt();
            if (count < 0 || count > MOST_ENTRIES) {
                throw new TraceException("its header is broken");
            }
            Map<String, String> entries = new LinkedHashMap<>();
            for (int i = 0; i < count; i++) {
                String name = text(in);
                entries.put(name, text(in));
            }
            TraceHeader header = new TraceHeader(entries);
            if (!header.get(ENGINE).equals(engine())) {
                throw new TraceException("another version of Umbra wrote it, whose events have other numbers");
            }
            return header;
        } catch (EOFException e) {
            throw new TraceException("it ends in its header");
        }
    }

    /** Whether a file looks like a trace. */
    static boolean begins(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
            return in.readLong() == MAGIC;
        } catch (EOFException e) {
            return false;
        }
    }

    private static String text(DataInputStream in) throws IOException, TraceException {
        int length = in.readInt();
        if (length < 0 || length > MOST_BYTES) {
            throw new TraceException("its header is broken");
        }
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException();
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Lines for people. */
    public String text() {
        StringBuilder text = new StringBuilder();
        entries.forEach((name, value) ->
                text.append("%-14s %s\n".formatted(name.startsWith(FOR_PEOPLE) ? name.substring(1) : name, value)));
        return text.toString();
    }
}
