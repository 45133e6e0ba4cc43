package io.umbra.vmm.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.loader.ArrayMemory;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.MemoryMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The tables are parsed back as an operating system does: from the signatures in low memory. */
class FirmwareTest {
    private final ArrayMemory memory = new ArrayMemory(1 << 20);

    @BeforeEach
    void write() throws LoadException {
        Firmware.writeTables(memory);
    }

    private ByteBuffer at(long address, int length) throws LoadException {
        return ByteBuffer.wrap(memory.read(address, length)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private String text(long address, int length) throws LoadException {
        return new String(memory.read(address, length), StandardCharsets.US_ASCII);
    }

    private int sum(long address, int length) throws LoadException {
        int sum = 0;
        for (byte value : memory.read(address, length)) {
            sum += value;
        }
        return sum & 0xFF;
    }

    private long find(String signature, long from) throws LoadException {
        for (long address = from; address < 0x10_0000; address += 16) {
            if (text(address, signature.length()).equals(signature)) {
                return address;
            }
        }
        throw new AssertionError("no " + signature);
    }

    private ByteBuffer table(long address, String signature) throws LoadException {
        assertThat(text(address, 4)).isEqualTo(signature);
        int length = at(address + 4, 4).getInt();
        assertThat(sum(address, length)).as("sum of " + signature).isZero();
        assertThat(address + length).isLessThanOrEqualTo(MemoryMap.ACPI_STORAGE);
        return at(address, length);
    }

    private ByteBuffer fixedDescription() throws LoadException {
        long root = find("RSD PTR ", 0xE_0000);
        return table(table(at(root, 36).getInt(16), "RSDT").getInt(36), "FACP");
    }

    @Test
    void theRootPointerLeadsToTheSameTablesInBothWidths() throws LoadException {
        long root = find("RSD PTR ", 0xE_0000);
        assertThat(root).isEqualTo(Firmware.ACPI_ROOT_POINTER);
        assertThat(sum(root, 20)).isZero();
        assertThat(sum(root, 36)).isZero();
        ByteBuffer narrow = table(at(root, 36).getInt(16), "RSDT");
        ByteBuffer wide = table(at(root, 36).getLong(24), "XSDT");
        List<Long> fromNarrow = new ArrayList<>();
        List<Long> fromWide = new ArrayList<>();
        for (int entry = 0; entry < 2; entry++) {
            fromNarrow.add((long) narrow.getInt(36 + 4 * entry));
            fromWide.add(wide.getLong(36 + 8 * entry));
        }
        assertThat(narrow.capacity()).isEqualTo(44);
        assertThat(wide.capacity()).isEqualTo(52);
        assertThat(fromWide).isEqualTo(fromNarrow);
        table(fromNarrow.get(1), "APIC");
    }

    @Test
    void theFixedDescriptionNamesThePortsThatExist() throws LoadException {
        ByteBuffer fadt = fixedDescription();
        assertThat(fadt.capacity()).isEqualTo(244);
        assertThat(text(fadt.getInt(36), 4)).isEqualTo("FACS");
        table(fadt.getInt(40), "DSDT");
        assertThat(fadt.getLong(140)).as("X_DSDT").isEqualTo(fadt.getInt(40));
        assertThat(fadt.getShort(46)).as("SCI").isEqualTo((short) 9);
        assertThat(fadt.getInt(48)).as("SMI_CMD").isZero();
        assertThat(List.of(fadt.getInt(56), fadt.getInt(64), fadt.getInt(76))).containsExactly(0x600, 0x604, 0x608);
        assertThat(List.of(fadt.getLong(152), fadt.getLong(176), fadt.getLong(212)))
                .containsExactly(0x600L, 0x604L, 0x608L);
        assertThat(List.of(fadt.get(88), fadt.get(89), fadt.get(91))).containsExactly((byte) 4, (byte) 2, (byte) 4);
        assertThat(fadt.getShort(109)).as("IAPC_BOOT_ARCH").isEqualTo((short) 0b1111);
        assertThat(fadt.getInt(112)).as("flags").isEqualTo(0x475);
        assertThat(fadt.getLong(120)).as("reset register").isEqualTo(0xCF9);
        assertThat(fadt.get(128)).as("reset value").isEqualTo((byte) 6);
    }

    @Test
    void theInterruptTableDescribesTheWiring() throws LoadException {
        long root = find("RSD PTR ", 0xE_0000);
        ByteBuffer madt = table(table(at(root, 36).getInt(16), "RSDT").getInt(40), "APIC");
        assertThat(madt.getInt(36)).isEqualTo(0xFEE0_0000);
        assertThat(madt.getInt(40)).as("there is an 8259 pair").isEqualTo(1);
        List<String> entries = new ArrayList<>();
        for (int at = 44; at < madt.capacity(); at += madt.get(at + 1)) {
            byte[] entry = new byte[madt.get(at + 1)];
            madt.get(at, entry);
            entries.add(HexFormat.of().formatHex(entry));
        }
        assertThat(entries)
                .containsExactly(
                        "0008000001000000",
                        "010c01000000c0fe00000000",
                        "020a0000020000000000",
                        "020a0009090000000d00",
                        "0406ff000001");
    }

    @Test
    void theMultiprocessorTableCountsItsEntries() throws LoadException {
        long pointer = find("_MP_", 0xF_0000);
        assertThat(sum(pointer, 16)).isZero();
        long table = at(pointer + 4, 4).getInt();
        assertThat(text(table, 4)).isEqualTo("PCMP");
        int length = at(table + 4, 2).getShort();
        assertThat(sum(table, length)).isZero();
        Map<Integer, Integer> counts = new TreeMap<>();
        ByteBuffer entries = at(table, length);
        int end = 44;
        while (end < length) {
            counts.merge((int) entries.get(end), 1, Integer::sum);
            end += entries.get(end) == 0 ? 20 : 8;
        }
        assertThat(end).isEqualTo(length);
        assertThat(counts).isEqualTo(Map.of(0, 1, 1, 1, 2, 1, 3, 16, 4, 2));
        assertThat((int) entries.getShort(34)).isEqualTo(21);
    }
}
