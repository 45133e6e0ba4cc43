package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryTypeRegistersTest {
    private final MemoryTypeRegisters registers = new MemoryTypeRegisters();

    @Test
    void memoryIsWriteBackAndDevicesAreNot() {
        assertThat(registers.read(0xFE)).hasValue(0x508);
        assertThat(registers.read(0x2FF)).hasValue(0xC06);
        assertThat(registers.read(0x250)).hasValue(0x0606_0606_0606_0606L);
        assertThat(registers.read(0x259)).hasValue(0);
        assertThat(registers.read(0x200)).hasValue(0xC000_0000L);
        assertThat(registers.read(0x201)).hasValue(0xFF_C000_0800L);
    }

    @Test
    void whatIsWrittenIsRead() {
        assertThat(registers.write(0x202, 0x1_0000_0001L)).isTrue();
        assertThat(registers.write(0x203, 0xFF_0000_0800L)).isTrue();
        assertThat(registers.write(0x26F, 0x0504_0100_0605_0401L)).isTrue();
        assertThat(registers.read(0x202)).hasValue(0x1_0000_0001L);
        assertThat(registers.read(0x203)).hasValue(0xFF_0000_0800L);
        assertThat(registers.read(0x26F)).hasValue(0x0504_0100_0605_0401L);
    }

    @ParameterizedTest
    @CsvSource({
        "0xFE, 0x508",
        "0x2FF, 0x1006",
        "0x2FF, 0xC02",
        "0x250, 0x0606060606060602",
        "0x26F, 0x0706060606060606",
        "0x200, 0x10000000000",
        "0x200, 0x103",
        "0x200, 0x7",
        "0x201, 0x10000000800",
        "0x201, 0x801"
    })
    void reservedBitsAndTypesAreRefusedAndNothingChanges(String index, String value) {
        int register = Integer.decode(index);
        long before = registers.read(register).getAsLong();
        assertThat(registers.write(register, Long.decode(value))).isFalse();
        assertThat(registers.read(register)).hasValue(before);
    }

    @Test
    void otherRegistersAreNotItsOwn() {
        assertThat(MemoryTypeRegisters.has(0x210)).isFalse();
        assertThat(MemoryTypeRegisters.has(0x251)).isFalse();
        assertThat(MemoryTypeRegisters.has(0x20F)).isTrue();
    }
}
