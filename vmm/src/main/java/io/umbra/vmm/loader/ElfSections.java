package io.umbra.vmm.loader;

import java.nio.ByteBuffer;

/**
 * The section headers of an ELF file, for a kernel that wants to find its own symbols. What the kernel's segments do not
 * bring into memory, such as symbols, is brought here, and {@code sh_addr} says where it is. Source: Multiboot
 * specification 0.6.96, section 3.3, "Boot information format", bit 5.
 *
 * @param headers {@code count} headers
 * @param names index of the section that holds the names
 * @param end where the sections that were brought end; 0 if there are none
 */
@SuppressWarnings("ArrayRecordComponent")
record ElfSections(byte[] headers, int count, int names, long end) {
    static final ElfSections NONE = new ElfSections(new byte[0], 0, 0, 0);

    private static final int WITHOUT_CONTENT = 8;

    boolean isEmpty() {
        return count == 0;
    }

    /**
     * Brings the sections to memory from {@code start} on. Nothing depends on them, so a file whose section headers are
     * missing or broken, or whose sections do not fit, has none.
     */
    static ElfSections load(ElfFile elf, GuestPhysicalMemory memory, long start, MemoryMap map) throws LoadException {
        ImageBytes image = elf.image();
        boolean wide = elf.isLongMode();
        long table = wide ? image.u64(40) : image.u32(32);
        int entrySize = image.u16(wide ? 58 : 46);
        int count = image.u16(wide ? 60 : 48);
        if (count == 0 || entrySize < (wide ? 64 : 40) || !image.holds(table, (long) count * entrySize)) {
            return NONE;
        }
        byte[] headers = image.slice(table, (long) count * entrySize);
        ByteBuffer view = LowMemory.littleEndian(headers);
        long end = start;
        for (int at = 0; at < headers.length; at += entrySize) {
            long address = wide ? view.getLong(at + 16) : view.getInt(at + 12);
            long offset = wide ? view.getLong(at + 24) : view.getInt(at + 16) & 0xffff_ffffL;
            long length = wide ? view.getLong(at + 32) : view.getInt(at + 20) & 0xffff_ffffL;
            if (address != 0 || length == 0 || view.getInt(at + 4) == WITHOUT_CONTENT) {
                continue;
            }
            if (!image.holds(offset, length) || length > map.lowEnd() - end) {
                return NONE;
            }
            memory.write(end, image.content(), (int) offset, (int) length);
            if (wide) {
                view.putLong(at + 16, end);
            } else {
                view.putInt(at + 12, (int) end);
            }
            end = end + length + 15 & -16L;
        }
        return new ElfSections(headers, count, image.u16(wide ? 62 : 50), end);
    }
}
