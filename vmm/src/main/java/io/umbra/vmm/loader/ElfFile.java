package io.umbra.vmm.loader;

import java.util.ArrayList;
import java.util.List;

/**
 * An executable ELF file for x86, of 32 or 64 bits, with its program headers. Source: System V ABI, gABI chapters 4 and
 * 5.
 *
 * @param image the file
 * @param isLongMode whether it holds 64-bit code (EM_X86_64)
 * @param entry e_entry
 * @param segments the loadable segments that take memory, in file order
 * @param notes the note segments, in file order
 */
record ElfFile(ImageBytes image, boolean isLongMode, long entry, List<Segment> segments, List<Segment> notes) {
    static final String MAGIC = "\u007fELF";

    private static final int CLASS_32 = 1;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int EXECUTABLE = 2;
    private static final int MACHINE_386 = 3;
    private static final int MACHINE_X86_64 = 62;
    private static final int LOADABLE = 1;
    private static final int NOTE = 4;
    private static final int NOTE_SECTION = 7;

    /**
     * A part of the file, and the guest-physical memory of {@code memorySize} bytes whose start it fills; it is linked for
     * the linear address {@code linear}.
     */
    record Segment(long offset, long fileSize, long linear, long physical, long memorySize) {
        long end() {
            return physical + memorySize;
        }

        boolean overlaps(long start, long end) {
            return physical < end && start < end();
        }

        boolean contains(long address) {
            return overlaps(address, address + 1);
        }
    }

    /** Whether a file that starts with {@link #MAGIC} says that it is of 64 bits. */
    static boolean isWide(ImageBytes image) {
        return image.length() > 4 && image.content()[4] == CLASS_64;
    }

    /** Reads the headers; every part of the file that they name lies inside it. */
    static ElfFile parse(ImageBytes image) throws LoadException {
        int elfClass = image.u8(4);
        boolean wide = isWide(image);
        if (!wide && elfClass != CLASS_32 || image.u8(5) != LITTLE_ENDIAN) {
            throw image.wrong("an ELF file, but not a little-endian one of 32 or 64 bits");
        }
        int machine = image.u16(18);
        if (image.u16(16) != EXECUTABLE || machine != (wide ? MACHINE_X86_64 : MACHINE_386)) {
            throw image.wrong(
                    "an ELF file of type %d for machine %d, not an x86 executable".formatted(image.u16(16), machine));
        }
        long entry = wide ? image.u64(24) : image.u32(24);
        long table = wide ? image.u64(32) : image.u32(28);
        int entrySize = image.u16(wide ? 54 : 42);
        int entries = image.u16(wide ? 56 : 44);
        if (entrySize < (wide ? 56 : 32) || !image.holds(table, (long) entries * entrySize)) {
            throw image.wrong("its ELF program headers lie outside the file");
        }
        List<Segment> segments = new ArrayList<>();
        List<Segment> notes = new ArrayList<>();
        for (int index = 0; index < entries; index++) {
            long at = table + (long) index * entrySize;
            long type = image.u32(at);
            if (type == LOADABLE || type == NOTE) {
                Segment segment = parseSegment(image, at, wide);
                if (!image.holds(segment.offset(), segment.fileSize())) {
                    throw image.wrong("ELF segment %d runs past the end of the file".formatted(index));
                }
                if (type == NOTE) {
                    notes.add(segment);
                } else if (segment.memorySize() != 0 || segment.fileSize() != 0) {
                    segments.add(segment);
                }
            }
        }
        return new ElfFile(image, wide, entry, List.copyOf(segments), List.copyOf(notes));
    }

    /** The sections that hold notes, for a file without note segments; those of a broken table of sections are left out. Only their place in the file is told. */
    List<Segment> noteSections() throws LoadException {
        boolean wide = image.u8(4) == CLASS_64;
        long table = wide ? image.u64(40) : image.u32(32);
        int entrySize = image.u16(wide ? 58 : 46);
        int count = image.u16(wide ? 60 : 48);
        if (entrySize < (wide ? 64 : 40) || !image.holds(table, (long) count * entrySize)) {
            return List.of();
        }
        List<Segment> sections = new ArrayList<>();
        for (long at = table; at < table + (long) count * entrySize; at += entrySize) {
            long offset = wide ? image.u64(at + 24) : image.u32(at + 16);
            long size = wide ? image.u64(at + 32) : image.u32(at + 20);
            if (image.u32(at + 4) == NOTE_SECTION && image.holds(offset, size)) {
                sections.add(new Segment(offset, size, 0, 0, 0));
            }
        }
        return sections;
    }

    private static Segment parseSegment(ImageBytes image, long at, boolean wide) throws LoadException {
        return wide
                ? new Segment(
                        image.u64(at + 8),
                        image.u64(at + 32),
                        image.u64(at + 16),
                        image.u64(at + 24),
                        image.u64(at + 40))
                : new Segment(
                        image.u32(at + 4),
                        image.u32(at + 16),
                        image.u32(at + 8),
                        image.u32(at + 12),
                        image.u32(at + 20));
    }

    /**
     * Puts the segments at their physical addresses and clears what the file does not fill.
     *
     * @param least the lowest address that a segment may have
     * @return the end of the highest segment
     * @throws LoadException if there is nothing to load, or a segment lies outside the RAM for images or over another
     */
    long load(GuestPhysicalMemory memory, MemoryMap map, long least) throws LoadException {
        if (segments.isEmpty()) {
            throw image.wrong("an ELF file with nothing to load");
        }
        for (int index = 0; index < segments.size(); index++) {
            check(index, map, least);
        }
        long end = 0;
        for (Segment segment : segments) {
            int fileSize = (int) segment.fileSize();
            memory.write(segment.physical(), image.content(), (int) segment.offset(), fileSize);
            memory.zero(segment.physical() + fileSize, segment.memorySize() - fileSize);
            end = Math.max(end, segment.end());
        }
        return end;
    }

    /** Where the entry is loaded, if it is the linear address of a segment that is linked for elsewhere; or as it is. */
    long physicalEntry() {
        for (Segment segment : segments) {
            long inside = entry - segment.linear();
            if (inside >= 0 && inside < segment.memorySize()) {
                return segment.physical() + inside;
            }
        }
        return entry;
    }

    boolean isLoaded(long address) {
        return segments.stream().anyMatch(segment -> segment.contains(address));
    }

    private void check(int index, MemoryMap map, long least) throws LoadException {
        Segment segment = segments.get(index);
        if (segment.memorySize() < segment.fileSize()) {
            throw image.wrong("segment at %#x is larger in the file than in memory".formatted(segment.physical()));
        }
        LowMemory.requireRoom(image, segment.physical(), segment.memorySize(), map, least);
        for (Segment before : segments.subList(0, index)) {
            if (before.overlaps(segment.physical(), segment.end())) {
                throw image.wrong("segments at %#x and %#x overlap".formatted(before.physical(), segment.physical()));
            }
        }
    }
}
