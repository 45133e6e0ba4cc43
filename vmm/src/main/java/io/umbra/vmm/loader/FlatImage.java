package io.umbra.vmm.loader;

/**
 * A flat image: 64-bit code that is put into memory as it is. The file starts with a header of 32 bytes, little-endian:
 *
 * <pre>
 *   offset  size
 *   0       8     magic, the characters UMBRAFLT
 *   8       8     load address: a multiple of 4 KiB, 1 MiB or more
 *   16      8     entry address: inside the image, behind the header
 *   24      8     reserved, 0
 * </pre>
 *
 * The whole file, header included, goes to the load address; memory behind it is zero. It is entered in 64-bit mode at the
 * entry address with interrupts off and no IDT, the first 4 GiB mapped to themselves in 2 MiB pages (PML4 at 0x9000), RDI
 * the address of the command line, ended by NUL, RSI the bytes of RAM, and RSP = 0x9f000, the top of a stack of 444 KiB.
 * There is no initrd.
 */
public final class FlatImage implements GuestImage {
    static final String MAGIC = "UMBRAFLT";
    private static final int HEADER = 32;
    private static final long FRAME = 4096;

    private final ImageBytes image;
    private final long loadAddress;
    private final long entry;

    private FlatImage(ImageBytes image, long loadAddress, long entry) {
        this.image = image;
        this.loadAddress = loadAddress;
        this.entry = entry;
    }

    static FlatImage parse(ImageBytes image) throws LoadException {
        long loadAddress = image.u64(8);
        long entry = image.u64(16);
        if (image.u64(24) != 0) {
            throw image.wrong("the reserved field of its flat header is not 0");
        }
        if (loadAddress % FRAME != 0) {
            throw image.wrong("its load address %#x is no multiple of 4 KiB".formatted(loadAddress));
        }
        if (Long.compareUnsigned(entry - loadAddress, HEADER) < 0
                || Long.compareUnsigned(entry - loadAddress, image.length()) >= 0) {
            throw image.wrong("its entry address %#x is not inside the image at %#x".formatted(entry, loadAddress));
        }
        return new FlatImage(image, loadAddress, entry);
    }

    @Override
    public String kind() {
        return "flat image";
    }

    @Override
    public EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        MemoryMap map = request.memoryMap();
        LowMemory.requireMemory(image, map);
        LowMemory.requireRoom(image, loadAddress, image.length(), map);
        if (entry >= MemoryMap.HOLE_END) {
            throw image.wrong("its entry address %#x lies beyond the 4 GiB that are mapped".formatted(entry));
        }
        if (!request.modules().isEmpty()) {
            throw image.wrong("a flat image takes no initrd");
        }
        memory.write(loadAddress, image.content(), 0, image.length());
        LowMemory.writeCommandLine(image, memory, request.commandLine(), LowMemory.COMMAND_LINE_SPACE);
        LowMemory.writeLongModeTables(memory);
        return new EntryState.LongMode(
                entry,
                LowMemory.FLAT_STACK,
                map.size(),
                LowMemory.PML4,
                LowMemory.GDT,
                LowMemory.GDT_LIMIT,
                LowMemory.COMMAND_LINE);
    }
}
