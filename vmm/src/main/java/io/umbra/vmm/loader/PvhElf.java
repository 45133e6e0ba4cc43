package io.umbra.vmm.loader;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * An ELF kernel, of 32 or 64 bits, with the Xen note that names its PVH entry point. It is entered in 32-bit protected mode
 * with EBX at an hvm_start_info of version 1. Source: Xen docs/misc/pvh and public header start_info.h.
 */
public final class PvhElf implements GuestImage {
    private static final int MAGIC = 0x336e_c578;
    private static final int MODULES = 0x40;
    private static final int MEMORY_MAP = 0x80;
    private static final int MAP_ENTRY = 24;

    private final ElfFile elf;
    private final long entry;

    PvhElf(ElfFile elf, long entry) {
        this.elf = elf;
        this.entry = entry;
    }

    @Override
    public String kind() {
        return "ELF kernel with PVH entry";
    }

    @Override
    public EntryState load(GuestPhysicalMemory memory, LoadRequest request) throws LoadException {
        ImageBytes image = elf.image();
        MemoryMap map = request.memoryMap();
        LowMemory.requireMemory(image, map);
        long end = elf.load(memory, map, LowMemory.END);
        if (!elf.isLoaded(entry) || entry >= MemoryMap.HOLE_END) {
            throw image.wrong("its PVH entry point %#x is no address inside the kernel".formatted(entry));
        }
        LowMemory.Placed initrd =
                LowMemory.writeInitrd(image, memory, request.initrd(image), map, end, LinuxBoot.DEFAULT_INITRD_LAST);
        LowMemory.writeCommandLine(image, memory, request.commandLine(), LowMemory.COMMAND_LINE_SPACE);
        byte[] startInfo = startInfo(initrd, request);
        memory.write(LowMemory.START_INFO, startInfo, 0, startInfo.length);
        return new EntryState.Pvh(entry, LowMemory.START_INFO);
    }

    private static byte[] startInfo(LowMemory.Placed initrd, LoadRequest request) {
        List<MemoryMap.Range> ranges = request.memoryMap().ranges();
        byte[] startInfo = new byte[MEMORY_MAP + ranges.size() * MAP_ENTRY];
        ByteBuffer info = LowMemory.littleEndian(startInfo);
        boolean hasInitrd = initrd.size() != 0;
        info.putInt(0, MAGIC);
        info.putInt(4, 1);
        info.putInt(12, hasInitrd ? 1 : 0);
        info.putLong(16, hasInitrd ? LowMemory.START_INFO + MODULES : 0);
        info.putLong(24, LowMemory.COMMAND_LINE);
        info.putLong(32, request.rsdp());
        info.putLong(40, LowMemory.START_INFO + MEMORY_MAP);
        info.putInt(48, ranges.size());
        info.putLong(MODULES, initrd.start());
        info.putLong(MODULES + 8, initrd.size());
        int at = MEMORY_MAP;
        for (MemoryMap.Range range : ranges) {
            info.putLong(at, range.start());
            info.putLong(at + 8, range.length());
            info.putInt(at + 16, range.kind().number());
            at += MAP_ENTRY;
        }
        return startInfo;
    }
}
