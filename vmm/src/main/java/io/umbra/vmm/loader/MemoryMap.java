package io.umbra.vmm.loader;

import java.util.ArrayList;
import java.util.List;

/**
 * Where a guest's RAM lies: from 0 up to 3 GiB, and what is more from 4 GiB up. The gigabyte between is for memory-mapped
 * devices. The guest is told all of it but the 384 KiB below 1 MiB that a PC keeps for its firmware.
 *
 * @param size bytes of RAM, a multiple of 4 KiB
 * @param hasSpecialPages whether there are {@link #SPECIAL_PAGES}
 */
public record MemoryMap(long size, boolean hasSpecialPages) {
    /** Where a guest of Xen's interface shares memory with those who serve it: 8 frames, as Xen's toolstack places them. */
    public static final Range SPECIAL_PAGES = new Range(0xfeff_8000L, 0x8000, Kind.RESERVED);

    /** Which of {@link #SPECIAL_PAGES} is the xenstore's ring, and which the console's. */
    public static final int STORE_PAGE = 4, CONSOLE_PAGE = 7;

    /** Where low RAM ends at the latest, 3 GiB. */
    public static final long HOLE_START = 3L << 30;

    /** Where high RAM starts, 4 GiB. */
    public static final long HOLE_END = 4L << 30;

    /** Where the firmware's tables lie. */
    public static final long ACPI_TABLES = 0xe_0000;

    /** Where the firmware's structures lie that the guest writes to, 4 KiB. */
    public static final long ACPI_STORAGE = 0xe_8000;

    static final long ACPI_END = 0xe_9000;
    static final long FIRMWARE_START = 0x9_fc00;
    static final long FIRMWARE_END = 0x10_0000;

    /** @throws IllegalArgumentException if the size is negative or not a multiple of 4 KiB */
    public MemoryMap {
        if (size < 0 || size % 4096 != 0) {
            throw new IllegalArgumentException("RAM of " + size + " bytes is not made of 4 KiB frames");
        }
    }

    /** A map without special pages. */
    public MemoryMap(long size) {
        this(size, false);
    }

    /** What a range is to the guest; the numbers are those of the e820 map. */
    public enum Kind {
        /** Free for the guest to use. */
        RAM(1),
        /** Not to be touched. */
        RESERVED(2),
        /** Tables of the firmware's, free to use once they are read. */
        ACPI_TABLES(3),
        /** Memory that guest and firmware share, not to be used otherwise. */
        ACPI_STORAGE(4);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        /** The type in an e820 or PVH memory map entry. */
        public int number() {
            return number;
        }
    }

    /** A range of guest-physical addresses, in bytes. */
    public record Range(long start, long length, Kind kind) {}

    /** The end of the RAM that starts at 0. */
    public long lowEnd() {
        return Math.min(size, HOLE_START);
    }

    /** The end of the RAM that starts at 4 GiB; 4 GiB if there is none. */
    public long highEnd() {
        return HOLE_END + Math.max(0, size - HOLE_START);
    }

    /** Whether all of {@code length} bytes from {@code start} lie in one piece of RAM that the guest may use. */
    public boolean isUsable(long start, long length) {
        return ranges().stream()
                .anyMatch(range -> range.kind() == Kind.RAM
                        && start >= range.start()
                        && length >= 0
                        && length <= range.length()
                        && start - range.start() <= range.length() - length);
    }

    /** The map as the guest is told it, in ascending order. */
    public List<Range> ranges() {
        List<Range> ranges = new ArrayList<>();
        ranges.add(new Range(0, Math.min(size, FIRMWARE_START), Kind.RAM));
        ranges.add(new Range(FIRMWARE_START, ACPI_TABLES - FIRMWARE_START, Kind.RESERVED));
        ranges.add(new Range(ACPI_TABLES, ACPI_STORAGE - ACPI_TABLES, Kind.ACPI_TABLES));
        ranges.add(new Range(ACPI_STORAGE, ACPI_END - ACPI_STORAGE, Kind.ACPI_STORAGE));
        ranges.add(new Range(ACPI_END, FIRMWARE_END - ACPI_END, Kind.RESERVED));
        if (lowEnd() > FIRMWARE_END) {
            ranges.add(new Range(FIRMWARE_END, lowEnd() - FIRMWARE_END, Kind.RAM));
        }
        if (hasSpecialPages) {
            ranges.add(SPECIAL_PAGES);
        }
        if (highEnd() > HOLE_END) {
            ranges.add(new Range(HOLE_END, highEnd() - HOLE_END, Kind.RAM));
        }
        return List.copyOf(ranges);
    }
}
