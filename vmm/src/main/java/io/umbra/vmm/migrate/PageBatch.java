package io.umbra.vmm.migrate;

import io.umbra.vmm.state.StateException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Frames on their way into PAGE_DATA records:
 *
 * <pre>
 *   4 count | 4 zero | for each frame 8: type and frame number, as {@link PageType} says | the data of those that have some, 4 KiB each
 * </pre>
 */
public final class PageBatch {
    /** Frames of a record, as Xen batches them. */
    public static final int MOST = 1024;

    /** Bytes of a frame. */
    public static final int PAGE = 4096;

    private static final int HEADER = 8;
    private static final byte[] ZEROES = new byte[PAGE];

    private final StreamWriter target;
    private final long[] frames = new long[MOST];
    private final byte[] data = new byte[MOST * PAGE];
    private final byte[] body = new byte[HEADER + MOST * (Long.BYTES + PAGE)];
    private int count;
    private int filled;

    public PageBatch(StreamWriter target) {
        this.target = target;
    }

    /** Where the bytes of a frame come from. */
    @FunctionalInterface
    public interface Source {
        /** Copies the frame to {@code target} at {@code index}. */
        void copy(byte[] target, int index);
    }

    /**
     * A frame that is memory: its data, or that it is zero.
     *
     * @return bytes that it takes in the stream
     */
    public int memory(long gfn, Source source) throws IOException {
        source.copy(data, filled);
        boolean isZero = Arrays.equals(data, filled, filled + PAGE, ZEROES, 0, PAGE);
        filled += isZero ? 0 : PAGE;
        add(isZero ? PageType.ZERO : PageType.NORMAL, gfn);
        return Long.BYTES + (isZero ? 0 : PAGE);
    }

    /** A frame that is no memory, any more. */
    public void nothing(long gfn) throws IOException {
        add(PageType.NONE, gfn);
    }

    private void add(PageType type, long gfn) throws IOException {
        frames[count++] = type.word(gfn);
        if (count == MOST) {
            flush();
        }
    }

    /** Writes what was added since the last record. */
    public void flush() throws IOException {
        if (count == 0) {
            return;
        }
        ByteBuffer record = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
        record.putInt(count).putInt(0);
        for (int i = 0; i < count; i++) {
            record.putLong(frames[i]);
        }
        record.put(data, 0, filled);
        target.record(RecordType.PAGE_DATA, body, record.position());
        count = 0;
        filled = 0;
    }

    /** Who takes frames out of a record. */
    public interface Sink {
        /** @param index of the frame's 4 KiB in {@code body}, if the type has data */
        void page(PageType type, long gfn, byte[] body, int index) throws StateException;
    }

    /** Takes a record apart. */
    public static void read(byte[] body, Sink sink) throws StateException {
        ByteBuffer record = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
        if (body.length < HEADER) {
            throw new StateException("a record of pages of " + body.length + " bytes");
        }
        int count = record.getInt(0);
        if (count < 0 || count > (body.length - HEADER) / Long.BYTES) {
            throw new StateException("a record of pages that is too short");
        }
        int index = HEADER + count * Long.BYTES;
        for (int i = 0; i < count; i++) {
            long word = record.getLong(HEADER + i * Long.BYTES);
            PageType type = PageType.of(word);
            if (type.hasData() && body.length - index < PAGE) {
                throw new StateException("a record of pages that lacks some of their data");
            }
            sink.page(type, word & PageType.FRAME, body, index);
            index += type.hasData() ? PAGE : 0;
        }
        if (index != body.length) {
            throw new StateException("a record of pages with %d bytes too many".formatted(body.length - index));
        }
    }
}
