package io.umbra.vmm.loader;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a Multiboot image is told: the information structure, and behind it, in one piece, what it points at. Source:
 * Multiboot specification 0.6.96, section 3.3.
 *
 * <pre>
 *   offset  flag
 *   0             flags
 *   4       0     mem_lower, mem_upper: KiB from 0, and from 1 MiB to the first hole
 *   16      2     command line
 *   20      3     count and address of the modules: start, end, text, 0
 *   28      5     number, entry size, address of the ELF section headers, and index of their names
 *   44      6     length and address of the memory map: size of the rest (20), start, length, type
 *   64      9     name of the loader
 * </pre>
 *
 * @param map told as it is
 * @param commandLine the image's name, a space, and the kernel's command line, as QEMU has it
 * @param modules where each lies
 * @param sections of an ELF file
 */
record MultibootInformation(MemoryMap map, String commandLine, List<Module> modules, ElfSections sections) {
    private static final int MEMORY = 1 << 0;
    private static final int COMMAND_LINE = 1 << 2;
    private static final int MODULES = 1 << 3;
    private static final int SECTIONS = 1 << 5;
    private static final int MEMORY_MAP = 1 << 6;
    private static final int LOADER_NAME = 1 << 9;

    private static final String LOADER = "Umbra";
    private static final int SIZE = 120;
    private static final int MAP_ENTRY = 24;
    private static final int MODULE = 16;

    /** A module in memory, up to but without {@code end}, and its text. */
    record Module(long start, long end, String text) {}

    private int mapOffset() {
        return SIZE;
    }

    private int modulesOffset() {
        return mapOffset() + map.ranges().size() * MAP_ENTRY;
    }

    private int sectionsOffset() {
        return modulesOffset() + modules.size() * MODULE;
    }

    private int textsOffset() {
        return sectionsOffset() + sections.headers().length;
    }

    /** Bytes that it takes. */
    int size() {
        return at(0).length;
    }

    /** Its bytes when it lies at {@code address}, below 4 GiB. */
    byte[] at(long address) {
        int base = (int) address;
        ByteArrayOutputStream texts = new ByteArrayOutputStream();
        int firstText = base + textsOffset();
        byte[] tables = new byte[textsOffset()];
        ByteBuffer info = LowMemory.littleEndian(tables);
        int flags = MEMORY | COMMAND_LINE | MODULES | MEMORY_MAP | LOADER_NAME;
        info.putInt(0, sections.isEmpty() ? flags : flags | SECTIONS);
        info.putInt(4, (int) (Math.min(map.size(), MemoryMap.FIRMWARE_START) / 1024));
        info.putInt(8, (int) ((map.lowEnd() - MemoryMap.FIRMWARE_END) / 1024));
        info.putInt(16, firstText + append(texts, commandLine));
        info.putInt(20, modules.size()).putInt(24, base + modulesOffset());
        if (!sections.isEmpty()) {
            info.putInt(28, sections.count()).putInt(32, sections.headers().length / sections.count());
            info.putInt(36, base + sectionsOffset()).putInt(40, sections.names());
        }
        info.putInt(44, map.ranges().size() * MAP_ENTRY).putInt(48, base + mapOffset());
        info.putInt(64, firstText + append(texts, LOADER));
        int at = mapOffset();
        for (MemoryMap.Range range : map.ranges()) {
            info.putInt(at, MAP_ENTRY - 4).putLong(at + 4, range.start()).putLong(at + 12, range.length());
            info.putInt(at + 20, range.kind().number());
            at += MAP_ENTRY;
        }
        for (Module module : modules) {
            info.putInt(at, (int) module.start()).putInt(at + 4, (int) module.end());
            info.putInt(at + 8, firstText + append(texts, module.text()));
            at += MODULE;
        }
        info.put(at, sections.headers());
        byte[] bytes = new byte[tables.length + texts.size()];
        System.arraycopy(tables, 0, bytes, 0, tables.length);
        System.arraycopy(texts.toByteArray(), 0, bytes, tables.length, texts.size());
        return bytes;
    }

    /** Appends a text and its NUL, and gives the offset of its start. */
    private static int append(ByteArrayOutputStream texts, String text) {
        int offset = texts.size();
        texts.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        texts.write(0);
        return offset;
    }
}
