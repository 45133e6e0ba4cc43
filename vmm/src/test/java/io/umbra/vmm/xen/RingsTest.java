package io.umbra.vmm.xen;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.xen.Store.Message;
import io.umbra.x86.MachineMemory;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The console's page and the xenstore's, with a well-behaved guest at the other end and with a hostile one. */
class RingsTest {
    private static final long PAGE = 4096;

    private final MachineMemory memory = new MachineMemory(4);
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final ConsoleRing console = new ConsoleRing(SharedMemory.of(memory), 1, printed::write);
    private final Store store =
            new Store(1, Map.of("/local/domain/1/memory/target", "4096", "/local/domain/1/name", "umbra"));
    private final StoreRing ring = new StoreRing(SharedMemory.of(memory), 1, store);

    @AfterEach
    void close() {
        memory.close();
    }

    // ---- console
    // --------------------------------------------------------------------------------------------------------------------

    @Test
    void outputWrapsAroundTheRing() {
        memory.writeInt(PAGE + 0xC08, 2046);
        memory.writeInt(PAGE + 0xC0C, 2050);
        memory.writeByte(PAGE + 0x400 + 2046, 'a');
        memory.writeByte(PAGE + 0x400 + 2047, 'b');
        memory.writeByte(PAGE + 0x400, 'c');
        memory.writeByte(PAGE + 0x401, 'd');
        assertThat(console.drain()).isTrue();
        assertThat(printed.toString(StandardCharsets.US_ASCII)).isEqualTo("abcd");
        assertThat(memory.readInt(PAGE + 0xC08)).isEqualTo(2050);
        assertThat(console.drain()).isFalse();
    }

    @Test
    void senselessNumbersPrintNothing() {
        memory.writeInt(PAGE + 0xC0C, 3000);
        console.drain();
        memory.writeInt(PAGE + 0xC0C, -7);
        console.drain();
        memory.writeInt(PAGE + 0xC04, 5000);
        assertThat(console.room()).isZero();
        memory.writeInt(PAGE + 0xC00, 6000);
        assertThat(console.room()).isZero();
        assertThat(printed.size()).isZero();
    }

    // ---- store
    // ----------------------------------------------------------------------------------------------------------------------

    private static byte[] message(int type, int id, String payload) {
        return ByteBuffer.allocate(16 + payload.length())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(type)
                .putInt(id)
                .putInt(0)
                .putInt(payload.length())
                .put(payload.getBytes(StandardCharsets.ISO_8859_1))
                .array();
    }

    private void send(byte[] bytes) {
        int produced = memory.readInt(PAGE + 0x804);
        for (byte each : bytes) {
            memory.writeByte(PAGE + (produced++ & 1023), each);
        }
        memory.writeInt(PAGE + 0x804, produced);
    }

    /** Takes what is in the ring. */
    private byte[] receive() {
        int consumed = memory.readInt(PAGE + 0x808);
        byte[] bytes = new byte[memory.readInt(PAGE + 0x80C) - consumed];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) memory.readByte(PAGE + 0x400 + (consumed + i & 1023));
        }
        memory.writeInt(PAGE + 0x808, consumed + bytes.length);
        return bytes;
    }

    private static List<Message> parse(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<Message> messages = new ArrayList<>();
        while (buffer.hasRemaining()) {
            int type = buffer.getInt();
            buffer.getLong();
            byte[] payload = new byte[buffer.getInt()];
            buffer.get(payload);
            messages.add(new Message(type, new String(payload, StandardCharsets.ISO_8859_1)));
        }
        return messages;
    }

    private List<Message> ask(int type, String payload) {
        send(message(type, 7, payload));
        assertThat(ring.serve()).isTrue();
        return parse(receive());
    }

    @Test
    void valuesAreReadAndWritten() {
        assertThat(ask(2, "memory/target\0")).containsExactly(new Message(2, "4096"));
        assertThat(ask(2, "no/such\0")).containsExactly(new Message(16, "ENOENT\0"));
        assertThat(ask(11, "control/feature\0" + "1")).containsExactly(new Message(11, "OK\0"));
        assertThat(ask(2, "/local/domain/1/control/feature\0")).containsExactly(new Message(2, "1"));
        assertThat(ask(1, "\0")).containsExactly(new Message(1, "control\0memory\0name\0"));
        assertThat(ask(11, "/local/domain/12/x\0" + "1")).containsExactly(new Message(16, "EACCES\0"));
        assertThat(ask(13, "control\0")).containsExactly(new Message(13, "OK\0"));
        assertThat(ask(2, "control/feature\0")).containsExactly(new Message(16, "ENOENT\0"));
        assertThat(ask(99, "\0")).containsExactly(new Message(16, "ENOSYS\0"));
    }

    @Test
    void aWatchFiresAtOnceAndWithEachChangeBelow() {
        assertThat(ask(4, "control/shutdown\0token\0"))
                .containsExactly(new Message(4, "OK\0"), new Message(15, "control/shutdown\0token\0"));
        assertThat(ask(11, "control/shutdown\0poweroff"))
                .containsExactly(new Message(11, "OK\0"), new Message(15, "control/shutdown\0token\0"));
        assertThat(ask(4, "control/shutdown\0token\0")).containsExactly(new Message(16, "EEXIST\0"));
        assertThat(ask(5, "control/shutdown\0token\0")).containsExactly(new Message(5, "OK\0"));
        assertThat(ask(11, "control/shutdown\0")).containsExactly(new Message(11, "OK\0"));
    }

    @Test
    void aReplyThatDoesNotFitComesWhenThereIsRoom() {
        String value = "v".repeat(1500);
        byte[] request = message(11, 1, "long\0" + value);
        send(java.util.Arrays.copyOf(request, 1000));
        ring.serve();
        send(java.util.Arrays.copyOfRange(request, 1000, request.length));
        ring.serve();
        assertThat(parse(receive())).containsExactly(new Message(11, "OK\0"));
        send(message(2, 2, "long\0"));
        ring.serve();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.writeBytes(receive());
        assertThat(whole.size()).isEqualTo(1024);
        ring.serve();
        whole.writeBytes(receive());
        assertThat(parse(whole.toByteArray())).containsExactly(new Message(2, value));
    }

    @Test
    void aGuestThatBreaksTheProtocolIsNotServedAnyMore() {
        SplittableRandom random = new SplittableRandom(11);
        for (int i = 0; i < 2000; i++) {
            memory.writeInt(
                    PAGE + 0x800 + 4L * random.nextInt(4),
                    random.nextInt(8) == 0 ? random.nextInt() : random.nextInt(2000));
            memory.writeByte(PAGE + random.nextInt(1024), random.nextInt(20));
            ring.serve();
        }
        memory.writeInt(PAGE + 0x804, memory.readInt(PAGE + 0x800) + 1025);
        ring.serve();
        assertThat(ring.serve()).isFalse();
    }
}
