package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class PagingModeTest {

    private static final long PG = Cr0.PAGING | Cr0.PROTECTION;
    private static final long PAE = Cr4.PHYSICAL_ADDRESS_EXTENSION;
    private static final long LA57 = Cr4.FIVE_LEVEL;
    private static final long LONG = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE;

    @Test
    void withoutPgThereIsNoPagingWhateverElseIsSet() {
        assertThat(PagingMode.of(Cr0.PROTECTION, PAE | LA57, Efer.LONG_MODE_ENABLE))
                .isEqualTo(PagingMode.NONE);
    }

    @Test
    void pgPaeLongModeAndLa57SelectTheMode() {
        assertThat(PagingMode.of(PG, 0, 0)).isEqualTo(PagingMode.TWO_LEVEL);
        assertThat(PagingMode.of(PG, PAE, 0)).isEqualTo(PagingMode.PAE);
        assertThat(PagingMode.of(PG, PAE | LA57, 0)).isEqualTo(PagingMode.PAE);
        assertThat(PagingMode.of(PG, PAE, LONG)).isEqualTo(PagingMode.FOUR_LEVEL);
        assertThat(PagingMode.of(PG, PAE | LA57, LONG)).isEqualTo(PagingMode.FIVE_LEVEL);
    }

    @Test
    void fourLevelAddressesRepeatBit47AndFiveLevelAddressesBit56() {
        assertThat(PagingMode.FOUR_LEVEL.isCanonical(0x0000_7FFF_FFFF_FFFFL)).isTrue();
        assertThat(PagingMode.FOUR_LEVEL.isCanonical(0x0000_8000_0000_0000L)).isFalse();
        assertThat(PagingMode.FOUR_LEVEL.isCanonical(0xFFFF_7FFF_FFFF_FFFFL)).isFalse();
        assertThat(PagingMode.FOUR_LEVEL.isCanonical(0xFFFF_8000_0000_0000L)).isTrue();
        assertThat(PagingMode.FIVE_LEVEL.isCanonical(0x00FF_FFFF_FFFF_FFFFL)).isTrue();
        assertThat(PagingMode.FIVE_LEVEL.isCanonical(0x0100_0000_0000_0000L)).isFalse();
        assertThat(PagingMode.FIVE_LEVEL.isCanonical(0xFEFF_FFFF_FFFF_FFFFL)).isFalse();
        assertThat(PagingMode.FIVE_LEVEL.isCanonical(0xFF00_0000_0000_0000L)).isTrue();
    }

    @Test
    void everyAddressIsCanonicalOutsideLongMode() {
        assertThat(PagingMode.NONE.isCanonical(0x1234_5678_9ABC_DEF0L)).isTrue();
        assertThat(PagingMode.TWO_LEVEL.isCanonical(0x1234_5678_9ABC_DEF0L)).isTrue();
        assertThat(PagingMode.PAE.isCanonical(0x1234_5678_9ABC_DEF0L)).isTrue();
    }

    @Test
    void indexesCoverTheLinearAddressWithoutGapOrOverlap() {
        for (PagingMode mode : PagingMode.values()) {
            for (int bit = 12; bit < mode.linearBits() && mode != PagingMode.NONE; bit++) {
                int selected = 0;
                for (int level = 1; level <= mode.levels(); level++) {
                    selected += Integer.bitCount(mode.index(1L << bit, level));
                }
                assertThat(selected).as("%s bit %d", mode, bit).isEqualTo(1);
            }
        }
    }

    @Test
    void addressesOf32BitsSelectNothingWithTheirUpperHalf() {
        assertThat(PagingMode.PAE.index(0xFFFF_FFFF_4000_0000L, 3)).isEqualTo(1);
        assertThat(PagingMode.TWO_LEVEL.index(0xFFFF_FFFF_0040_0000L, 2)).isEqualTo(1);
    }

    @Test
    void leavesMapTheSizesOfTheManual() {
        assertThat(PagingMode.TWO_LEVEL.pageSize(2).bytes()).isEqualTo(4 << 20);
        assertThat(PagingMode.PAE.pageSize(2).bytes()).isEqualTo(2 << 20);
        assertThat(PagingMode.FOUR_LEVEL.pageSize(3).bytes()).isEqualTo(1 << 30);
        assertThat(PagingMode.FIVE_LEVEL.pageSize(1).frames()).isEqualTo(1);
        assertThatThrownBy(() -> PagingMode.FOUR_LEVEL.pageSize(4)).isInstanceOf(IllegalArgumentException.class);
    }
}
