package io.umbra.vmm;

import io.umbra.vmm.state.StateException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** A stream into the same thread: at each flush, which ends a record, the receiver takes what was written. */
final class Loopback extends OutputStream {
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private InputStream delivered = InputStream.nullInputStream();
    private @Nullable DomainReceiver receiver;

    void deliverTo(DomainReceiver target) {
        receiver = target;
    }

    /** Where the receiver reads. */
    InputStream source() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                return delivered.read();
            }

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                return delivered.read(target, offset, length);
            }
        };
    }

    @Override
    public void write(int value) {
        written.write(value);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        written.write(bytes, offset, length);
    }

    @Override
    public void flush() throws IOException {
        DomainReceiver target = receiver;
        delivered = new ByteArrayInputStream(written.toByteArray());
        written.reset();
        try {
            while (target != null && delivered.available() > 0) {
                target.receive();
            }
        } catch (StateException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    @Override
    public void close() {}
}
