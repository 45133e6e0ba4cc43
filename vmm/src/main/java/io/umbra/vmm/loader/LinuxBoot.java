package io.umbra.vmm.loader;

/**
 * Enters a 64-bit Linux kernel at the entry of its ELF file, with a zero page. Source: Linux
 * Documentation/arch/x86/boot.rst, "64-bit Boot Protocol".
 */
final class LinuxBoot {
    /** The longest command line of a kernel that comes without a setup header. */
    static final long DEFAULT_COMMAND_LINE_SIZE = 2047;

    /** The highest address of an initrd for such a kernel. */
    static final long DEFAULT_INITRD_LAST = 0x7fff_ffffL;

    private LinuxBoot() {}

    /**
     * Loads a kernel and all it is started with.
     *
     * @param elf the kernel
     * @param header the setup header for the zero page, from offset 0x1f1 on
     * @param commandLineSize the longest command line it takes
     * @param initrdLast the highest address that it reads an initrd from
     */
    static EntryState load(
            ElfFile elf,
            byte[] header,
            long commandLineSize,
            long initrdLast,
            GuestPhysicalMemory memory,
            LoadRequest request)
            throws LoadException {
        ImageBytes image = elf.image();
        MemoryMap map = request.memoryMap();
        LowMemory.requireMemory(image, map);
        long end = elf.load(memory, map, LowMemory.END);
        if (!elf.isLoaded(elf.entry()) || elf.entry() >= MemoryMap.HOLE_END) {
            throw image.wrong("its entry point %#x is no physical address inside the kernel".formatted(elf.entry()));
        }
        LowMemory.Placed initrd = LowMemory.writeInitrd(image, memory, request.initrd(image), map, end, initrdLast);
        LowMemory.writeCommandLine(image, memory, request.commandLine(), commandLineSize);
        ZeroPage.write(memory, header, 0, initrd, request);
        LowMemory.writeLongModeTables(memory);
        return new EntryState.LongMode(
                elf.entry(),
                LowMemory.LINUX_STACK,
                LowMemory.ZERO_PAGE,
                LowMemory.PML4,
                LowMemory.GDT,
                LowMemory.GDT_LIMIT,
                0);
    }
}
