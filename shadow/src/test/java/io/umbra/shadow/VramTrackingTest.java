package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The text screen of a PC, 8 frames from 0xB8000 on, is tracked here; only the first four of them are memory. */
class VramTrackingTest {
    private static final long SCREEN = 0xB8;
    private static final int FRAMES = 8;
    private static final long LINEAR = SCREEN << 12;
    private static final long ALIAS = 0x1B_8000;

    private final SmallGuest guest = new SmallGuest();
    private final VramTracking vram = guest.engine.vram();

    VramTrackingTest() {
        for (int i = 0; i < 4; i++) {
            guest.p2m.set(SCREEN + i, 1, guest.allocator.allocate(), P2mType.RAM);
        }
        for (int i = 0; i < FRAMES; i++) {
            guest.map(LINEAR + i * 0x1000L, SCREEN + i, KERNEL | D);
            guest.map(ALIAS + i * 0x1000L, SCREEN + i, KERNEL | D);
        }
        guest.touch(LINEAR, READ);
        guest.touch(ALIAS, READ);
    }

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private IntStream query() {
        return vram.query().stream();
    }

    @Test
    void queryGivesWhatWasDrawnSinceTheLast() {
        vram.begin(SCREEN, FRAMES);
        assertThat(query()).isEmpty();
        guest.store(LINEAR + 0x1008, 'x', 0);
        guest.store(LINEAR + 0x2FF8, 'y', 0);
        assertThat(query()).containsExactly(1, 2);
        assertThat(query()).isEmpty();
        guest.store(LINEAR + 0x1008, 'x', 0);
        guest.store(LINEAR + 0x1010, 'x', 0);
        assertThat(query()).containsExactly(1);
    }

    @Test
    void drawingBeforeTrackingBeganDoesNotCountAndDrawingThroughAnOldTranslationDoes() {
        guest.store(LINEAR, 'x', 0);
        vram.begin(SCREEN, FRAMES);
        assertThat(query()).isEmpty();
        guest.store(LINEAR, 'x', 0);
        assertThat(query()).containsExactly(0);
    }

    @Test
    void readingIsNotDrawing() {
        vram.begin(SCREEN, FRAMES);
        guest.touch(LINEAR, READ);
        guest.touch(LINEAR, READ);
        assertThat(query()).isEmpty();
    }

    @Test
    void anyNumberOfMappingsIsTracked() {
        vram.begin(SCREEN, FRAMES);
        guest.touch(LINEAR, WRITE);
        guest.touch(ALIAS, WRITE);
        assertThat(query()).containsExactly(0);
        guest.touch(ALIAS, WRITE);
        assertThat(query()).containsExactly(0);
        guest.touch(LINEAR, WRITE);
        assertThat(query()).containsExactly(0);
    }

    @Test
    void devicesAndEmulatedInstructionsDrawToo() {
        vram.begin(SCREEN, FRAMES);
        guest.engine.memoryWritten(LINEAR + 0x1FFF, 2);
        guest.emulateStore(LINEAR + 0x3000, 'x');
        assertThat(query()).containsExactly(1, 2, 3);
    }

    @Test
    void aHoleInTheRangeIsNeverDirtyUntilItBecomesMemory() {
        vram.begin(SCREEN, FRAMES);
        guest.engine.memoryWritten(LINEAR + 0x4000, 0x4000);
        assertThat(query()).isEmpty();
        guest.p2m.set(SCREEN + 6, 1, guest.allocator.allocate(), P2mType.RAM);
        assertThat(query()).containsExactly(6);
        guest.store(LINEAR + 0x6000, 'x', 0);
        assertThat(query()).containsExactly(6);
    }

    @Test
    void anotherRangeDropsTheOldOneAndTheSameOneGoesOn() {
        vram.begin(SCREEN, FRAMES);
        guest.store(LINEAR, 'x', 0);
        vram.begin(SCREEN, FRAMES);
        assertThat(query()).containsExactly(0);
        guest.store(LINEAR + 0x2000, 'x', 0);
        vram.begin(SCREEN + 1, 2);
        assertThat(query()).isEmpty();
        guest.store(LINEAR, 'x', 0);
        guest.store(LINEAR + 0x2000, 'x', 0);
        assertThat(query()).containsExactly(1);
    }

    @Test
    void noFramesEndsTracking() {
        vram.begin(SCREEN, FRAMES);
        vram.begin(0, 0);
        assertThat(vram.isOn()).isFalse();
        assertThatThrownBy(vram::query).isInstanceOf(IllegalStateException.class);
        guest.touch(LINEAR, WRITE);
        assertThat(guest.touch(LINEAR, WRITE)).isNull();
    }

    @Test
    void cleaningTheLogDropsNothingOfTheScreenAndTheOtherWayRound() {
        LogDirty log = guest.engine.logDirty();
        log.enable();
        vram.begin(SCREEN, FRAMES);
        guest.store(LINEAR, 'x', 0);
        log.clean();
        assertThat(query()).containsExactly(0);
        guest.store(LINEAR, 'x', 0);
        assertThat(query()).containsExactly(0);
        assertThat(((DirtyRound.Complete) log.clean()).frames().contains(SCREEN))
                .isTrue();
    }

    @Test
    void rangeOutsideOfAllFramesIsRefused() {
        assertThatThrownBy(() -> vram.begin(-1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vram.begin(DirtyBitmap.FRAMES, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vram.begin(0, -1)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
