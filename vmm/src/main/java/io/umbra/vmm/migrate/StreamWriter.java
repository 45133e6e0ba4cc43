package io.umbra.vmm.migrate;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Writes headers and records. The order of records is the caller's affair. */
public final class StreamWriter {
    private static final byte[] ZEROES = new byte[StreamLayout.ALIGNMENT];

    private final OutputStream target;
    private final CRC32C checksum = new CRC32C();

    /** @param target is flushed when the headers are complete, and after each record */
    public StreamWriter(OutputStream target) {
        this.target = target;
    }

    /** Both headers. */
    public void begin() throws IOException {
        ByteBuffer image = ByteBuffer.allocate(StreamLayout.IMAGE_HEADER);
        image.putLong(StreamLayout.MARKER).putInt(StreamLayout.ID).putInt(StreamLayout.VERSION);
        write(image.array(), StreamLayout.IMAGE_HEADER);
        ByteBuffer domain = ByteBuffer.allocate(StreamLayout.DOMAIN_HEADER).order(ByteOrder.LITTLE_ENDIAN);
        domain.putInt(StreamLayout.HVM).putShort((short) StreamLayout.PAGE_SHIFT);
        write(domain.array(), StreamLayout.DOMAIN_HEADER);
        target.flush();
    }

    public void record(RecordType type, byte[] body) throws IOException {
        record(type, body, body.length);
    }

    /** @param length bytes of {@code body} that count */
    public void record(RecordType type, byte[] body, int length) throws IOException {
        ByteBuffer header = ByteBuffer.allocate(StreamLayout.RECORD_HEADER).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(type.number()).putInt(length);
        write(header.array(), StreamLayout.RECORD_HEADER);
        write(body, length);
        write(ZEROES, StreamLayout.padding(length));
        target.flush();
    }

    /** The checksum of all that was written, and the end. */
    public void end() throws IOException {
        ByteBuffer sum = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        record(RecordType.CHECKSUM, sum.putInt((int) checksum.getValue()).array());
        record(RecordType.END, new byte[0]);
    }

    private void write(byte[] bytes, int length) throws IOException {
        checksum.update(bytes, 0, length);
        target.write(bytes, 0, length);
    }
}
