package io.umbra.vmm.loader;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The page of boot parameters that tells a Linux kernel, of 32 or 64 bits, what it was started with. Source: Linux
 * Documentation/arch/x86/zero-page.rst.
 */
final class ZeroPage {
    private static final int SIZE = 4096;
    private static final int RSDP = 0x070;
    private static final int INITRD_HIGH = 0x0c0;
    private static final int INITRD_SIZE_HIGH = 0x0c4;
    private static final int E820_COUNT = 0x1e8;
    private static final int E820 = 0x2d0;
    private static final int E820_ENTRY = 20;
    private static final int LOADER_UNDEFINED = 0xff;
    private static final int LOADED_HIGH = 0x01;

    private ZeroPage() {}

    /** The setup header, from 0x1f1 on, that a kernel without one is given. */
    static byte[] defaultHeader() {
        byte[] start = new byte[SetupHeader.END];
        ByteBuffer page = LowMemory.littleEndian(start);
        page.putShort(SetupHeader.BOOT_FLAG, (short) 0xaa55);
        page.putInt(SetupHeader.MAGIC, 0x5372_6448);
        page.putShort(SetupHeader.VERSION, (short) 0x020f);
        page.putInt(SetupHeader.ALIGNMENT, 0x100_0000);
        return Arrays.copyOfRange(start, SetupHeader.START, SetupHeader.END);
    }

    /**
     * Puts the page at its place.
     *
     * @param header the setup header, from 0x1f1 on
     * @param code32 where the protected-mode part lies, 0 if none was loaded
     */
    static void write(
            GuestPhysicalMemory memory, byte[] header, long code32, LowMemory.Placed initrd, LoadRequest request)
            throws LoadException {
        byte[] zeroPage = new byte[SIZE];
        ByteBuffer page = LowMemory.littleEndian(zeroPage);
        page.put(SetupHeader.START, header);
        page.putLong(RSDP, request.rsdp());
        page.put(SetupHeader.LOADER_TYPE, (byte) LOADER_UNDEFINED);
        page.put(SetupHeader.LOAD_FLAGS, (byte) LOADED_HIGH);
        page.putInt(SetupHeader.CODE32_START, (int) code32);
        page.putInt(SetupHeader.INITRD, (int) initrd.start());
        page.putInt(SetupHeader.INITRD_SIZE, (int) initrd.size());
        page.putInt(INITRD_HIGH, (int) (initrd.start() >>> 32));
        page.putInt(INITRD_SIZE_HIGH, (int) (initrd.size() >>> 32));
        page.putInt(SetupHeader.COMMAND_LINE, (int) LowMemory.COMMAND_LINE);
        page.putLong(SetupHeader.SETUP_DATA, 0);
        int at = E820;
        for (MemoryMap.Range range : request.memoryMap().ranges()) {
            page.putLong(at, range.start());
            page.putLong(at + 8, range.length());
            page.putInt(at + 16, range.kind().number());
            at += E820_ENTRY;
        }
        page.put(E820_COUNT, (byte) request.memoryMap().ranges().size());
        memory.write(LowMemory.ZERO_PAGE, zeroPage, 0, SIZE);
    }
}
