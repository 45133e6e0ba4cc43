package io.umbra.vmm.loader;

/**
 * A Linux bzImage. Its payload is decompressed here and the kernel inside, an ELF file, is entered at its 64-bit entry: none
 * of the image's own 16- and 32-bit code and none of its decompressor runs. Source: Linux Documentation/arch/x86/boot.rst.
 */
public final class LinuxBzImage implements GuestImage {
    private static final int SETUP_SECTS = 0x1f1;
    private static final int BOOT_FLAG = 0x1fe;
    private static final int HEADER_LENGTH = 0x201;
    private static final int MAGIC = 0x202;
    private static final int VERSION = 0x206;
    private static final int INITRD_LAST = 0x22c;
    private static final int COMMAND_LINE_SIZE = 0x238;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24c;
    private static final int FIRST_WITH_PAYLOAD = 0x0208;
    private static final int SECTOR = 512;

    private final ImageBytes image;
    private final byte[] header;
    private final long payload;
    private final long payloadLength;

    private LinuxBzImage(ImageBytes image, byte[] header, long payload, long payloadLength) {
        this.image = image;
        this.header = header;
        this.payload = payload;
        this.payloadLength = payloadLength;
    }

    static boolean isRecognised(ImageBytes image) throws LoadException {
        return image.startsWith(MAGIC, "HdrS") && image.u16(BOOT_FLAG) == 0xaa55;
    }

    static LinuxBzImage parse(ImageBytes image) throws LoadException {
        int version = image.u16(VERSION);
        if (version < FIRST_WITH_PAYLOAD) {
            throw image.wrong("a Linux kernel of boot protocol %d.%02d; the oldest that can be booted is 2.08"
                    .formatted(version >> 8, version & 0xff));
        }
        int setupSectors = image.u8(SETUP_SECTS) == 0 ? 4 : image.u8(SETUP_SECTS);
        long payload = (setupSectors + 1L) * SECTOR + image.u32(PAYLOAD_OFFSET);
        long payloadLength = image.u32(PAYLOAD_LENGTH);
        if (!image.holds(payload, payloadLength)) {
            throw image.wrong("truncated: its compressed kernel, %d bytes at %#x, runs past the end at %#x"
                    .formatted(payloadLength, payload, image.length()));
        }
        int headerEnd = Math.min(MAGIC + image.u8(HEADER_LENGTH), LinuxBoot.HEADER_END);
        byte[] header = image.slice(LinuxBoot.HEADER, headerEnd - LinuxBoot.HEADER);
        return new LinuxBzImage(image, header, payload, payloadLength);
    }

    @Override
    public String kind() {
        return "Linux bzImage";
    }

    @Override
    public EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        LowMemory.requireMemory(image, request.memoryMap());
        ElfFile kernel = kernel(request.memoryMap().size());
        return LinuxBoot.load(kernel, header, image.u32(COMMAND_LINE_SIZE), image.u32(INITRD_LAST), memory, request);
    }

    /** The kernel inside, of at most {@code limit} bytes. */
    ElfFile kernel(long limit) throws LoadException {
        byte[] unpacked = KernelPayload.unpack(image, payload, payloadLength, limit);
        ImageBytes inside = new ImageBytes(unpacked, image.name());
        if (!inside.startsWith(0, ElfFile.MAGIC)) {
            throw image.wrong("what its payload unpacks to is no ELF kernel");
        }
        ElfFile kernel = ElfFile.parse(inside);
        if (!kernel.isLongMode()) {
            throw image.wrong("a 32-bit Linux kernel cannot be booted");
        }
        return kernel;
    }
}
