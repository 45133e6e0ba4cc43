package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LongModeEntryTest {

    @Test
    void flagsLieWhereTheManualDrawsThem() {
        assertThat(LongModeEntry.isPresent(0x1)).isTrue();
        assertThat(LongModeEntry.isPresent(~0x1L)).isFalse();
        assertThat(LongModeEntry.isWritable(0x2)).isTrue();
        assertThat(LongModeEntry.isWritable(~0x2L)).isFalse();
        assertThat(LongModeEntry.isUser(0x4)).isTrue();
        assertThat(LongModeEntry.isUser(~0x4L)).isFalse();
        assertThat(LongModeEntry.isAccessed(0x20)).isTrue();
        assertThat(LongModeEntry.isAccessed(~0x20L)).isFalse();
        assertThat(LongModeEntry.isDirty(0x40)).isTrue();
        assertThat(LongModeEntry.isDirty(~0x40L)).isFalse();
        assertThat(LongModeEntry.hasPageSize(0x80)).isTrue();
        assertThat(LongModeEntry.hasPageSize(~0x80L)).isFalse();
        assertThat(LongModeEntry.isNoExecute(Long.MIN_VALUE)).isTrue();
        assertThat(LongModeEntry.isNoExecute(Long.MAX_VALUE)).isFalse();
    }

    @Test
    void frameIsBits51To12() {
        assertThat(LongModeEntry.frame(-1L)).isEqualTo(0xFF_FFFF_FFFFL);
        assertThat(LongModeEntry.frame(0xFFF0_0000_0000_0FFFL)).isZero();
        assertThat(LongModeEntry.frame(LongModeEntry.of(0x12345, LongModeEntry.NO_EXECUTE | 0xFFF)))
                .isEqualTo(0x12345);
    }

    @Test
    void largeLeafFrameIgnoresPatAndTheBitsBelowItsSize() {
        long entry = LongModeEntry.of(0x1234_5678L, LongModeEntry.LARGE_PAT);
        assertThat(LongModeEntry.leafFrame(entry, 1)).isEqualTo(0x1234_5679L);
        assertThat(LongModeEntry.leafFrame(entry, 2)).isEqualTo(0x1234_5600L);
        assertThat(LongModeEntry.leafFrame(entry, 3)).isEqualTo(0x1234_0000L);
    }

    @Test
    void indexTakesNineBitsForEachLevel() {
        long linear = 0x0055_0000_0000_0FFFL | 1L << 12 | 2L << 21 | 3L << 30 | 4L << 39;
        assertThat(LongModeEntry.index(linear, 1)).isEqualTo(1);
        assertThat(LongModeEntry.index(linear, 2)).isEqualTo(2);
        assertThat(LongModeEntry.index(linear, 3)).isEqualTo(3);
        assertThat(LongModeEntry.index(linear, 4)).isEqualTo(4);
        assertThat(LongModeEntry.index(linear, 5)).isEqualTo(0x55);
        assertThat(LongModeEntry.index(-1L, 4)).isEqualTo(511);
    }

    @Test
    void anEntryMaps512TimesWhatTheLevelBelowMaps() {
        assertThat(LongModeEntry.framesMappedBy(1)).isEqualTo(1);
        for (int level = 1; level <= 5; level++) {
            assertThat(1L << LongModeEntry.indexShift(level)).isEqualTo(LongModeEntry.framesMappedBy(level) << 12);
            assertThat(LongModeEntry.framesMappedBy(level + 1)).isEqualTo(512 * LongModeEntry.framesMappedBy(level));
        }
    }
}
