package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TwoLevelEntryTest {

    @Test
    void frameIsBits31To12() {
        assertThat(TwoLevelEntry.frame(0xFFFF_FFFFL)).isEqualTo(0xF_FFFFL);
        assertThat(TwoLevelEntry.frame(0xFFFL)).isZero();
    }

    @Test
    void largeFrameUnfoldsBits39To32OfTheAddress() {
        long entry = 0xC040_0000L | 0xA5L << 13 | 0x1FFF;
        assertThat(TwoLevelEntry.largeFrame(entry) << 12).isEqualTo(0xA5_C040_0000L);
    }

    @Test
    void largeEntryGivesBackTheFrameItWasMadeFrom() {
        for (long address = 0; address < 1L << 40; address += 0x7_0040_0000L) {
            long entry = TwoLevelEntry.ofLarge(address >>> 12, 0x67);
            assertThat(TwoLevelEntry.largeFrame(entry) << 12).isEqualTo(address);
            assertThat(entry & 0xFFF).isEqualTo(0xE7);
            assertThat(entry >>> 32).isZero();
        }
    }

    @Test
    void pse36MovesTheReservedBitsUpAsFarAsPhysicalAddressesReach() {
        assertThat(TwoLevelEntry.largeReserved(false, 46)).isEqualTo(0x003F_E000L);
        assertThat(TwoLevelEntry.largeReserved(true, 32)).isEqualTo(0x003F_E000L);
        assertThat(TwoLevelEntry.largeReserved(true, 36)).isEqualTo(0x003E_0000L);
        assertThat(TwoLevelEntry.largeReserved(true, 40)).isEqualTo(0x0020_0000L);
        assertThat(TwoLevelEntry.largeReserved(true, 46)).isEqualTo(0x0020_0000L);
    }
}
