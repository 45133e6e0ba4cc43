package io.umbra.tools.trace;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.InflaterInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/** Reads a trace, event by event, in bounded memory. Whatever the file holds, what is wrong with it is one line. */
public final class TraceReader implements Closeable {
    private static final int BUFFER = 1 << 16;
    private static final EventKind[] KINDS = EventKind.values();

    private final InputStream file;
    private final InputStream events;
    private final TraceHeader header;
    private final int[] widths = new int[KINDS.length];
    private final long[] last = new long[KINDS.length * EventKind.MOST_FIELDS];
    private long lastTime;
    private long read;
    private boolean ended;

    /** @throws IOException when the file cannot be read, with the system's message */
    public TraceReader(Path path) throws IOException, TraceException {
        file = new BufferedInputStream(Files.newInputStream(path), BUFFER);
        try {
            header = TraceHeader.read(new DataInputStream(file));
        } catch (IOException | TraceException e) {
            file.close();
            throw e;
        }
        events = new BufferedInputStream(new InflaterInputStream(file), BUFFER);
        for (EventKind kind : KINDS) {
            widths[kind.ordinal()] = kind.fields().size();
        }
    }

    public TraceHeader header() {
        return header;
    }

    /** Events read so far. */
    public long count() {
        return read;
    }

    /** The next event; null behind the end. */
    public @Nullable TraceEvent next() throws IOException, TraceException {
        if (ended) {
            return null;
        }
        try {
            int number = events.read();
            if (number < 0) {
                throw new EOFException();
            }
            if (number >= KINDS.length) {
                throw broken();
            }
            lastTime += number();
            List<Long> values = new ArrayList<>(EventKind.MOST_FIELDS);
            for (int i = 0; i < widths[number]; i++) {
                int place = number * EventKind.MOST_FIELDS + i;
                last[place] += number();
                values.add(last[place]);
            }
            read++;
            ended = KINDS[number] == EventKind.END;
            if (ended && events.read() >= 0) {
                throw new TraceException("it goes on behind its end");
            }
            return new TraceEvent(KINDS[number], lastTime, values);
        } catch (EOFException e) {
            throw new TraceException("it was cut off behind " + read + " events");
        } catch (ZipException e) {
            throw broken();
        }
    }

    private TraceException broken() {
        return new TraceException("it is broken behind " + read + " events");
    }

    private long number() throws IOException, TraceException {
        long coded = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            int next = events.read();
            if (next < 0) {
                throw new EOFException();
            }
            coded |= (long) (next & 0x7F) << shift;
            if (next < 0x80) {
                return coded >>> 1 ^ -(coded & 1);
            }
        }
        throw broken();
    }

    @Override
    public void close() throws IOException {
        events.close();
    }
}
