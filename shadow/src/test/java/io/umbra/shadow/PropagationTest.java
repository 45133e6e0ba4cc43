package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.NX;
import static io.umbra.shadow.SmallGuest.P;
import static io.umbra.shadow.SmallGuest.PS;
import static io.umbra.shadow.SmallGuest.RW;
import static io.umbra.shadow.SmallGuest.US;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PropagationTest {
    private static final long CHILD = 0x123;
    private static final long FRAME = 0x456;
    private static final long MEMORY = LongModeEntry.of(FRAME, P | RW | US | A | D);
    private static final long ROM = LongModeEntry.of(FRAME, P | US | A | D);
    private static final long HOLE = 0;

    private static long link(long guest) {
        return Propagation.link(guest, CHILD, true);
    }

    private static long leaf(long guest) {
        return Propagation.leaf(guest, MEMORY, false, true, 0);
    }

    private static long frame(long flags) {
        return LongModeEntry.of(FRAME, flags);
    }

    @Test
    void linkHasTheGuestsRightsAndIsAlwaysAccessedAndDirty() {
        assertThat(link(P | A)).isEqualTo(LongModeEntry.of(CHILD, P | A | D));
        assertThat(link(P | RW | A)).isEqualTo(LongModeEntry.of(CHILD, P | RW | A | D));
        assertThat(link(P | US | A)).isEqualTo(LongModeEntry.of(CHILD, P | US | A | D));
        assertThat(link(P | A | NX)).isEqualTo(LongModeEntry.of(CHILD, P | A | D | NX));
    }

    @Test
    void nothingIsMadeOfAnEntryThatIsAbsentOrNotAccessed() {
        assertThat(link(RW | US | A)).isZero();
        assertThat(link(P | RW | US)).isZero();
        assertThat(leaf(RW | US | A | D)).isZero();
        assertThat(leaf(P | RW | US | D)).isZero();
    }

    @Test
    void linkToASplinterIsWritableOnceThePageIsDirty() {
        assertThat(Propagation.splinterLink(P | RW | A | PS, CHILD, true))
                .isEqualTo(LongModeEntry.of(CHILD, P | A | D));
        assertThat(Propagation.splinterLink(P | RW | A | D | PS, CHILD, true))
                .isEqualTo(LongModeEntry.of(CHILD, P | RW | A | D));
    }

    @Test
    void leafIsWritableOnceThePageIsDirty() {
        assertThat(leaf(P | RW | A)).isEqualTo(frame(P | A));
        assertThat(leaf(P | RW | A | D)).isEqualTo(frame(P | RW | A | D));
    }

    @Test
    void leafOfADirtyPageThatIsReadOnlyIsNeitherWritableNorDirty() {
        assertThat(leaf(P | A | D)).isEqualTo(frame(P | A));
    }

    @Test
    void leafOfAProtectedTableIsReadOnly() {
        assertThat(Propagation.leaf(P | RW | A | D, MEMORY, true, true, 0)).isEqualTo(frame(P | A));
    }

    @Test
    void leafOfReadOnlyMemoryIsReadOnly() {
        assertThat(Propagation.leaf(P | RW | A | D, ROM, false, true, 0)).isEqualTo(frame(P | A));
    }

    @Test
    void noLeafWithoutMemory() {
        assertThat(Propagation.leaf(P | RW | A | D, HOLE, false, true, 0)).isZero();
    }

    @Test
    void noExecuteIsMirroredOnlyWhileEnabled() {
        assertThat(leaf(P | A | NX)).isEqualTo(frame(P | A | NX));
        assertThat(Propagation.leaf(P | A | NX, MEMORY, false, false, 0)).isEqualTo(frame(P | A));
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 3, 1L << 4, 1L << 7, 1L << 8, 1L << 9, 1L << 11, 1L << 52, 1L << 59, 1L << 62})
    void cacheGlobalAvailableAndKeyBitsDoNotLeak(long bit) {
        assertThat(leaf(P | RW | US | A | D | bit)).isEqualTo(frame(P | RW | US | A | D));
        assertThat(link(P | RW | US | A | D | bit)).isEqualTo(LongModeEntry.of(CHILD, P | RW | US | A | D));
    }

    @Test
    void losingARightOrTheFrameIsNoticed() {
        long full = frame(P | RW | US | A | D);
        assertThat(Propagation.grantsNoLess(0, full)).isTrue();
        assertThat(Propagation.grantsNoLess(full, full)).isTrue();
        assertThat(Propagation.grantsNoLess(full | NX, full)).isTrue();
        assertThat(Propagation.grantsNoLess(full, full | NX)).isFalse();
        assertThat(Propagation.grantsNoLess(full, full & ~RW)).isFalse();
        assertThat(Propagation.grantsNoLess(full, full & ~US)).isFalse();
        assertThat(Propagation.grantsNoLess(full, 0)).isFalse();
        assertThat(Propagation.grantsNoLess(full, full + 0x1000)).isFalse();
    }
}
