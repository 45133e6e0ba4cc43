package io.umbra.guests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A program header with the file's bytes: addresses and sizes in bytes, contents from index 0. */
record ElfSegment(
        int type, int flags, long address, long physical, long memorySize, long alignment, ByteBuffer contents) {
    static final int PT_LOAD = 1;
    static final int PT_NOTE = 4;

    /** The program headers of a little-endian ELF64 file. */
    static List<ElfSegment> of(Path file) throws IOException {
        var elf = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(elf.getInt(0)).as("ELF magic").isEqualTo(0x464c457f);
        assertThat(elf.get(4)).as("ELFCLASS64").isEqualTo((byte) 2);
        int table = Math.toIntExact(elf.getLong(32));
        int size = elf.getShort(54);
        var segments = new ArrayList<ElfSegment>();
        for (int i = 0; i < elf.getShort(56); i++) {
            int at = table + i * size;
            var contents = elf.slice(Math.toIntExact(elf.getLong(at + 8)), Math.toIntExact(elf.getLong(at + 32)))
                    .order(ByteOrder.LITTLE_ENDIAN);
            segments.add(new ElfSegment(
                    elf.getInt(at),
                    elf.getInt(at + 4),
                    elf.getLong(at + 16),
                    elf.getLong(at + 24),
                    elf.getLong(at + 40),
                    elf.getLong(at + 48),
                    contents));
        }
        return segments;
    }
}
