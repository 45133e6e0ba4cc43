package io.umbra.vmm;

import io.umbra.vmm.device.FirmwareConfig;
import io.umbra.vmm.loader.LoadRequest;
import io.umbra.vmm.loader.MemoryMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The items of the firmware configuration device that this machine has, numbered as QEMU's. */
final class FirmwareItems {
    private static final int RAM_SIZE = 0x03;
    private static final int NO_GRAPHIC = 0x04;
    private static final int PROCESSORS = 0x05;
    private static final int INITRD_SIZE = 0x0B;
    private static final int MOST_PROCESSORS = 0x0F;
    private static final int INITRD_CONTENT = 0x12;
    private static final int COMMAND_LINE_SIZE = 0x14;
    private static final int COMMAND_LINE = 0x15;
    private static final int IRQ0_OVERRIDE = 0x8002;
    private static final String MEMORY_MAP = "etc/e820";
    private static final int MAP_ENTRY = 20;

    private FirmwareItems() {}

    static FirmwareConfig of(MemoryMap map) {
        FirmwareConfig config = new FirmwareConfig();
        config.addLong(RAM_SIZE, map.size());
        config.addShort(NO_GRAPHIC, 1);
        config.addShort(PROCESSORS, 1);
        config.addShort(MOST_PROCESSORS, 1);
        config.addInt(IRQ0_OVERRIDE, 1);
        config.addFile(MEMORY_MAP, entries(map));
        return config;
    }

    private static byte[] entries(MemoryMap map) {
        ByteBuffer entries =
                ByteBuffer.allocate(map.ranges().size() * MAP_ENTRY).order(ByteOrder.LITTLE_ENDIAN);
        for (MemoryMap.Range range : map.ranges()) {
            entries.putLong(range.start())
                    .putLong(range.length())
                    .putInt(range.kind().number());
        }
        return entries.array();
    }

    /** What the guest was started with: the command line with its NUL, and the initial RAM disk or first module. */
    static void add(FirmwareConfig config, LoadRequest request) {
        byte[] initrd = request.modules().isEmpty()
                ? new byte[0]
                : request.modules().getFirst().content();
        byte[] characters = request.commandLine().getBytes(StandardCharsets.UTF_8);
        config.addInt(COMMAND_LINE_SIZE, characters.length + 1);
        config.add(COMMAND_LINE, Arrays.copyOf(characters, characters.length + 1));
        config.addInt(INITRD_SIZE, initrd.length);
        config.add(INITRD_CONTENT, initrd);
    }
}
