package io.umbra.tools.trace;

import java.io.Closeable;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.jspecify.annotations.Nullable;

/** Writes a trace while the domain runs. Memory is bounded; nothing is allocated for an event. */
final class TraceWriter extends EventTrace implements Closeable {
    private static final int BUFFER = 1 << 16;
    /** Of one event, generously: a number takes 10 bytes at most. */
    private static final int MOST_BYTES = 10 * (EventKind.MOST_FIELDS + 2);

    private final OutputStream out;
    private final Deflater deflater = new Deflater(Deflater.BEST_SPEED);
    private final Runnable onFailure;
    private final byte[] buffer = new byte[BUFFER];
    private final int[] widths = new int[EventKind.values().length];
    private final long[] last = new long[EventKind.values().length * EventKind.MOST_FIELDS];
    private int used;
    private long lastTime;
    private @Nullable IOException failure;
    private boolean closed;

    /** @param onFailure called once, when the file takes nothing any more */
    TraceWriter(OutputStream file, TraceHeader header, Runnable onFailure) throws IOException {
        DataOutputStream data = new DataOutputStream(file);
        header.write(data);
        data.flush();
        this.out = new DeflaterOutputStream(file, deflater, BUFFER);
        this.onFailure = onFailure;
        for (EventKind kind : EventKind.values()) {
            widths[kind.ordinal()] = kind.fields().size();
        }
    }

    @Override
    void event(EventKind kind, long time, long a, long b, long c, long d, long e) {
        if (used + MOST_BYTES > BUFFER) {
            flush();
        }
        int number = kind.ordinal();
        buffer[used++] = (byte) number;
        put(time - lastTime);
        lastTime = time;
        int first = number * EventKind.MOST_FIELDS;
        int width = widths[number];
        if (width > 0) {
            put(first, a);
        }
        if (width > 1) {
            put(first + 1, b);
        }
        if (width > 2) {
            put(first + 2, c);
        }
        if (width > 3) {
            put(first + 3, d);
        }
        if (width > 4) {
            put(first + 4, e);
        }
    }

    private void put(int place, long value) {
        put(value - last[place]);
        last[place] = value;
    }

    private void put(long difference) {
        long left = difference << 1 ^ difference >> 63;
        while ((left & ~0x7FL) != 0) {
            buffer[used++] = (byte) (left | 0x80);
            left >>>= 7;
        }
        buffer[used++] = (byte) left;
    }

    private void flush() {
        try {
            if (failure == null) {
                out.write(buffer, 0, used);
            }
        } catch (IOException e) {
            failure = e;
            onFailure.run();
        }
        used = 0;
    }

    /** @throws IOException also when something could not be written before */
    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        flush();
        try {
            if (failure != null) {
                throw failure;
            }
        } finally {
            out.close();
            deflater.end();
        }
    }
}
