package io.umbra.vmm.loader;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Enters a Linux kernel at the 64-bit entry of its ELF file, with a zero page. Source: Linux
 * Documentation/arch/x86/boot.rst and zero-page.rst.
 */
final class LinuxBoot {
    /** The setup header of a kernel that comes without one. */
    static final long DEFAULT_COMMAND_LINE_SIZE = 2047;

    static final long DEFAULT_INITRD_LAST = 0x7fff_ffffL;

    private static final int FRAME = 4096;
    static final int HEADER = 0x1f1;
    static final int HEADER_END = 0x290;
    private static final int RSDP = 0x070;
    private static final int INITRD_HIGH = 0x0c0;
    private static final int INITRD_SIZE_HIGH = 0x0c4;
    private static final int E820_COUNT = 0x1e8;
    private static final int BOOT_FLAG = 0x1fe;
    private static final int MAGIC = 0x202;
    private static final int VERSION = 0x206;
    private static final int LOADER_TYPE = 0x210;
    private static final int LOAD_FLAGS = 0x211;
    private static final int INITRD = 0x218;
    private static final int INITRD_SIZE = 0x21c;
    private static final int COMMAND_LINE = 0x228;
    private static final int ALIGNMENT = 0x230;
    private static final int SETUP_DATA = 0x250;
    private static final int E820 = 0x2d0;
    private static final int LOADER_UNDEFINED = 0xff;
    private static final int LOADED_HIGH = 0x01;

    private LinuxBoot() {}

    /**
     * Loads a kernel and all it is started with.
     *
     * @param elf the kernel
     * @param header the setup header for the zero page, from offset 0x1f1 on
     * @param commandLineSize the longest command line it takes
     * @param initrdLast the highest address that it reads an initrd from
     */
    static EntryState load(
            ElfFile elf,
            byte[] header,
            long commandLineSize,
            long initrdLast,
            GuestPhysicalMemory memory,
            LoadRequest request)
            throws LoadException {
        ImageBytes image = elf.image();
        MemoryMap map = request.memoryMap();
        LowMemory.requireMemory(image, map);
        long end = elf.load(memory, map);
        if (!elf.isLoaded(elf.entry()) || elf.entry() >= MemoryMap.HOLE_END) {
            throw image.wrong("its entry point %#x is no physical address inside the kernel".formatted(elf.entry()));
        }
        LowMemory.Placed initrd = LowMemory.writeInitrd(image, memory, request.initrd(), map, end, initrdLast);
        LowMemory.writeCommandLine(image, memory, request.commandLine(), commandLineSize);
        byte[] zeroPage = zeroPage(header, initrd, request);
        memory.write(LowMemory.ZERO_PAGE, zeroPage, 0, FRAME);
        LowMemory.writeLongModeTables(memory);
        return new EntryState.LongMode(
                elf.entry(),
                LowMemory.LINUX_STACK,
                LowMemory.ZERO_PAGE,
                LowMemory.PML4,
                LowMemory.GDT,
                LowMemory.GDT_LIMIT,
                0);
    }

    /** The fields of a setup header, from 0x1f1 on, that a kernel without one is given. */
    static byte[] defaultHeader() {
        byte[] start = new byte[HEADER_END];
        ByteBuffer page = LowMemory.littleEndian(start);
        page.putShort(BOOT_FLAG, (short) 0xaa55);
        page.putInt(MAGIC, 0x5372_6448);
        page.putShort(VERSION, (short) 0x020f);
        page.putInt(ALIGNMENT, 0x100_0000);
        return Arrays.copyOfRange(start, HEADER, HEADER_END);
    }

    private static byte[] zeroPage(byte[] header, LowMemory.Placed initrd, LoadRequest request) {
        byte[] zeroPage = new byte[FRAME];
        ByteBuffer page = LowMemory.littleEndian(zeroPage);
        page.put(HEADER, header);
        page.putLong(RSDP, request.rsdp());
        page.put(LOADER_TYPE, (byte) LOADER_UNDEFINED);
        page.put(LOAD_FLAGS, (byte) LOADED_HIGH);
        page.putInt(INITRD, (int) initrd.start());
        page.putInt(INITRD_SIZE, (int) initrd.size());
        page.putInt(INITRD_HIGH, (int) (initrd.start() >>> 32));
        page.putInt(INITRD_SIZE_HIGH, (int) (initrd.size() >>> 32));
        page.putInt(COMMAND_LINE, (int) LowMemory.COMMAND_LINE);
        page.putLong(SETUP_DATA, 0);
        int at = E820;
        for (MemoryMap.Range range : request.memoryMap().ranges()) {
            page.putLong(at, range.start());
            page.putLong(at + 8, range.length());
            page.putInt(at + 16, range.kind().number());
            at += 20;
        }
        page.put(E820_COUNT, (byte) request.memoryMap().ranges().size());
        return zeroPage;
    }
}
