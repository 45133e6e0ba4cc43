package io.umbra.vmm.xen;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The hypervisor's end of a guest's xenstore page: requests go to a {@link Store}, replies and watch events come back as there is room. Xen: public header io/xs_wire.h.
 *
 * <pre>
 *  0x000 req[1024]   0x400 rsp[1024]   0x800 req_cons  0x804 req_prod  0x808 rsp_cons  0x80C rsp_prod (u32, running freely)
 *  message: u32 type, u32 request, u32 transaction, u32 length, payload
 * </pre>
 */
public final class StoreRing {
    private static final int REQUESTS = 0, RESPONSES = 0x400, BYTES = 1024;
    private static final int REQUEST_CONSUMED = 0x800, REQUEST_PRODUCED = 0x804;
    private static final int RESPONSE_CONSUMED = 0x808, RESPONSE_PRODUCED = 0x80C;
    private static final int HEADER = 16;
    private static final int LARGEST_PAYLOAD = 4096;

    private final SharedMemory memory;
    private final long page;
    private final Store store;
    /** Of a request that is not complete yet. */
    private final byte[] request = new byte[HEADER + LARGEST_PAYLOAD];

    private int received;
    /** What does not fit into the ring yet, message by message; and how much of the first is there. */
    private final Deque<byte[]> waiting = new ArrayDeque<>();

    private int sent;
    private boolean broken;

    public StoreRing(SharedMemory memory, long frame, Store store) {
        this.memory = memory;
        this.page = frame << 12;
        this.store = store;
    }

    /**
     * Serves what the guest has asked for. A guest that breaks the protocol is not served any more.
     *
     * @return whether the guest has something to look at
     */
    public boolean serve() {
        boolean moved = false;
        boolean again = !broken;
        while (again) {
            boolean read = waiting.isEmpty() && receive();
            boolean wrote = send();
            moved |= read || wrote;
            again = (read || wrote) && !broken;
        }
        return moved;
    }

    /** Takes bytes of one request at most. @return whether there were any */
    private boolean receive() {
        int consumed = memory.readInt(page + REQUEST_CONSUMED);
        int available = memory.readInt(page + REQUEST_PRODUCED) - consumed;
        if (available < 0 || available > BYTES) {
            broken = true;
            return false;
        }
        int taken = 0;
        while (taken < available && received < needed() && !broken) {
            request[received++] = (byte) memory.readByte(page + REQUESTS + (consumed + taken & BYTES - 1));
            taken++;
        }
        memory.writeInt(page + REQUEST_CONSUMED, consumed + taken);
        if (received >= HEADER && received == needed()) {
            answer();
            received = 0;
        }
        return taken != 0;
    }

    private int needed() {
        if (received < HEADER) {
            return HEADER;
        }
        int length = ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN).getInt(12);
        if (length < 0 || length > LARGEST_PAYLOAD) {
            broken = true;
            return HEADER;
        }
        return HEADER + length;
    }

    private void answer() {
        ByteBuffer in = ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN);
        byte[] payload = java.util.Arrays.copyOfRange(request, HEADER, received);
        for (Store.Message message : store.request(in.getInt(0), payload)) {
            boolean isReply = message.type() != Store.WATCH_EVENT;
            waiting.add(ByteBuffer.allocate(HEADER + message.payload().length())
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(message.type())
                    .putInt(isReply ? in.getInt(4) : 0)
                    .putInt(isReply ? in.getInt(8) : 0)
                    .putInt(message.payload().length())
                    .put(message.payload().getBytes(java.nio.charset.StandardCharsets.ISO_8859_1))
                    .array());
        }
    }

    /** @return whether any byte could be put into the ring */
    private boolean send() {
        boolean moved = false;
        int produced = memory.readInt(page + RESPONSE_PRODUCED);
        int used = produced - memory.readInt(page + RESPONSE_CONSUMED);
        if (used < 0 || used > BYTES) {
            broken = true;
            return false;
        }
        for (byte[] first = waiting.peek(); first != null && used < BYTES; first = waiting.peek()) {
            memory.writeByte(page + RESPONSES + (produced & BYTES - 1), first[sent++]);
            produced++;
            used++;
            moved = true;
            if (sent == first.length) {
                waiting.remove();
                sent = 0;
            }
        }
        memory.writeInt(page + RESPONSE_PRODUCED, produced);
        return moved;
    }
}
