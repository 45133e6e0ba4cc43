package io.umbra.vmm.loader;

/**
 * The setup header of a bzImage, from file offset 0x1f1 on. A field that a kernel's boot protocol does not have yet reads
 * as the documentation says a loader must assume. Source: Linux Documentation/arch/x86/boot.rst, "Details of Header Fields".
 *
 * @param image the whole file
 * @param version boot protocol, major in bits 15..8
 */
record SetupHeader(ImageBytes image, int version) {
    /** Where the header starts, in the file as in the zero page. */
    static final int START = 0x1f1;

    /** Where it ends at the latest. */
    static final int END = 0x290;

    static final int BOOT_FLAG = 0x1fe;
    static final int MAGIC = 0x202;
    static final int VERSION = 0x206;
    static final int LOADER_TYPE = 0x210;
    static final int LOAD_FLAGS = 0x211;
    static final int CODE32_START = 0x214;
    static final int INITRD = 0x218;
    static final int INITRD_SIZE = 0x21c;
    static final int COMMAND_LINE = 0x228;
    static final int ALIGNMENT = 0x230;
    static final int SETUP_DATA = 0x250;

    private static final int SYSTEM_SIZE = 0x1f4;
    private static final int LENGTH = 0x201;
    private static final int INITRD_LAST = 0x22c;
    private static final int RELOCATABLE = 0x234;
    private static final int LOAD_FLAGS_EXTENDED = 0x236;
    private static final int COMMAND_LINE_SIZE = 0x238;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24c;
    private static final int PREFERRED_ADDRESS = 0x258;
    private static final int INIT_SIZE = 0x260;

    private static final int FIRST_WITH_COMMAND_LINE_SIZE = 0x0206;
    private static final int FIRST_WITH_PREFERRED_ADDRESS = 0x020a;
    private static final int FIRST_WITH_EXTENDED_FLAGS = 0x020c;
    private static final int LOADED_HIGH = 0x01;
    private static final int HAS_64_BIT_ENTRY = 0x01;
    private static final int SECTOR = 512;
    private static final int PARAGRAPH = 16;
    private static final long HIGH_LOAD = 0x10_0000;

    static boolean isRecognised(ImageBytes image) throws LoadException {
        return image.startsWith(MAGIC, "HdrS") && image.u16(BOOT_FLAG) == 0xaa55;
    }

    /** @throws LoadException if the kernel is too old, or no bzImage but a zImage, or the file is cut off */
    static SetupHeader parse(ImageBytes image) throws LoadException {
        int version = image.u16(VERSION);
        if (version < FIRST_WITH_COMMAND_LINE_SIZE) {
            throw image.wrong("a Linux kernel of boot protocol %d.%02d; the oldest that can be booted is 2.06"
                    .formatted(version >> 8, version & 0xff));
        }
        SetupHeader header = new SetupHeader(image, version);
        if ((image.u8(LOAD_FLAGS) & LOADED_HIGH) == 0) {
            throw image.wrong("a zImage, a Linux kernel for low memory, cannot be booted");
        }
        if (header.protectedModeStart() >= image.length()) {
            throw image.wrong("truncated: its 32-bit part at %#x lies behind the end at %#x"
                    .formatted(header.protectedModeStart(), image.length()));
        }
        return header;
    }

    /** The header itself, for the zero page. */
    byte[] bytes() throws LoadException {
        int end = Math.min(MAGIC + image.u8(LENGTH), END);
        return image.slice(START, end - START);
    }

    /** Whether inside is a packed kernel with a 64-bit entry point (XLF_KERNEL_64, since 2.12). */
    boolean holdsLongModeKernel() throws LoadException {
        return version >= FIRST_WITH_EXTENDED_FLAGS
                && (image.u16(LOAD_FLAGS_EXTENDED) & HAS_64_BIT_ENTRY) != 0
                && payloadLength() != 0;
    }

    /** File offset of the part that runs in protected mode. */
    int protectedModeStart() throws LoadException {
        int sectors = image.u8(START);
        return ((sectors == 0 ? 4 : sectors) + 1) * SECTOR;
    }

    /** Bytes of that part at the least: its last paragraph need not be whole, and a signature may follow. */
    long protectedModeSize() throws LoadException {
        return Math.max(0, image.u32(SYSTEM_SIZE) * PARAGRAPH - (PARAGRAPH - 1));
    }

    /** File offset of the compressed kernel (since 2.08). */
    long payload() throws LoadException {
        return protectedModeStart() + image.u32(PAYLOAD_OFFSET);
    }

    /** Bytes of the compressed kernel; 0 in a program that is no Linux and only looks like a bzImage. */
    long payloadLength() throws LoadException {
        return image.u32(PAYLOAD_LENGTH);
    }

    /** The longest command line it takes, without the NUL. */
    long commandLineSize() throws LoadException {
        return image.u32(COMMAND_LINE_SIZE);
    }

    /** The highest address that it reads an initrd from. */
    long initrdLast() throws LoadException {
        return image.u32(INITRD_LAST);
    }

    /** Whether the protected-mode part may be loaded at any multiple of {@link #alignment}. */
    boolean isRelocatable() throws LoadException {
        return image.u8(RELOCATABLE) != 0;
    }

    /** What the address of a relocatable kernel is a multiple of; 1 if it says nothing. */
    long alignment() throws LoadException {
        return Math.max(1, image.u32(ALIGNMENT));
    }

    /** Where the kernel wants to run, 1 MiB before 2.10. */
    long preferredAddress() throws LoadException {
        return version >= FIRST_WITH_PREFERRED_ADDRESS ? image.u64(PREFERRED_ADDRESS) : HIGH_LOAD;
    }

    /** Bytes from where it runs that it needs before it can look at a memory map; 0, unknown, before 2.10. */
    long initSize() throws LoadException {
        return version >= FIRST_WITH_PREFERRED_ADDRESS ? image.u32(INIT_SIZE) : 0;
    }
}
