package io.umbra.vmm.device;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * QEMU's firmware configuration device: items of bytes by 16-bit key. A word written to port 0x510 selects an item, port 0x511 then gives its bytes one after the other; beyond the
 * end, and where there is no item, they are 0. Items cannot be written, and there is no DMA interface. Numbers are little-endian, but for those of the file directory. Source: QEMU
 * docs/specs/fw_cfg.
 */
public final class FirmwareConfig implements PortDevice, Persistent {
    private static final int SELECTOR = 0x510;
    private static final int DATA = 0x511;

    private static final int SIGNATURE = 0x00;
    private static final int INTERFACE = 0x01;
    private static final int DIRECTORY = 0x19;
    private static final int FIRST_FILE = 0x20;
    private static final int LONGEST_NAME = 55;
    private static final int DIRECTORY_ENTRY = 64;
    private static final int TRADITIONAL = 1;
    private static final byte[] NOTHING = {};

    private final Map<Integer, byte[]> items = new TreeMap<>();
    private final Map<String, byte[]> files = new TreeMap<>();
    private int selectedKey = SIGNATURE;
    private byte[] selected = NOTHING;
    private int position;

    /** With its signature and without files. */
    public FirmwareConfig() {
        items.put(SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
        addInt(INTERFACE, TRADITIONAL);
        listFiles();
        select(SIGNATURE);
    }

    /** Claims ports 0x510 and 0x511. */
    public void attach(PortBus bus) {
        bus.claim(SELECTOR, 2, this);
    }

    /** Sets an item. */
    public void add(int key, byte[] content) {
        items.put(key, content.clone());
    }

    /** Sets an item of two bytes. */
    public void addShort(int key, int value) {
        add(key, Arrays.copyOf(littleEndian(value), 2));
    }

    /** Sets an item of four bytes. */
    public void addInt(int key, int value) {
        add(key, Arrays.copyOf(littleEndian(value), 4));
    }

    /** Sets an item of eight bytes. */
    public void addLong(int key, long value) {
        add(key, littleEndian(value));
    }

    private static byte[] littleEndian(long value) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
    }

    /**
     * Adds a file. Files have the keys from 0x20 on, in the order of their names.
     *
     * @throws IllegalArgumentException if the name has more than 55 characters
     */
    public void addFile(String name, byte[] content) {
        if (name.length() > LONGEST_NAME) {
            throw new IllegalArgumentException("the name of a file is too long: " + name);
        }
        files.put(name, content.clone());
        listFiles();
    }

    private void listFiles() {
        ByteBuffer directory = ByteBuffer.allocate(4 + files.size() * DIRECTORY_ENTRY);
        directory.putInt(files.size());
        int key = FIRST_FILE;
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            items.put(key, file.getValue());
            int start = directory.position();
            directory.putInt(file.getValue().length).putShort((short) key).putShort((short) 0);
            directory.put(file.getKey().getBytes(StandardCharsets.US_ASCII));
            directory.position(start + DIRECTORY_ENTRY);
            key++;
        }
        items.put(DIRECTORY, directory.array());
    }

    private void select(int key) {
        selectedKey = key;
        selected = item(key);
        position = 0;
    }

    private byte[] item(int key) {
        return items.getOrDefault(key, NOTHING);
    }

    @Override
    public int width() {
        return 2;
    }

    /** The selector cannot be read. */
    @Override
    public long read(int port, int size) {
        return port == DATA && position < selected.length ? selected[position++] & 0xff : 0;
    }

    @Override
    public void write(int port, int size, long value) {
        if (port == SELECTOR && size == 2) {
            select((int) value & 0xffff);
        }
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "firmware-config";
    }

    /** The items, those with the content of files among them; the names of the files stand in the directory. */
    @Override
    public void save(StateWriter out) {
        out.word(items.size());
        items.forEach((key, content) -> {
            out.word(key);
            out.bytes(content);
        });
        out.word(selectedKey);
        out.word(position);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        items.clear();
        for (int left = in.between(0, 0x1_0000); left > 0; left--) {
            items.put(in.bits(0xffff), in.bytes());
        }
        select(in.bits(0xffff));
        position = in.between(0, selected.length);
    }
}
