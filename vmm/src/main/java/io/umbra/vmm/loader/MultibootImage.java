package io.umbra.vmm.loader;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A Multiboot 1 image: an ELF file of 32 bits, or of 64 bits with code for the 32-bit entry, or any file whose header says
 * by addresses where it goes. Source: Multiboot specification 0.6.96.
 *
 * <p>Modules follow the image in order, each from a frame of its own. The information structure and all that it points at
 * lie in the lowest free frames from 0x9000 on, or behind the modules.
 */
public final class MultibootImage implements GuestImage {
    private static final int FRAME = 4096;
    private static final long BIOS_DATA = 0x400;
    private static final int BIOS_DATA_SIZE = 0x100;
    private static final int SERIAL_PORT = 0x3f8;
    private static final long LEAST_INFORMATION = 0x9000;

    private final ImageBytes image;
    private final MultibootHeader header;
    private final @Nullable ElfFile elf;

    private MultibootImage(MultibootHeader header, @Nullable ElfFile elf) {
        this.image = header.image();
        this.header = header;
        this.elf = elf;
    }

    static MultibootImage parse(MultibootHeader header) throws LoadException {
        header.check();
        if (header.hasAddresses()) {
            header.placement();
            return new MultibootImage(header, null);
        }
        ImageBytes image = header.image();
        if (!image.startsWith(0, ElfFile.MAGIC)) {
            throw image.wrong("its Multiboot header gives no addresses, and it is no ELF file that has them");
        }
        return new MultibootImage(header, ElfFile.parse(image));
    }

    @Override
    public String kind() {
        return "Multiboot image";
    }

    @Override
    public EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        MemoryMap map = request.memoryMap();
        LowMemory.requireMemory(image, map);
        Kernel kernel = elf == null ? loadByHeader(memory, map) : loadElf(elf, memory, map);

        if (!kernel.overlaps(BIOS_DATA, BIOS_DATA + BIOS_DATA_SIZE)) {
            writeBiosData(memory);
        }
        long at = Math.max(kernel.end(), LowMemory.END);
        List<MultibootInformation.Module> modules = new ArrayList<>();
        for (BootModule module : request.modules()) {
            long start = nextFrame(at);
            at = start + module.content().length;
            if (at > map.lowEnd()) {
                throw image.wrong("its module %d of %d KiB does not fit in memory between %#x and %#x"
                        .formatted(
                                modules.size() + 1, Math.ceilDiv(module.content().length, 1024), start, map.lowEnd()));
            }
            memory.write(start, module.content(), 0, module.content().length);
            modules.add(new MultibootInformation.Module(start, at, text(module.text())));
        }
        ElfSections sections = elf == null ? ElfSections.NONE : ElfSections.load(elf, memory, nextFrame(at), map);
        at = Math.max(at, sections.end());

        MultibootInformation information =
                new MultibootInformation(map, text(image.name() + " " + request.commandLine()), modules, sections);
        long address = roomFor(information.size(), kernel, at, map);
        memory.write(address, information.at(address), 0, information.size());
        return new EntryState.Multiboot(kernel.entry(), address);
    }

    /** A loaded kernel: its parts and its first instruction. */
    private record Kernel(List<LowMemory.Placed> parts, long entry) {
        long end() {
            return parts.stream().mapToLong(LowMemory.Placed::end).max().orElse(0);
        }

        boolean overlaps(long start, long end) {
            return parts.stream().anyMatch(part -> start < part.end() && part.start() < end);
        }
    }

    private Kernel loadByHeader(GuestPhysicalMemory memory, MemoryMap map) throws LoadException {
        MultibootHeader.Placement placement = header.placement();
        LowMemory.requireRoom(image, placement.address(), placement.memorySize(), map, 0);
        if (!placement.contains(placement.entry())) {
            throw outsideEntry(placement.entry());
        }
        int fileSize = (int) placement.fileSize();
        memory.write(placement.address(), image.content(), (int) placement.fileStart(), fileSize);
        memory.zero(placement.address() + fileSize, placement.memorySize() - fileSize);
        return new Kernel(
                List.of(new LowMemory.Placed(placement.address(), placement.memorySize())), placement.entry());
    }

    private Kernel loadElf(ElfFile kernel, GuestPhysicalMemory memory, MemoryMap map) throws LoadException {
        long entry = kernel.physicalEntry();
        if (!kernel.isLoaded(entry)) {
            throw outsideEntry(entry);
        }
        if (kernel.load(memory, map, 0) > map.lowEnd()) {
            throw image.wrong("wants to lie above 4 GiB, which 32-bit code does not reach");
        }
        return new Kernel(
                kernel.segments().stream()
                        .map(segment -> new LowMemory.Placed(segment.physical(), segment.memorySize()))
                        .toList(),
                entry);
    }

    /** What a kernel for PCs asks the BIOS data area for: its first serial port, and where low memory ends. */
    private static void writeBiosData(GuestPhysicalMemory memory) throws LoadException {
        byte[] data = new byte[BIOS_DATA_SIZE];
        LowMemory.littleEndian(data)
                .putShort(0x00, (short) SERIAL_PORT)
                .putShort(0x0e, (short) (MemoryMap.FIRMWARE_START >> 4))
                .putShort(0x13, (short) (MemoryMap.FIRMWARE_START >> 10));
        memory.write(BIOS_DATA, data, 0, data.length);
    }

    private LoadException outsideEntry(long entry) {
        return image.wrong("its entry point %#x is no address inside the kernel".formatted(entry));
    }

    private long roomFor(int size, Kernel kernel, long behind, MemoryMap map) throws LoadException {
        for (long at = LEAST_INFORMATION; at + size <= MemoryMap.FIRMWARE_START; at += FRAME) {
            if (!kernel.overlaps(at, at + size)) {
                return at;
            }
        }
        long at = nextFrame(behind);
        if (at + size > map.lowEnd()) {
            throw image.wrong("leaves no room for the %d bytes of its Multiboot information".formatted(size));
        }
        return at;
    }

    private String text(String text) throws LoadException {
        if (text.indexOf('\0') >= 0) {
            throw image.wrong("cannot take a command line with a NUL in it");
        }
        return text;
    }

    private static long nextFrame(long address) {
        return address + FRAME - 1 & -FRAME;
    }
}
