package io.umbra.vmm.migrate;

import io.umbra.vmm.state.StateException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** Reads headers and records, and refuses what is none. Memory is taken for what is really there, whatever length a record claims. */
public final class StreamReader {
    /** Bytes of a stream that tell whether it is one. */
    public static final int RECOGNISED_BY = 12;

    private final InputStream source;
    private final CRC32C checksum = new CRC32C();
    private int version;
    private byte[] body = {};
    private boolean isSummed;

    public StreamReader(InputStream source) {
        this.source = source;
    }

    /** Whether a file that begins so is, or was meant to be, a stream. */
    public static boolean recognises(byte[] start) {
        if (start.length < RECOGNISED_BY) {
            return false;
        }
        ByteBuffer header = ByteBuffer.wrap(start);
        return header.getLong() == StreamLayout.MARKER && header.getInt() == StreamLayout.ID;
    }

    /**
     * Reads both headers.
     *
     * @throws StateException when this is no stream of an HVM guest in a version from 2 to 3
     */
    public void begin() throws IOException, StateException {
        byte[] start = source.readNBytes(StreamLayout.IMAGE_HEADER);
        if (!recognises(start)) {
            throw new StateException("this is no saved domain");
        }
        checksum.update(start, 0, start.length);
        if (start.length < StreamLayout.IMAGE_HEADER) {
            throw cut();
        }
        ByteBuffer image = ByteBuffer.wrap(start);
        version = image.getInt(12);
        if (version < StreamLayout.OLDEST_VERSION || version > StreamLayout.VERSION) {
            throw new StateException("version %d of the stream, and this program reads 2 and 3"
                    .formatted(Integer.toUnsignedLong(version)));
        }
        int options = image.getShort(16);
        if ((options & StreamLayout.BIG_ENDIAN) != 0) {
            throw new StateException("the stream is big-endian");
        }
        ByteBuffer domain = ByteBuffer.wrap(read(StreamLayout.DOMAIN_HEADER)).order(ByteOrder.LITTLE_ENDIAN);
        int type = domain.getInt();
        int shift = domain.getShort();
        if (type != StreamLayout.HVM || shift != StreamLayout.PAGE_SHIFT) {
            throw new StateException(
                    type == 1
                            ? "a PV guest, and this program restores HVM guests"
                            : "a guest of type %d with pages of 2^%d bytes"
                                    .formatted(Integer.toUnsignedLong(type), shift));
        }
    }

    /** Whether the stream has {@link RecordType#STATIC_DATA_END}. */
    public boolean marksStaticData() {
        return version >= StreamLayout.VERSION;
    }

    /**
     * The next record; its body is {@link #body} then. A checksum is compared, and must come right before the end.
     *
     * @return null for an optional record that is not known
     * @throws StateException also when the record must be known and is not
     */
    public @Nullable RecordType next() throws IOException, StateException {
        int before = (int) checksum.getValue();
        ByteBuffer header = ByteBuffer.wrap(read(StreamLayout.RECORD_HEADER)).order(ByteOrder.LITTLE_ENDIAN);
        int number = header.getInt();
        int length = header.getInt();
        RecordType type = RecordType.of(number);
        if (type == null && !RecordType.isOptional(number)) {
            throw new StateException(
                    "it has a record of type " + RecordType.describe(number) + ", which this program cannot read");
        }
        if (length < 0) {
            throw new StateException("a record of " + Integer.toUnsignedLong(length) + " bytes");
        }
        body = read(length);
        for (byte padding : read(StreamLayout.padding(length))) {
            if (padding != 0) {
                throw new StateException("a record is padded with something");
            }
        }
        if (type == RecordType.CHECKSUM) {
            compare(before);
        }
        if (type == RecordType.END && !isSummed) {
            throw new StateException("its checksum is missing");
        }
        isSummed = type == RecordType.CHECKSUM;
        return type;
    }

    private void compare(int sum) throws StateException {
        if (body.length != Integer.BYTES
                || ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN).getInt() != sum) {
            throw new StateException("the checksum is wrong: the stream is damaged");
        }
    }

    /** Of the record that {@link #next} found. Good until the next call. */
    public byte[] body() {
        return body;
    }

    /** @throws StateException when something follows */
    public void end() throws IOException, StateException {
        if (source.read() >= 0) {
            throw new StateException("something follows its end");
        }
    }

    private byte[] read(int length) throws IOException, StateException {
        byte[] bytes = source.readNBytes(length);
        if (bytes.length < length) {
            throw cut();
        }
        checksum.update(bytes, 0, bytes.length);
        return bytes;
    }

    private static StateException cut() {
        return new StateException("the stream is cut short");
    }
}
