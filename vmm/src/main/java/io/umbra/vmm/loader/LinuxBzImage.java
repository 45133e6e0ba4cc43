package io.umbra.vmm.loader;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * A Linux bzImage. Source: Linux Documentation/arch/x86/boot.rst.
 *
 * <ul>
 *   <li>A packed kernel with a 64-bit entry is decompressed here, and the ELF file inside is entered: none of the image's own 16-
 *       and 32-bit code and none of its decompressor runs.
 *   <li>Any other is entered by the 32-bit boot protocol at the start of its protected-mode part. There its own
 *       decompressor runs, because nothing else relocates a 32-bit kernel: where it runs is the decompressor's choice, and the
 *       table of what is to be relocated is known to it alone. In which format the kernel is packed does not matter then.
 * </ul>
 */
public final class LinuxBzImage implements GuestImage {
    private final ImageBytes image;
    private final SetupHeader header;
    private final boolean byNote;

    private LinuxBzImage(SetupHeader header, boolean byNote) {
        this.byNote = byNote;
        this.image = header.image();
        this.header = header;
    }

    static LinuxBzImage parse(ImageBytes image) throws LoadException {
        SetupHeader header = SetupHeader.parse(image);
        if (!header.holdsLongModeKernel() && !image.holds(header.protectedModeStart(), header.protectedModeSize())) {
            throw image.wrong("truncated: its 32-bit part, %d bytes at %#x, runs past the end at %#x"
                    .formatted(header.protectedModeSize(), header.protectedModeStart(), image.length()));
        }
        if (header.holdsLongModeKernel() && !image.holds(header.payload(), header.payloadLength())) {
            throw image.wrong("truncated: its compressed kernel, %d bytes at %#x, runs past the end at %#x"
                    .formatted(header.payloadLength(), header.payload(), image.length()));
        }
        return new LinuxBzImage(header, false);
    }

    /** The same image, but entered by the PVH note of the kernel inside if it has one. */
    LinuxBzImage byNote() {
        return new LinuxBzImage(header, true);
    }

    @Override
    public String kind() {
        return "Linux bzImage";
    }

    @Override
    public EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        LowMemory.requireMemory(image, request.memoryMap());
        if (byNote) {
            Optional<EntryState> entered = enterByNote(memory, request);
            if (entered.isPresent()) {
                return entered.get();
            }
        }
        if (!header.holdsLongModeKernel()) {
            return loadProtectedMode(memory, request);
        }
        ElfFile kernel = kernel(request.memoryMap().size());
        return LinuxBoot.load(kernel, header.bytes(), header.commandLineSize(), header.initrdLast(), memory, request);
    }

    private Optional<EntryState> enterByNote(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        if (!image.holds(header.payload(), header.payloadLength())) {
            return Optional.empty();
        }
        ElfFile kernel = elf(request.memoryMap().size());
        OptionalLong entry = XenNotes.of(kernel).physicalEntry();
        return entry.isPresent()
                ? Optional.of(new PvhElf(kernel, entry.getAsLong()).load(memory, request))
                : Optional.empty();
    }

    private EntryState loadProtectedMode(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        MemoryMap map = request.memoryMap();
        int start = header.protectedModeStart();
        int length = image.length() - start;
        long address = header.preferredAddress();
        if (header.isRelocatable() && Long.remainderUnsigned(address, header.alignment()) != 0) {
            throw image.wrong("its preferred address %#x is no multiple of its alignment %#x"
                    .formatted(address, header.alignment()));
        }
        long needed = Math.max(length, header.initSize());
        LowMemory.requireRoom(image, address, needed, map);
        if (address + needed > map.lowEnd()) {
            throw image.wrong("wants to lie at %#x, which 32-bit code does not reach".formatted(address));
        }
        memory.write(address, image.content(), start, length);
        memory.zero(address + length, needed - length);
        LowMemory.Placed initrd =
                LowMemory.writeInitrd(image, memory, request.initrd(image), map, address + needed, header.initrdLast());
        LowMemory.writeCommandLine(image, memory, request.commandLine(), header.commandLineSize());
        ZeroPage.write(memory, header.bytes(), address, initrd, request);
        LowMemory.writeProtectedModeSegments(memory);
        return new EntryState.Linux32(
                address, LowMemory.ZERO_PAGE, LowMemory.LINUX_STACK, LowMemory.GDT, LowMemory.GDT_LIMIT);
    }

    /** The 64-bit kernel inside, of at most {@code limit} bytes. */
    ElfFile kernel(long limit) throws LoadException {
        ElfFile kernel = elf(limit);
        if (!kernel.isLongMode()) {
            throw image.wrong("its header names a 64-bit entry, but the kernel inside is a 32-bit one");
        }
        return kernel;
    }

    private ElfFile elf(long limit) throws LoadException {
        byte[] unpacked = KernelPayload.unpack(image, header.payload(), header.payloadLength(), limit);
        ImageBytes inside = new ImageBytes(unpacked, image.name());
        if (!inside.startsWith(0, ElfFile.MAGIC)) {
            throw image.wrong("what its payload unpacks to is no ELF kernel");
        }
        return ElfFile.parse(inside);
    }
}
