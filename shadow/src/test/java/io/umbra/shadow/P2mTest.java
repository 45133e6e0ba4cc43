package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class P2mTest {
    private static final long GIB = 1 << 18;

    private final MachineMemory memory = new MachineMemory(4096);
    private final FrameAllocator allocator = new FrameAllocator(4096, 5);
    private final long framesAtFirst = allocator.freeFrames();
    private final P2m p2m = new P2m(memory, allocator);

    @AfterEach
    void close() {
        memory.close();
    }

    private P2mType type(long gfn) {
        return P2m.type(p2m.lookup(gfn));
    }

    @Test
    void whatWasNeverSetIsAHole() {
        for (long gfn : new long[] {0, 511, GIB, 1L << 35, 1L << 36, -1, Long.MAX_VALUE}) {
            assertThat(type(gfn)).isEqualTo(P2mType.HOLE);
            assertThat(P2m.isBacked(p2m.lookup(gfn))).isFalse();
        }
        assertThat(p2m.highestGfn()).isEqualTo(-1);
    }

    @Test
    void eachTypeIsFoundAsItWasSet() {
        p2m.set(5, 1, 1000, P2mType.RAM);
        p2m.set(6, 1, 1001, P2mType.READ_ONLY);
        p2m.set(7, 1, 0, P2mType.MMIO);
        assertThat(type(5)).isEqualTo(P2mType.RAM);
        assertThat(P2m.mfn(p2m.lookup(5))).isEqualTo(1000);
        assertThat(P2m.isWritable(p2m.lookup(5))).isTrue();
        assertThat(type(6)).isEqualTo(P2mType.READ_ONLY);
        assertThat(P2m.mfn(p2m.lookup(6))).isEqualTo(1001);
        assertThat(P2m.isWritable(p2m.lookup(6))).isFalse();
        assertThat(type(7)).isEqualTo(P2mType.MMIO);
        assertThat(P2m.isBacked(p2m.lookup(7))).isFalse();
        assertThat(type(8)).isEqualTo(P2mType.HOLE);
        assertThat(p2m.highestGfn()).isEqualTo(7);
    }

    @Test
    void largeLeavesAnswerForEachFrame() {
        p2m.set(512, 2, 1024, P2mType.RAM);
        p2m.set(GIB, 3, 0, P2mType.MMIO);
        assertThat(P2m.mfn(p2m.lookup(512))).isEqualTo(1024);
        assertThat(P2m.mfn(p2m.lookup(1023))).isEqualTo(1535);
        assertThat(type(1024)).isEqualTo(P2mType.HOLE);
        assertThat(type(GIB + 12345)).isEqualTo(P2mType.MMIO);
        assertThat(p2m.highestGfn()).isEqualTo(2 * GIB - 1);
    }

    @Test
    void aLargeLeafIsSplitAroundAChange() {
        p2m.set(512, 2, 1024, P2mType.READ_ONLY);
        p2m.set(600, 1, 77, P2mType.RAM);
        assertThat(P2m.mfn(p2m.lookup(599))).isEqualTo(1024 + 87);
        assertThat(type(599)).isEqualTo(P2mType.READ_ONLY);
        assertThat(P2m.mfn(p2m.lookup(600))).isEqualTo(77);
        assertThat(type(600)).isEqualTo(P2mType.RAM);
        assertThat(P2m.mfn(p2m.lookup(601))).isEqualTo(1024 + 89);
    }

    @Test
    void aGibibyteOfDevicesIsSplitDownToOneFrame() {
        p2m.set(0, 3, 0, P2mType.MMIO);
        p2m.set(700, 1, 55, P2mType.RAM);
        assertThat(P2m.mfn(p2m.lookup(700))).isEqualTo(55);
        assertThat(type(699)).isEqualTo(P2mType.MMIO);
        assertThat(type(5)).isEqualTo(P2mType.MMIO);
        assertThat(type(GIB - 1)).isEqualTo(P2mType.MMIO);
    }

    @Test
    void smallerLeavesAreMergedUnderALargerOne() {
        p2m.set(512, 2, 1024, P2mType.RAM);
        long free = allocator.freeFrames();
        p2m.set(600, 1, 77, P2mType.RAM);
        assertThat(allocator.freeFrames()).isEqualTo(free - 1);
        p2m.set(512, 2, 2048, P2mType.RAM);
        assertThat(allocator.freeFrames()).isEqualTo(free);
        assertThat(P2m.mfn(p2m.lookup(600))).isEqualTo(2048 + 88);
    }

    @Test
    void misalignedLeavesAreRefused() {
        assertThatThrownBy(() -> p2m.set(513, 2, 1024, P2mType.RAM)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> p2m.set(512, 2, 1025, P2mType.RAM)).isInstanceOf(IllegalArgumentException.class);
        p2m.set(512, 2, 1025, P2mType.MMIO);
    }

    @Test
    void listenersHearOfAChangeBeforeAndAfter() {
        List<String> heard = new ArrayList<>();
        P2m.ChangeListener listener = new P2m.ChangeListener() {
            @Override
            public void aboutToChange(long gfn, long frames) {
                heard.add("before " + gfn + "+" + frames + " " + type(gfn));
            }

            @Override
            public void changed(long gfn, long frames) {
                heard.add("after " + gfn + "+" + frames + " " + type(gfn));
            }
        };
        p2m.addListener(listener);
        p2m.set(512, 2, 1024, P2mType.RAM);
        p2m.removeListener(listener);
        p2m.set(512, 2, 0, P2mType.MMIO);
        assertThat(heard).containsExactly("before 512+512 HOLE", "after 512+512 RAM");
    }

    @Test
    void freedMapHasGivenAllItsFramesBack() {
        p2m.set(512, 2, 1024, P2mType.RAM);
        p2m.set(600, 1, 77, P2mType.RAM);
        p2m.set(5 * GIB, 3, 0, P2mType.MMIO);
        p2m.free();
        assertThat(allocator.freeFrames()).isEqualTo(framesAtFirst);
    }
}
