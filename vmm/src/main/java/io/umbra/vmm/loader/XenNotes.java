package io.umbra.vmm.loader;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * The ELF notes of owner "Xen" that decide how a kernel can be entered. Source: Xen public header elfnote.h.
 *
 * @param physicalEntry XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit PVH entry point
 * @param isXenPv whether there is a XEN_ELFNOTE_ENTRY: the kernel can run as a Xen PV guest
 * @param numbers the values of the notes that hold a number, by type
 */
record XenNotes(OptionalLong physicalEntry, boolean isXenPv, Map<Long, Long> numbers) {
    private static final long ENTRY = 1;
    private static final long PHYS32_ENTRY = 18;
    private static final int HEADER = 12;

    static XenNotes of(ElfFile elf) throws LoadException {
        return of(elf.image(), elf.notes());
    }

    /** The notes as Xen's own builder looks for them: in sections too where the file has no note segments. */
    static XenNotes forXen(ElfFile elf) throws LoadException {
        return of(elf.image(), elf.notes().isEmpty() ? elf.noteSections() : elf.notes());
    }

    private static XenNotes of(ImageBytes image, List<ElfFile.Segment> places) throws LoadException {
        OptionalLong physicalEntry = OptionalLong.empty();
        boolean isXenPv = false;
        Map<Long, Long> numbers = new HashMap<>();
        for (ElfFile.Segment segment : places) {
            long end = segment.offset() + segment.fileSize();
            long at = segment.offset();
            while (at + HEADER <= end) {
                long nameSize = image.u32(at);
                long size = image.u32(at + 4);
                long type = image.u32(at + 8);
                long content = at + HEADER + padded(nameSize);
                long next = content + padded(size);
                if (next > end) {
                    throw image.wrong("an ELF note runs past the end of its segment");
                }
                if (nameSize == 4 && image.startsWith(at + HEADER, "Xen\0")) {
                    isXenPv |= type == ENTRY;
                    if (size == 4 || size == 8) {
                        numbers.put(type, size == 4 ? image.u32(content) : image.u64(content));
                    }
                    if (type == PHYS32_ENTRY) {
                        physicalEntry = OptionalLong.of(address(image, content, size));
                    }
                }
                at = next;
            }
        }
        return new XenNotes(physicalEntry, isXenPv, Map.copyOf(numbers));
    }

    /** The number of the note of this type, or {@code otherwise}. */
    long number(int type, long otherwise) {
        return numbers.getOrDefault((long) type, otherwise);
    }

    private static long address(ImageBytes image, long at, long size) throws LoadException {
        if (size != 4 && size != 8) {
            throw image.wrong("its PVH entry note has %d bytes instead of 4 or 8".formatted(size));
        }
        return size == 4 ? image.u32(at) : image.u64(at);
    }

    private static long padded(long size) {
        return size + 3 & ~3L;
    }
}
