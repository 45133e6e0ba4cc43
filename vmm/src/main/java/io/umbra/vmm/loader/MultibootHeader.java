package io.umbra.vmm.loader;

import java.util.Optional;

/**
 * The header by which an image says that it is to be loaded as Multiboot 1. Source: Multiboot specification 0.6.96,
 * section 3.1.
 *
 * <pre>
 *   offset  size
 *   0       4     magic 1badb002
 *   4       4     flags: 15..0 must be met or the image refused, 31..16 may be ignored
 *                 0 modules at frames | 1 memory information | 2 video mode | 16 the five addresses are valid
 *   8       4     checksum: the three words add up to 0
 *   12      4     header_addr: where this header is to lie
 *   16      4     load_addr: where the loaded part starts
 *   20      4     load_end_addr: where it ends; 0: with the file
 *   24      4     bss_end_addr: up to where memory is cleared; 0: nothing is
 *   28      4     entry_addr
 * </pre>
 *
 * @param image the file
 * @param offset of the header in the file
 * @param flags the second word
 */
record MultibootHeader(ImageBytes image, int offset, long flags) {
    private static final long MAGIC = 0x1bad_b002L;
    private static final int SEARCHED = 8192;
    private static final int SIZE = 12;
    private static final long MANDATORY = 0xffff;
    private static final long MET = 0x7;
    private static final long HAS_ADDRESSES = 1 << 16;

    /** What the addresses of a header say: a part of the file, where it goes, and what is cleared behind it. */
    record Placement(long fileStart, long fileSize, long address, long memorySize, long entry) {
        boolean contains(long at) {
            return at >= address && at - address < memorySize;
        }
    }

    /** The first header in the first 8 KiB: at a multiple of 4 bytes, and with a checksum that is right. */
    static Optional<MultibootHeader> find(ImageBytes image) throws LoadException {
        int last = Math.min(image.length(), SEARCHED) - SIZE;
        for (int at = 0; at <= last; at += 4) {
            if (image.u32(at) == MAGIC && (int) (MAGIC + image.u32(at + 4) + image.u32(at + 8)) == 0) {
                return Optional.of(new MultibootHeader(image, at, image.u32(at + 4)));
            }
        }
        return Optional.empty();
    }

    /** Whether the image is to be loaded by this header's addresses, even if it is an ELF file. */
    boolean hasAddresses() {
        return (flags & HAS_ADDRESSES) != 0;
    }

    /** Refuses what a loader must refuse. A video mode is only a wish: the guest is told of none. */
    void check() throws LoadException {
        long unmet = flags & MANDATORY & ~MET;
        if (unmet != 0) {
            throw image.wrong("its Multiboot header demands what is not known here, flags %#x".formatted(unmet));
        }
    }

    /** The addresses, as consistent ones. */
    Placement placement() throws LoadException {
        long headerAddress = image.u32(offset + 12);
        long address = image.u32(offset + 16);
        long loadEnd = image.u32(offset + 20);
        long bssEnd = image.u32(offset + 24);
        long fileStart = offset - (headerAddress - address);
        if (headerAddress < address || fileStart < 0) {
            throw image.wrong("its Multiboot header at %#x of the file cannot lie at %#x of an image loaded at %#x"
                    .formatted(offset, headerAddress, address));
        }
        long fileSize = loadEnd == 0 ? image.length() - fileStart : loadEnd - address;
        if (fileSize < 0 || bssEnd != 0 && bssEnd < address + fileSize) {
            throw image.wrong("its Multiboot addresses are out of order: load %#x, load end %#x, bss end %#x"
                    .formatted(address, loadEnd, bssEnd));
        }
        if (!image.holds(fileStart, fileSize)) {
            throw image.wrong("truncated: what its Multiboot header wants to load, %d bytes at %#x, ends at %#x"
                    .formatted(fileSize, fileStart, image.length()));
        }
        return new Placement(
                fileStart, fileSize, address, bssEnd == 0 ? fileSize : bssEnd - address, image.u32(offset + 28));
    }
}
