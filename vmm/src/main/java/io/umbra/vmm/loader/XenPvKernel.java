package io.umbra.vmm.loader;

import java.util.ArrayList;
import java.util.List;

/**
 * A 64-bit kernel that can run as a Xen PV guest: what its ELF notes ask for, and what is to be loaded. Source: Xen public header elfnote.h.
 *
 * @param entry the linear address of its first instruction
 * @param virtualBase the linear address of pfn 0
 * @param hypercallPage the linear address of the page that is to be filled with entries of hypercalls, or 0 for none
 * @param p2mBase where the list of its frames is to be mapped, or 0 for within the initial mapping
 * @param takesUnmappedInitrd the initial RAM disk need not be mapped, and is told by its pfn
 * @param segments in file order
 */
public record XenPvKernel(
        String name,
        long entry,
        long virtualBase,
        long hypercallPage,
        long p2mBase,
        boolean takesUnmappedInitrd,
        List<Segment> segments) {

    /**
     * A piece of the kernel, from a physical address on.
     *
     * @param bytes what the file holds of it, which must not change
     * @param size in memory, with the zeroes behind
     */
    @SuppressWarnings("ArrayRecordComponent")
    public record Segment(long physical, byte[] bytes, long size) {
        public long end() {
            return physical + size;
        }
    }

    private static final int ENTRY = 1, HYPERCALL_PAGE = 2, VIRT_BASE = 3, PADDR_OFFSET = 4, INIT_P2M = 15;
    private static final int MOD_START_PFN = 16;

    private static final long LARGEST = 1L << 28;

    public XenPvKernel {
        segments = List.copyOf(segments);
    }

    /** Where the highest segment ends, in bytes from pfn 0. */
    public long end() {
        return segments.stream().mapToLong(Segment::end).max().orElse(0);
    }

    /**
     * Finds the kernel in a Linux bzImage or an ELF file.
     *
     * @param content the file, which must not change afterwards
     * @throws LoadException if it holds no 64-bit kernel with the notes of a Xen PV guest, or is broken
     */
    public static XenPvKernel recognise(byte[] content, String name) throws LoadException {
        ImageBytes image = new ImageBytes(content, name);
        if (SetupHeader.isRecognised(image)) {
            SetupHeader header = SetupHeader.parse(image);
            if (!header.holdsLongModeKernel()) {
                throw image.wrong("holds a 32-bit kernel, which cannot run as a PV guest here");
            }
            return of(LinuxBzImage.parse(image).kernel(LARGEST));
        }
        if (!image.startsWith(0, ElfFile.MAGIC)) {
            throw image.wrong("no kernel that can run as a PV guest: neither a Linux bzImage nor an ELF kernel");
        }
        return of(ElfFile.parse(image));
    }

    private static XenPvKernel of(ElfFile elf) throws LoadException {
        ImageBytes image = elf.image();
        XenNotes notes = XenNotes.of(elf);
        if (!notes.isXenPv()) {
            throw image.wrong("its kernel has no Xen note of an entry for PV guests");
        }
        if (!elf.isLongMode()) {
            throw image.wrong("holds a 32-bit kernel, which cannot run as a PV guest here");
        }
        long offset = notes.number(PADDR_OFFSET, 0);
        List<Segment> segments = new ArrayList<>();
        for (ElfFile.Segment segment : elf.segments()) {
            long physical = segment.physical() - offset;
            if (physical < 0 || segment.memorySize() < segment.fileSize() || physical + segment.memorySize() < 0) {
                throw image.wrong("its ELF segment at %#x makes no sense".formatted(segment.physical()));
            }
            byte[] bytes = image.slice(segment.offset(), segment.fileSize());
            segments.add(new Segment(physical, bytes, segment.memorySize()));
        }
        if (segments.isEmpty()) {
            throw image.wrong("an ELF file with nothing to load");
        }
        return new XenPvKernel(
                image.name(),
                notes.number(ENTRY, elf.entry()),
                notes.number(VIRT_BASE, 0),
                notes.number(HYPERCALL_PAGE, 0),
                notes.number(INIT_P2M, 0),
                notes.number(MOD_START_PFN, 0) != 0,
                segments);
    }

    /** A mistake that concerns this kernel. */
    public LoadException wrong(String what) {
        return new LoadException(name + ": " + what);
    }
}
