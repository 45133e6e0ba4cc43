package io.umbra.vmm;

import java.io.ByteArrayOutputStream;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Bytes on their way from the user to the guest's serial port. Filled by one thread, emptied by the run loop. */
public sealed class ConsoleInput permits RecordedInput, ReplayedInput {
    private final LinkedBlockingQueue<byte[]> waiting = new LinkedBlockingQueue<>();
    private byte @Nullable [] current;
    private int consumed;
    private volatile boolean closed;

    /** Nothing typed yet. */
    public ConsoleInput() {}

    /** Input that is at its end from the start. */
    public static ConsoleInput none() {
        ConsoleInput input = new ConsoleInput();
        input.close();
        return input;
    }

    public void type(byte[] bytes) {
        waiting.add(bytes.clone());
    }

    /** Nothing will be typed any more. */
    public void close() {
        closed = true;
    }

    /** More may come. */
    public boolean isOpen() {
        return !closed || current != null || !waiting.isEmpty();
    }

    /** At most {@code limit} bytes that were typed; empty when there are none now. */
    public byte[] take(int limit) {
        byte[] bytes = current != null ? current : waiting.poll();
        if (bytes == null || limit <= 0) {
            return new byte[0];
        }
        int count = Math.min(limit, bytes.length - consumed);
        byte[] taken = java.util.Arrays.copyOfRange(bytes, consumed, consumed + count);
        consumed += count;
        current = consumed == bytes.length ? null : bytes;
        consumed = current == null ? 0 : consumed;
        return taken;
    }

    /** The run loop looks whether something was typed. */
    void looked() {}

    /** What was typed and not taken; it stays. */
    byte[] waiting() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] bytes = current;
        if (bytes != null) {
            all.write(bytes, consumed, bytes.length - consumed);
        }
        waiting.forEach(all::writeBytes);
        return all.toByteArray();
    }

    /** Bytes that come before all that was typed. To be called before anything is taken. */
    void typedBefore(byte[] bytes) {
        if (bytes.length > 0) {
            current = bytes.clone();
            consumed = 0;
        }
    }

    /** Waits until something is typed, but not longer than {@code milliseconds}. */
    public void await(long milliseconds) {
        if (current != null) {
            return;
        }
        try {
            byte[] bytes = waiting.poll(milliseconds, TimeUnit.MILLISECONDS);
            if (bytes != null) {
                current = bytes;
                consumed = 0;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
