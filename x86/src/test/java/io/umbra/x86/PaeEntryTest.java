package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PaeEntryTest {

    @Test
    void pointersLieOnAMultipleOf32BytesBelow4Gigabytes() {
        assertThat(PaeEntry.pointers(0x7_1234_5FFFL)).isEqualTo(0x1234_5FE0L);
    }

    @Test
    void pointerReservesAllButPresentCachingAvailableAndFrame() {
        long allowed = 0x1 | 0x18 | 0xE00 | 0x0000_000F_FFFF_F000L;
        assertThat(PaeEntry.pointerReserved(36)).isEqualTo(~allowed);
        assertThat(PaeEntry.pointerReserved(52)).isEqualTo(0xFFF0_0000_0000_01E6L);
    }

    @Test
    void whatPaeReservesBeyondLongModeIsBits62To52() {
        assertThat(PaeEntry.RESERVED_HIGH).isEqualTo(~(LongModeEntry.NO_EXECUTE | LongModeEntry.FRAME_MASK | 0xFFF));
    }
}
