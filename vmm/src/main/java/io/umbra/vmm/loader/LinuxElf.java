package io.umbra.vmm.loader;

/**
 * An uncompressed 64-bit Linux kernel (vmlinux) without a PVH note, or another 64-bit executable that starts as one does:
 * at its e_entry, a physical address, in long mode, with RSI at a zero page.
 */
public final class LinuxElf implements GuestImage {
    private final ElfFile elf;

    LinuxElf(ElfFile elf) {
        this.elf = elf;
    }

    @Override
    public String kind() {
        return "64-bit ELF kernel";
    }

    @Override
    public EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        return LinuxBoot.load(
                elf,
                ZeroPage.defaultHeader(),
                LinuxBoot.DEFAULT_COMMAND_LINE_SIZE,
                LinuxBoot.DEFAULT_INITRD_LAST,
                memory,
                request);
    }
}
