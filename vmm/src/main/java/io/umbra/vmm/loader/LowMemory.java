package io.umbra.vmm.loader;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** What every loader puts below 1 MiB and at the top of RAM: tables, command line, initrd. The layout is the package's. */
final class LowMemory {
    static final long GDT = 0x500;
    static final int GDT_LIMIT = 4 * 8 - 1;
    static final long START_INFO = 0x1000;
    static final long ZERO_PAGE = 0x7000;
    static final long LINUX_STACK = 0x8ff0;
    static final long PML4 = 0x9000;
    static final long COMMAND_LINE = 0x2_0000;
    static final int COMMAND_LINE_SPACE = 0x1_0000;
    static final long FLAT_STACK = 0x9_f000;
    static final long END = MemoryMap.FIRMWARE_END;

    private static final long LEAST_MEMORY = 2 << 20;
    private static final int FRAME = 4096;
    private static final int TABLES = 6;
    private static final int ENTRIES = 512;
    private static final long TABLE_ENTRY = 0x3;
    private static final long LARGE_PAGE = 0x83;
    private static final long CODE_64 = 0x00af_9b00_0000_ffffL;
    private static final long CODE_32 = 0x00cf_9b00_0000_ffffL;
    private static final long DATA = 0x00cf_9300_0000_ffffL;

    private LowMemory() {}

    /** Where something lies: {@code size} bytes from {@code start}; both 0 for an initrd that there is not. */
    record Placed(long start, long size) {
        static final Placed NOWHERE = new Placed(0, 0);

        long end() {
            return start + size;
        }
    }

    /** Insists on an amount of RAM that holds the low layout. */
    static void requireMemory(ImageBytes image, MemoryMap map) throws LoadException {
        if (map.size() < LEAST_MEMORY) {
            throw image.wrong("does not fit in %d KiB of memory: 2 MiB are the least".formatted(map.size() / 1024));
        }
    }

    /** Insists that a part of an image goes to RAM and leaves the low layout alone. */
    static void requireRoom(ImageBytes image, long start, long size, MemoryMap map) throws LoadException {
        requireRoom(image, start, size, map, END);
    }

    /** Insists that a part of an image goes to RAM, to {@code least} at the lowest. */
    static void requireRoom(ImageBytes image, long start, long size, MemoryMap map, long least) throws LoadException {
        if (start >= 0 && start < least) {
            throw image.wrong("wants to lie at %#x, below 1 MiB, where the loader's tables are".formatted(start));
        }
        if (!map.isUsable(start, size)) {
            throw image.wrong("needs memory from %#x to %#x, which %d MiB of RAM do not have"
                    .formatted(start, start + size, map.size() >> 20));
        }
    }

    /** The GDT of {@link EntryState.LongMode} and pagetables that map the first 4 GiB to themselves. */
    static void writeLongModeTables(GuestPhysicalMemory memory) throws LoadException {
        writeSegments(memory, CODE_64);
        byte[] tables = new byte[TABLES * FRAME];
        ByteBuffer entries = littleEndian(tables);
        entries.putLong(0, PML4 + FRAME | TABLE_ENTRY);
        for (int directory = 0; directory < 4; directory++) {
            entries.putLong(FRAME + directory * 8, PML4 + (2L + directory) * FRAME | TABLE_ENTRY);
        }
        for (int page = 0; page < 4 * ENTRIES; page++) {
            entries.putLong(2 * FRAME + page * 8, (long) page << 21 | LARGE_PAGE);
        }
        memory.write(PML4, tables, 0, tables.length);
    }

    /** The GDT of {@link EntryState.Linux32}. */
    static void writeProtectedModeSegments(GuestPhysicalMemory memory) throws LoadException {
        writeSegments(memory, CODE_32);
    }

    private static void writeSegments(GuestPhysicalMemory memory, long code) throws LoadException {
        byte[] gdt = new byte[GDT_LIMIT + 1];
        littleEndian(gdt).putLong(EntryState.CODE_SELECTOR, code).putLong(EntryState.DATA_SELECTOR, DATA);
        memory.write(GDT, gdt, 0, gdt.length);
    }

    /** @throws LoadException if it holds a NUL or more than {@code most} bytes */
    static void writeCommandLine(ImageBytes image, GuestPhysicalMemory memory, String commandLine, long most)
            throws LoadException {
        byte[] bytes = commandLine.getBytes(StandardCharsets.UTF_8);
        long limit = Math.min(most, COMMAND_LINE_SPACE - 1);
        if (bytes.length > limit) {
            throw image.wrong("takes a command line of at most %d bytes, not of %d".formatted(limit, bytes.length));
        }
        if (commandLine.indexOf('\0') >= 0) {
            throw image.wrong("cannot take a command line with a NUL in it");
        }
        memory.write(COMMAND_LINE, bytes, 0, bytes.length);
        memory.zero(COMMAND_LINE + bytes.length, 1);
    }

    /**
     * Puts the initrd as high as RAM allows, from a multiple of 4 KiB on.
     *
     * @param from the end of the kernel
     * @param last the highest address that it may take
     */
    static Placed writeInitrd(
            ImageBytes image, GuestPhysicalMemory memory, byte[] initrd, MemoryMap map, long from, long last)
            throws LoadException {
        if (initrd.length == 0) {
            return Placed.NOWHERE;
        }
        long top = Math.min(map.lowEnd(), last + 1);
        long start = top - initrd.length & -(long) FRAME;
        if (start < Math.max(from, END)) {
            throw image.wrong("its initrd of %d KiB does not fit in memory between the kernel's end at %#x and %#x"
                    .formatted(Math.ceilDiv(initrd.length, 1024), from, top));
        }
        memory.write(start, initrd, 0, initrd.length);
        return new Placed(start, initrd.length);
    }

    /** A little-endian view of {@code bytes}. */
    static ByteBuffer littleEndian(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
